//! What the stream's leader says of the whole stream (`STREAM.INFO`, read as raw JSON), and whether a majority
//! of its servers stands behind it.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use super::wire::CallError;
use super::{STREAM, Shared, read};
use crate::log::{Quorum, ReadError, StreamInfo};

/// How long a leader may take to hear from a majority before it counts as lost. Replicas speak each second; one
/// that is late on a busy machine is no reason to refuse a command.
const PATIENCE: Duration = Duration::from_secs(2);

/// Of more messages that are gone from inside the log, nobody is told which.
const MAX_DELETED: usize = 10_000;

/// When a server has proven nothing for this long, another one of its cluster is tried.
const LEAVE_AFTER: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
struct Info {
    config: Config,
    state: State,
    ts: String,
    /// A server that stands alone tells none.
    cluster: Option<Cluster>,
}

#[derive(Deserialize)]
struct Config {
    num_replicas: usize,
}

#[derive(Deserialize)]
struct State {
    messages: u64,
    first_seq: u64,
    last_seq: u64,
    #[serde(default)]
    num_deleted: usize,
    /// Which they are, when that was asked.
    #[serde(default)]
    deleted: Vec<u64>,
    /// How many messages each subject has, of those that were asked for.
    #[serde(default)]
    subjects: HashMap<String, usize>,
}

#[derive(Deserialize)]
struct Cluster {
    /// Left out, or empty: there is none.
    #[serde(default)]
    leader: String,
    /// The stream's servers but the leader.
    #[serde(default)]
    replicas: Vec<Replica>,
}

#[derive(Deserialize)]
struct Replica {
    /// Since the leader heard of it, in nanoseconds.
    #[serde(default = "never")]
    active: u64,
    #[serde(default)]
    offline: bool,
}

fn never() -> u64 {
    u64::MAX
}

/// From where to where the log goes.
pub(super) struct Extent {
    first: u64,
    pub last: u64,
    /// Gone from in between.
    deleted: Vec<u64>,
}

impl Extent {
    /// Whether the message of this sequence is there.
    pub(super) fn has(&self, sequence: u64) -> bool {
        (self.first..=self.last).contains(&sequence) && !self.deleted.contains(&sequence)
    }
}

pub(super) async fn info(log: &Shared) -> Result<StreamInfo, ReadError> {
    let asked_at = log.clock.instant();
    let info = ask(log, &Value::Null).await?;
    Ok(StreamInfo {
        last_sequence: info.state.last_seq,
        messages: info.state.messages,
        server_time: read::time(&info.ts)?,
        asked_at,
        quorum: quorum(&info),
    })
}

/// The log's extent, by a majority's word.
pub(super) async fn extent(log: &Shared) -> Result<Extent, CallError> {
    let mut state = confirmed(log, &Value::Null).await?;
    // Nobody may delete from a log that is as it must be. If somebody did, or a disk lost some, the same answer
    // tells which, so that nothing counts as gone by the word of another server.
    if state.num_deleted > 0 && state.num_deleted <= MAX_DELETED {
        state = confirmed(log, &json!({ "deleted_details": true })).await?;
    }
    let State { first_seq: first, last_seq: last, num_deleted, deleted, .. } = state;
    if deleted.len() == num_deleted {
        Ok(Extent { first, last, deleted })
    } else {
        Err(CallError::Holes(num_deleted))
    }
}

/// How many messages there are under a subject, by a majority's word.
pub(super) async fn count(log: &Shared, subject: &str) -> Result<usize, CallError> {
    let mut state = confirmed(log, &json!({ "subjects_filter": subject })).await?;
    Ok(state.subjects.remove(subject).unwrap_or(0))
}

/// What a leader says that a majority stands behind.
async fn confirmed(log: &Shared, question: &Value) -> Result<State, CallError> {
    let started = log.clock.instant();
    let mut attempt = 0;
    loop {
        let info = ask(log, question).await?;
        let quorum = quorum(&info);
        match quorum {
            Quorum::Single | Quorum::Majority { .. } => return Ok(info.state),
            Quorum::Lost { .. } if log.clock.instant().saturating_duration_since(started) < PATIENCE => {
                log.back_off(attempt, Duration::from_millis(50), Duration::from_millis(400)).await;
            }
            Quorum::Lost { .. } => return Err(CallError::NoMajority(quorum)),
        }
        attempt += 1;
    }
}

async fn ask(log: &Shared, question: &Value) -> Result<Info, CallError> {
    let asked_at = log.clock.instant();
    let subject = format!("STREAM.INFO.{STREAM}");
    let answer = log.wire.call::<Info>(&subject, question, log.timeouts.read).await;
    let proven = answer.as_ref().is_ok_and(|info| quorum(info).is_majority());
    if proven {
        log.left_behind.ended();
    }
    if is_left_behind(log, asked_at, proven) {
        log.left_behind.warn(&match &answer {
            Ok(info) => quorum(info).to_string(),
            Err(error) => error.to_string(),
        });
        metrics::counter!("keyledger_log_server_changes_total").increment(1);
        if let Err(error) = log.wire.client().force_reconnect().await {
            tracing::warn!(%error, "the connection to NATS does not change");
        }
    }
    answer
}

/// Whether it is time to try another server of the cluster: one that was cut off from its peers keeps its
/// connections. In an election no server is better than this one; a change does no harm then.
fn is_left_behind(log: &Shared, asked_at: Instant, proven: bool) -> bool {
    let now = log.clock.instant();
    let mut since = log.unproven_since.lock().unwrap_or_else(PoisonError::into_inner);
    if proven || !log.wire.is_connected() || log.wire.client().server_info().cluster.is_none() {
        *since = None;
        return false;
    }
    if now.saturating_duration_since(*since.get_or_insert(asked_at)) < LEAVE_AFTER {
        return false;
    }
    *since = Some(now);
    true
}

fn quorum(info: &Info) -> Quorum {
    let (leads, replicas) = match &info.cluster {
        None => (true, [].as_slice()),
        Some(cluster) => (!cluster.leader.is_empty(), cluster.replicas.as_slice()),
    };
    // One that names no others is alone only when the stream is to be on one server.
    let of = info.config.num_replicas.max(replicas.len() + usize::from(leads));
    if !leads {
        return Quorum::Lost { heard: 0, of };
    }
    let heard = |replica: &Replica| {
        let ago = Duration::from_nanos(replica.active);
        (!replica.offline && ago < Quorum::HEARD_WITHIN).then_some(ago)
    };
    let mut heard: Vec<Duration> = replicas.iter().filter_map(heard).collect();
    heard.sort_unstable();
    // With the leader, so many replicas are a majority.
    match of / 2 {
        0 => Quorum::Single,
        needed => match heard.get(needed - 1) {
            Some(heard_ago) => Quorum::Majority { heard_ago: *heard_ago },
            None => Quorum::Lost { heard: 1 + heard.len(), of },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(num_replicas: usize, cluster: &Value) -> Quorum {
        let ts = "2026-11-24T10:00:00Z";
        let state = json!({ "messages": 0, "first_seq": 0, "last_seq": 0 });
        let config = json!({ "num_replicas": num_replicas });
        let info = json!({ "config": config, "state": state, "ts": ts, "cluster": cluster });
        quorum(&serde_json::from_value(info).unwrap())
    }

    fn with(replicas: &[Value]) -> Quorum {
        of(1 + replicas.len(), &json!({ "name": "c", "leader": "a", "replicas": replicas }))
    }

    fn active(millis: u64) -> Value {
        json!({ "name": "b", "current": true, "active": millis * 1_000_000 })
    }

    #[test]
    fn one_server_has_no_other_to_hear() {
        assert_eq!(of(1, &Value::Null), Quorum::Single);
        assert_eq!(of(1, &json!({ "name": "c", "leader": "a" })), Quorum::Single);
    }

    #[test]
    fn one_that_names_no_others_is_not_alone_with_a_replicated_stream() {
        let lost = Quorum::Lost { heard: 1, of: 3 };
        assert_eq!(of(3, &Value::Null), lost);
        assert_eq!(of(3, &json!({ "name": "c", "leader": "a" })), lost);
        assert_eq!(of(3, &json!({ "leader": "a", "replicas": [active(5_000)] })), lost);
        let heard_ago = Duration::from_millis(5);
        assert_eq!(of(3, &json!({ "leader": "a", "replicas": [active(5)] })), Quorum::Majority { heard_ago });
        // One that is on its way to be on one server alone.
        assert_eq!(
            of(1, &json!({ "leader": "a", "replicas": [active(5), active(7)] })),
            Quorum::Majority { heard_ago }
        );
    }

    #[test]
    fn the_majority_was_heard_when_its_last_was() {
        let heard_ago = |millis| Quorum::Majority { heard_ago: Duration::from_millis(millis) };
        assert_eq!(with(&[active(900), active(300)]), heard_ago(300));
        assert_eq!(with(&[active(900), active(60_000)]), heard_ago(900));
        assert_eq!(with(&[active(1_999), active(5), active(7), active(60_000)]), heard_ago(7));
        // Of four, two are no majority.
        assert_eq!(with(&[active(100), active(200), active(60_000)]), heard_ago(200));
    }

    #[test]
    fn a_leader_that_hears_too_few_proves_nothing() {
        assert_eq!(with(&[active(2_000), active(60_000)]), Quorum::Lost { heard: 1, of: 3 });
        assert_eq!(with(&[active(100), active(2_000), active(2_000)]), Quorum::Lost { heard: 2, of: 4 });
        // One that says nothing of when it was heard, and one that the server knows to be away.
        assert_eq!(with(&[json!({ "name": "b", "current": true })]), Quorum::Lost { heard: 1, of: 2 });
        let offline = json!({ "name": "b", "active": 1, "offline": true });
        assert_eq!(with(&[offline.clone(), offline]), Quorum::Lost { heard: 1, of: 3 });
    }

    #[test]
    fn without_a_leader_nobody_is_heard() {
        assert_eq!(
            of(3, &json!({ "replicas": [active(1), active(1), active(1)] })),
            Quorum::Lost { heard: 0, of: 3 }
        );
        assert_eq!(
            of(1, &json!({ "leader": "", "replicas": [active(1)] })),
            Quorum::Lost { heard: 0, of: 1 }
        );
    }

    #[test]
    fn a_message_is_there_between_first_and_last_unless_it_was_deleted() {
        let found = |deleted: &[u64]| {
            let extent = Extent { first: 2, last: 5, deleted: deleted.to_vec() };
            (0..8).filter(|sequence| extent.has(*sequence)).collect::<Vec<_>>()
        };
        assert_eq!(found(&[]), [2, 3, 4, 5]);
        assert_eq!(found(&[3]), [2, 4, 5]);
    }
}
