//! Reading messages: what is there. That something is *not* there is for a leader with a majority to say.

use serde_json::{Value, json};

use super::config::UNSIGNED;
use super::wire::{self, CallError};
use super::{OpenError, STREAM, Shared, leader};
use crate::envelope::{self, Read};
use crate::id::LogId;
use crate::log::{History, Known, ReadError, Stored};
use crate::signers::SignerSet;
use crate::subject::Subject;
use crate::timestamp::Timestamp;

/// Messages in one direct read, and bytes: several at a time must not be more than a connection can bear.
const AT_ONCE: usize = 1_000;
const BYTES_AT_ONCE: usize = 2 * 1024 * 1024;

/// The log's id, as its first message tells it.
pub(super) async fn id(log: &Shared) -> Result<LogId, ReadError> {
    let mut first = message(log, 1).await?;
    if first.is_none() {
        if leader::extent(log).await?.last == 0 {
            return Err(ReadError::NotBootstrapped);
        }
        // It may have come between the two questions.
        first = message(log, 1).await?;
    }
    let Some(first) = first else {
        return Err(ReadError::ForeignLog("its first message is gone".to_owned()));
    };
    if envelope::is_unsigned(&first) {
        return Err(ReadError::ForeignLog(UNSIGNED.to_owned()));
    }
    let read = SignerSet::default().judged(&first, envelope::read(&first, None));
    let (id, kind) = match read {
        Read::Event(event) => (Some(event.envelope.id), Some(event.envelope.kind)),
        // A newer version's shape; who it belongs to is told all the same.
        Read::Unreadable(event) => (event.id, event.kind),
        Read::Foreign(foreign) => return Err(ReadError::ForeignLog(foreign.reason.to_string())),
    };
    match (id, kind.as_deref()) {
        (Some(id), Some("installation.bootstrapped")) => Ok(id.into()),
        (_, kind) => Err(ReadError::ForeignLog(format!("it is `{}`", kind.unwrap_or("unknown")))),
    }
}

/// Refuses a log from before events were signed, where its first message can be read now.
pub(super) async fn check_signed(log: &Shared) -> Result<(), OpenError> {
    match get(log, &json!({ "seq": 1 })).await {
        Ok(Some(first)) if envelope::is_unsigned(&first) => Err(OpenError::Unsigned),
        // Whoever reads it is told the same then.
        Ok(Some(_) | None) | Err(_) => Ok(()),
    }
}

/// `None`: it is not there, by a majority's word.
pub(super) async fn message(log: &Shared, sequence: u64) -> Result<Option<Stored>, CallError> {
    let which = json!({ "seq": sequence });
    if let Some(found) = get(log, &which).await? {
        return Ok(Some(found));
    }
    if !leader::extent(log).await?.has(sequence) {
        return Ok(None);
    }
    // It came between the two questions; or the first was answered by a leader that was left behind.
    get(log, &which).await?.map(Some).ok_or(CallError::LeftBehind)
}

/// The aggregate's messages after a sequence, asked one by one, until the leader knows no other.
pub(super) async fn after(log: &Shared, subject: &str, sequence: u64) -> Result<Vec<Stored>, CallError> {
    let mut events = Vec::new();
    let mut next = sequence + 1;
    while let Some(stored) = get(log, &json!({ "seq": next, "next_by_subj": subject })).await? {
        next = stored.sequence + 1;
        events.push(stored);
    }
    Ok(events)
}

/// All events of the aggregate after the known ones. The bulk comes in direct reads, which any replica may answer, late
/// perhaps; the leader says at the same time how many there are, and gives what the replica did not have yet.
pub(super) async fn history(log: &Shared, subject: &Subject, known: Known) -> Result<History, ReadError> {
    let subject = subject.to_string();
    let (first, count) = tokio::join!(bulk(log, &subject, known.last + 1), leader::count(log, &subject));
    let count = count?.checked_sub(known.messages).ok_or(CallError::LeftBehind)?;
    // A failed direct read costs round trips, not the answer.
    let mut events = first.unwrap_or_default();
    let last = |events: &[Stored]| events.last().map_or(known.last, |stored| stored.sequence);
    let mut more = !events.is_empty();
    while more && events.len() < count {
        let next = bulk(log, &subject, last(&events) + 1).await.unwrap_or_default();
        more = !next.is_empty();
        events.extend(next);
    }
    if events.len() < count {
        events.extend(after(log, &subject, last(&events)).await?);
    }
    if events.len() < count {
        return Err(CallError::LeftBehind.into());
    }
    Ok(History { last: last(&events), events })
}

/// The messages of the whole log from this sequence on, as many as come in one direct read, in order. A sequence
/// that is left out between two of them is gone; at the end a replica may be late, so the leader has the last word.
pub(super) async fn scan(log: &Shared, from: u64) -> Result<Vec<Stored>, ReadError> {
    // A failed direct read costs round trips, not the answer.
    let events = bulk(log, ">", from).await.unwrap_or_default();
    if !events.is_empty() {
        return Ok(events);
    }
    Ok(get(log, &json!({ "seq": from, "next_by_subj": ">" })).await?.into_iter().collect())
}

/// As many messages of the subject as come in one direct read (`batch`, ADR-31), in order, from this sequence on.
async fn bulk(log: &Shared, subject: &str, from: u64) -> Result<Vec<Stored>, CallError> {
    use futures::StreamExt;

    if !log.wire.is_connected() {
        return Err(CallError::Disconnected);
    }
    let client = |error: &dyn std::fmt::Display| CallError::Client(error.to_string());
    let inbox = log.wire.client().new_inbox();
    let mut answers = log.wire.client().subscribe(inbox.clone()).await.map_err(|error| client(&error))?;
    let body = json!({ "seq": from, "next_by_subj": subject, "batch": AT_ONCE, "max_bytes": BYTES_AT_ONCE })
        .to_string();
    log.wire
        .client()
        .publish_with_reply(wire::api(&format!("DIRECT.GET.{STREAM}")), inbox, body.into())
        .await
        .map_err(|error| client(&error))?;
    let mut events: Vec<Stored> = Vec::new();
    let all = async {
        while let Some(answer) = answers.next().await {
            match answer.status.map(|status| status.as_u16()) {
                None => {
                    let (stored, before) = direct(answer)?;
                    // Nothing may be left out in the middle.
                    if before != events.last().map_or(0, |stored| stored.sequence) {
                        return Err(CallError::Answer("a direct read came with a gap".to_owned()));
                    }
                    events.push(stored);
                }
                // The end of the batch (204), or no message at all (404).
                Some(204 | 404) => return Ok(()),
                Some(503) => return Err(CallError::NoResponders),
                Some(status) => return Err(CallError::Answer(status.to_string())),
            }
        }
        Err(CallError::ConnectionLost)
    };
    tokio::time::timeout(log.timeouts.read, all).await.map_err(|_| CallError::TimedOut)??;
    Ok(events)
}

/// The message, and the sequence of the one before it in the same read.
fn direct(message: async_nats::Message) -> Result<(Stored, u64), CallError> {
    let headers = message.headers.unwrap_or_default();
    let wrong = |name: &str| CallError::Answer(format!("a direct read without {name}"));
    let header = |name: &str| headers.get(name).map(|value| value.as_str()).ok_or_else(|| wrong(name));
    let number = |name: &str| header(name)?.parse().map_err(|_| wrong(name));
    let stored = Stored {
        sequence: number("Nats-Sequence")?,
        subject: header("Nats-Subject")?.to_owned(),
        stored_at: time(header("Nats-Time-Stamp")?)?,
        payload: message.payload,
    };
    Ok((stored, number("Nats-Last-Sequence")?))
}

async fn get(log: &Shared, which: &Value) -> Result<Option<Stored>, CallError> {
    let Some(found) = log.wire.get(STREAM, which, log.timeouts.read).await? else { return Ok(None) };
    Ok(Some(Stored {
        sequence: found.sequence,
        subject: found.subject,
        stored_at: time(&found.time)?,
        payload: found.payload,
    }))
}

/// A time as the server writes it.
pub(super) fn time(text: &str) -> Result<Timestamp, CallError> {
    text.parse().map_err(|error: crate::timestamp::TimestampError| CallError::Answer(error.to_string()))
}
