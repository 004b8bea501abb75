//! Writing snapshots, when enough has happened since the last or enough time has passed, and letting old ones go.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{Context, SHA256};
use events::Timestamp;
use events::clock::{Clock, Random};
use events::digest::DigestBytes;
use events::lasting::{Lasting, Words};
use events::log::{Log, ReadError};
use events::tlog::Tree;
use projections::directory::snapshot::{Cut, FORMAT, reads};
use projections::directory::{Directory, Gate};
use tokio_util::sync::CancellationToken;

use super::{Found, Header, KIND, MAX_BYTES, header, list};
use crate::store::snapshots::{Object, ObjectError, Objects, Unfinished};
use crate::vault::{SnapshotKey, SnapshotKeys, Vault, VaultError};

/// What snapshots are written with.
#[derive(Clone)]
pub struct Writer {
    pub log: Arc<dyn Log>,
    pub objects: Objects,
    /// Where the signing key lies.
    pub people: Vault,
    pub directory: Arc<Directory>,
    pub gate: Arc<Gate>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

/// When to write one, and how many to keep.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    pub every_events: u64,
    pub every: Duration,
    pub keep: usize,
}

/// Why none was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("the directory holds nothing yet")]
    Empty,
    #[error(
        "there is no key to sign snapshots with yet: a process with the control role draws it when it starts"
    )]
    NoKey,
    #[error("the log's tree at the directory's place is not known any more: much was applied meanwhile")]
    NoTree,
    #[error("the directory takes more than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("the directory can't be encoded: {0}")]
    Encode(String),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error(transparent)]
    Log(#[from] ReadError),
}

/// How often it is looked whether one is due.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// After a failure.
const PAUSE: Duration = Duration::from_secs(60);

impl Writer {
    /// Writes when the schedule says so, until cancelled.
    pub async fn run(self, schedule: Schedule, cancel: CancellationToken) {
        let started = self.clock.now();
        let mut newest = None;
        let mut unfinished = GivenUp(Vec::new());
        let mut pause = LOOK_EVERY;
        let words = Words { lasts: "no snapshot can be written", ends: "a snapshot is written again" };
        let unwritten = Lasting::new(Arc::clone(&self.clock), words);
        while cancel.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
            pause = LOOK_EVERY;
            // A directory that may not be believed is not written down either.
            if self.gate.check().is_err() || !schedule.is_due(&self.now(), newest.as_ref(), started) {
                continue;
            }
            let written =
                cancel.run_until_cancelled(self.write_if_due(schedule, started, &mut unfinished)).await;
            match written {
                None => return,
                Some(Ok(header)) => {
                    unwritten.ended();
                    newest = Some(header);
                }
                Some(Err(error)) => {
                    metrics::counter!("keyledger_snapshot_write_failures_total").increment(1);
                    unwritten.alarm(&error);
                    pause = PAUSE;
                }
            }
        }
    }

    /// Another worker may have written one in between: the answer is the newest that there is then.
    async fn write_if_due(
        &self,
        schedule: Schedule,
        started: Timestamp,
        unfinished: &mut GivenUp,
    ) -> Result<Header, WriteError> {
        let newest = self.newest().await?;
        if let Some(newest) = newest.filter(|newest| !schedule.is_due(&self.now(), Some(newest), started)) {
            return Ok(newest);
        }
        let (_, header) = self.write().await?;
        self.prune(schedule.keep, unfinished).await?;
        Ok(header)
    }

    /// Of the newest snapshot that this version can use.
    pub async fn newest(&self) -> Result<Option<Header>, WriteError> {
        Ok(self.list().await?.into_iter().find_map(|found| found.header.ok()))
    }

    pub async fn list(&self) -> Result<Vec<Found>, WriteError> {
        let keys = SnapshotKeys::of_worker(&self.people).await?;
        Ok(list(&self.objects, &keys, self.log.id().await?).await?)
    }

    /// Writes the directory as it is now.
    async fn write(&self) -> Result<(Object, Header), WriteError> {
        let begun = self.clock.instant();
        let key = SnapshotKey::load(&self.people).await?.ok_or(WriteError::NoKey)?;
        let directory = Arc::clone(&self.directory);
        let cut = tokio::task::spawn_blocking(move || directory.cut());
        let cut = cut.await.map_err(|error| WriteError::Encode(error.to_string()))?;
        let cut = cut.ok_or(WriteError::Empty)?;
        let tree = self.gate.tree_at(cut.place.sequence).ok_or(WriteError::NoTree)?;
        let (object, header) = self.store(&cut, tree, &key).await?;
        let took = self.clock.instant().saturating_duration_since(begun);
        metrics::counter!("keyledger_snapshots_written_total").increment(1);
        metrics::histogram!("keyledger_snapshot_write_seconds").record(took.as_secs_f64());
        tracing::info!(%object, sequence = header.place.sequence, keys = header.counts.keys,
            bytes = header.size, seconds = took.as_secs_f64(), "a snapshot of the directory is written");
        Ok((object, header))
    }

    async fn store(&self, cut: &Cut, tree: Tree, key: &SnapshotKey) -> Result<(Object, Header), WriteError> {
        let mut upload = self.objects.upload(&*self.random);
        let mut sha256 = Context::new(&SHA256);
        for chunk in cut.chunks() {
            let stored = match chunk {
                Ok(chunk) if upload.size() + chunk.len() as u64 > MAX_BYTES => Err(WriteError::TooLarge),
                Ok(chunk) => {
                    sha256.update(&chunk);
                    upload.chunk(chunk.into()).await.map_err(WriteError::from)
                }
                Err(error) => Err(WriteError::Encode(error.to_string())),
            };
            if let Err(error) = stored {
                upload.abandon().await;
                return Err(error);
            }
        }
        let mut digest = DigestBytes([0; 32]);
        digest.0.iter_mut().zip(sha256.finish().as_ref()).for_each(|(to, from)| *to = *from);
        let header = Header {
            format: FORMAT,
            place: cut.place,
            tree,
            stored_at: cut.stored_at,
            written_at: self.clock.now(),
            counts: cut.counts,
            size: upload.size(),
            sha256: digest,
            reads: reads(),
        };
        let metadata = header::sign(&header, key).map_err(|error| WriteError::Encode(error.to_string()))?;
        Ok((upload.finish(KIND, &digest.0, metadata).await?, header))
    }

    /// Writes the directory as it is now, and lets old ones go.
    pub async fn write_and_prune(&self, keep: usize) -> Result<(Object, Header), WriteError> {
        let written = self.write().await?;
        self.prune(keep, &mut GivenUp(Vec::new())).await?;
        Ok(written)
    }

    /// Lets go of all but the newest, and of what was given up. What another version has written goes once it is
    /// older than all that is kept: in a rolling upgrade both need their own.
    async fn prune(&self, keep: usize, unfinished: &mut GivenUp) -> Result<usize, WriteError> {
        let found = self.list().await?;
        let (usable, others): (Vec<_>, Vec<_>) = found.iter().partition(|found| found.header.is_ok());
        let mut old: Vec<_> = usable.iter().skip(keep).map(|found| &found.object).collect();
        let oldest_kept =
            usable.get(..keep).and_then(<[_]>::last).and_then(|found| found.header.as_ref().ok());
        if let Some(oldest) = oldest_kept {
            let others = others.iter().map(|found| &found.object);
            old.extend(others.filter(|other| header::was_written_before(other, oldest)));
        }
        for object in &old {
            self.objects.delete(object).await?;
            tracing::info!(%object, "an old snapshot is deleted");
        }
        for upload in unfinished.after(self.objects.unfinished().await?, self.clock.instant()) {
            self.objects.delete_unfinished(&upload).await?;
        }
        Ok(old.len())
    }

    fn now(&self) -> Now {
        Now { applied: self.directory.applied(), time: self.clock.now() }
    }
}

/// Uploads without an end, each with when it was first seen to stand still.
struct GivenUp<Upload = Unfinished>(Vec<(Upload, Instant)>);

/// An upload that has not moved for this long has been given up.
const STILL: Duration = Duration::from_secs(600);

impl<Upload: PartialEq> GivenUp<Upload> {
    /// Those that have stood still for long enough.
    fn after(&mut self, unfinished: Vec<Upload>, now: Instant) -> Vec<Upload> {
        let seen = |upload: &Upload| {
            self.0.iter().find(|(known, _)| known == upload).map_or(now, |(_, since)| *since)
        };
        let all: Vec<_> = unfinished.into_iter().map(|upload| (seen(&upload), upload)).collect();
        let (given_up, moving): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(since, _)| now.saturating_duration_since(*since) >= STILL);
        self.0 = moving.into_iter().map(|(since, upload)| (upload, since)).collect();
        given_up.into_iter().map(|(_, upload)| upload).collect()
    }
}

/// What is looked at to tell whether a snapshot is due.
struct Now {
    applied: u64,
    time: Timestamp,
}

impl Schedule {
    fn is_due(&self, now: &Now, newest: Option<&Header>, started: Timestamp) -> bool {
        let (sequence, written_at) =
            newest.map_or((0, started), |newest| (newest.place.sequence, newest.written_at));
        let events = now.applied.saturating_sub(sequence);
        events >= self.every_events || (events > 0 && now.time.since(written_at) >= self.every)
    }
}

#[cfg(test)]
mod tests {
    use events::LogId;
    use events::position::Place;
    use projections::directory::Counts;
    use uuid::Uuid;

    use super::*;

    const SCHEDULE: Schedule = Schedule { every_events: 100, every: Duration::from_secs(60), keep: 3 };

    fn seconds(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH.saturating_add(Duration::from_secs(seconds))
    }

    fn header(sequence: u64, written_at: Timestamp) -> Header {
        Header {
            format: FORMAT,
            place: Place { log: LogId::new(Uuid::nil()), sequence, event: None },
            tree: Tree::new(),
            stored_at: written_at,
            written_at,
            counts: Counts::default(),
            size: 0,
            sha256: DigestBytes([0; 32]),
            reads: reads(),
        }
    }

    #[test]
    fn one_is_due_after_so_many_events_or_so_much_time_with_any() {
        let due = |applied, time, newest: Option<&Header>| {
            SCHEDULE.is_due(&Now { applied, time: seconds(time) }, newest, seconds(1_000))
        };
        // The first: time counts from the worker's start.
        assert!(due(100, 1_000, None) && !due(99, 1_059, None) && due(99, 1_060, None));
        let newest = header(500, seconds(900));
        assert!(due(600, 901, Some(&newest)) && !due(599, 901, Some(&newest)));
        assert!(due(501, 960, Some(&newest)) && !due(500, 9_999, Some(&newest)), "nothing has happened");
    }

    #[test]
    fn an_upload_is_given_up_once_it_has_stood_still_for_ten_minutes() {
        let clock = events::clock::ManualClock::new(seconds(0));
        let mut uploads = GivenUp(Vec::new());
        assert!(uploads.after(vec![("a", 1), ("b", 1)], clock.instant()).is_empty());
        clock.advance(STILL / 2);
        assert!(uploads.after(vec![("a", 1), ("b", 2)], clock.instant()).is_empty());
        clock.advance(STILL / 2);
        assert_eq!(uploads.after(vec![("a", 1), ("b", 2)], clock.instant()), [("a", 1)]);
        assert!(uploads.after(vec![("b", 3)], clock.instant()).is_empty());
    }
}
