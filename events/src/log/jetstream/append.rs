//! Appending: one event as a plain publish, several as one atomic batch (ADR-50), always with what must hold.
//!
//! A publish is handed over only while the client is connected: disconnected, it would be sent at the next
//! reconnect, long after its caller was told that it failed. One that the client took in the very moment of a
//! disconnect can still come late; its expected sequence then decides, and its outcome was told as unknown.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE,
    NATS_EXPECTED_LAST_SEQUENCE, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_EXPECTED_STREAM,
};
use bytes::Bytes;
use serde::Deserialize;

use super::wire::{self, ApiError, CallError};
use super::{STREAM, Shared, read};
use crate::envelope::CONTENT_TYPE;
use crate::id::{EventId, LogId};
use crate::log::{AppendError, Batch, Entry, Expected, Stored};
use crate::position::{Position, Shard};

/// The largest event in bytes; the largest of ours is a key with every scope that it may have, about 60 KB.
const MAX_EVENT_BYTES: usize = 256 * 1024;

/// How often what the log did not take is tried again.
const ATTEMPTS: u32 = 6;

/// An event as it is handed over.
struct Message {
    event: EventId,
    subject: String,
    payload: Bytes,
    expected: Expected,
}

/// What came of one attempt.
enum Outcome {
    /// Stored; the last event has this sequence.
    Stored(u64),
    /// What must hold does not.
    Moved,
    /// Not stored, and it may be tried again.
    Again(String),
    Failed(AppendError),
}

/// The server's answer to a publish.
#[derive(Deserialize)]
struct Acknowledgement {
    seq: u64,
    #[serde(default)]
    duplicate: bool,
}

pub(super) async fn append(log: &Shared, batch: Batch) -> Result<crate::Position, AppendError> {
    let id = check(log, &batch).await?;
    let messages = batch.entries.into_iter().map(message).collect::<Result<Vec<_>, _>>()?;
    let started = log.clock.instant();
    let result = try_append(log, &messages).await;
    let outcome = match &result {
        Ok(_) => "stored",
        Err(AppendError::Conflict) => "conflict",
        Err(AppendError::Unavailable(_)) => "unavailable",
        Err(AppendError::OutcomeUnknown(_)) => "outcome-unknown",
        Err(AppendError::Refused(_)) => "refused",
    };
    metrics::histogram!("keyledger_log_append_seconds", "outcome" => outcome)
        .record(log.clock.instant().saturating_duration_since(started));
    let sequence = result?;
    if matches!(messages.first(), Some(Message { expected: Expected::EmptyLog, .. })) {
        log.set_id(Some(id));
    }
    Ok(Position { log: id, shard: Shard::ZERO, sequence })
}

/// Refuses what could never be stored rightly, before anything is handed over. The answer is the log's id.
async fn check(log: &Shared, batch: &Batch) -> Result<LogId, AppendError> {
    let refuse = |reason: &str| Err(AppendError::Refused(reason.to_owned()));
    let Some(first) = batch.entries.first() else { return refuse("an empty batch") };
    if batch.entries.len() > Batch::MAX {
        return refuse("more than 1,000 events in one batch");
    }
    let mut seen = std::collections::HashSet::new();
    for (index, entry) in batch.entries.iter().enumerate() {
        let new = seen.insert(&entry.event.draft().subject);
        match entry.expected {
            Expected::Following if new => return refuse("an event follows none of its subject in its batch"),
            Expected::Last(_) if !new => return refuse("a subject has two expectations in one batch"),
            Expected::EmptyLog if index != 0 => return refuse("only the log's first event starts a log"),
            Expected::Following | Expected::Last(_) | Expected::EmptyLog => {}
        }
        if entry.event.draft().log != first.event.draft().log {
            return refuse("events of two logs in one batch");
        }
    }
    if first.expected == Expected::EmptyLog {
        let id = LogId::from(first.event.draft().id);
        return if first.event.draft().log == id {
            Ok(id)
        } else {
            refuse("a log's id is that of its first event")
        };
    }
    let id = match log.known_id() {
        Some(id) => id,
        None => {
            let id = read::id(log).await.map_err(|error| AppendError::Unavailable(error.to_string()))?;
            log.set_id(Some(id));
            id
        }
    };
    if first.event.draft().log == id { Ok(id) } else { refuse("the event belongs to another log") }
}

fn message(entry: Entry) -> Result<Message, AppendError> {
    let Entry { event, expected } = entry;
    let payload = event.payload().clone();
    if payload.len() > MAX_EVENT_BYTES {
        return Err(AppendError::Refused(format!("an event of {} bytes", payload.len())));
    }
    let draft = event.draft();
    Ok(Message { event: draft.id, subject: draft.subject.to_string(), payload, expected })
}

async fn try_append(log: &Shared, messages: &[Message]) -> Result<u64, AppendError> {
    let mut last = String::new();
    for attempt in 0..ATTEMPTS {
        let outcome = match messages {
            [one] => publish(log, one).await,
            several => publish_batch(log, several).await,
        };
        match outcome {
            Outcome::Stored(sequence) => return Ok(sequence),
            Outcome::Moved => return moved(log, messages).await,
            Outcome::Again(reason) => last = reason,
            Outcome::Failed(AppendError::OutcomeUnknown(reason)) => return lost(log, messages, reason).await,
            Outcome::Failed(error) => return Err(error),
        }
        log.back_off(attempt, Duration::from_millis(20), Duration::from_millis(500)).await;
    }
    Err(AppendError::Unavailable(last))
}

async fn publish(log: &Shared, message: &Message) -> Outcome {
    let mut headers = headers();
    expect(&mut headers, message.expected);
    judge(send(log, message, headers).await)
}

/// All messages of the batch but the last are only handed over; the last commits. The first is answered
/// before the others go, so that a batch that the server did not open costs one message.
async fn publish_batch(log: &Shared, messages: &[Message]) -> Outcome {
    let unavailable = |reason: &dyn std::fmt::Display| {
        Outcome::Failed(AppendError::Unavailable(format!("the batch was not committed: {reason}")))
    };
    let Some((commit, before)) = messages.split_last() else {
        return Outcome::Failed(AppendError::Refused("an empty batch".to_owned()));
    };
    let Ok(_open) = log.batches.acquire().await else {
        return unavailable(&"this process is ending");
    };
    let connection = log.wire.connection();
    let id = log.unique();
    for (index, message) in before.iter().enumerate() {
        let headers = batch_headers(&id, index, message.expected);
        if index > 0 {
            let sent = log.wire.client().publish_with_headers(
                wire::data(&message.subject),
                headers,
                message.payload.clone(),
            );
            if let Err(error) = sent.await {
                return unavailable(&error);
            }
            continue;
        }
        match send(log, message, headers).await {
            Ok(answer) if answer.is_empty() => {}
            // Refused: nothing is open, nothing stored.
            Ok(answer) => return judge(Ok(answer)),
            Err(CallError::NoResponders) => return Outcome::Again(CallError::NoResponders.to_string()),
            Err(error) => return unavailable(&error),
        }
    }
    // Over a new connection, parts of the batch may be missing: better not to commit than to be told so.
    if log.wire.connection() != connection || !log.wire.is_connected() {
        return unavailable(&CallError::ConnectionLost);
    }
    let mut headers = batch_headers(&id, before.len(), commit.expected);
    headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
    judge(send(log, commit, headers).await)
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_EXPECTED_STREAM, STREAM);
    headers.insert("content-type", CONTENT_TYPE);
    headers
}

fn batch_headers(id: &str, index: usize, expected: Expected) -> HeaderMap {
    let mut headers = headers();
    headers.insert(NATS_BATCH_ID, id);
    headers.insert(NATS_BATCH_SEQUENCE, (index + 1).to_string().as_str());
    expect(&mut headers, expected);
    headers
}

fn expect(headers: &mut HeaderMap, expected: Expected) {
    match expected {
        Expected::EmptyLog => {
            headers.insert(NATS_EXPECTED_LAST_SEQUENCE, "0");
        }
        Expected::Last(sequence) => {
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, sequence.to_string().as_str());
        }
        Expected::Following => {}
    }
}

async fn send(log: &Shared, message: &Message, headers: HeaderMap) -> Result<Bytes, CallError> {
    let request = async_nats::Request::new().headers(headers).payload(message.payload.clone());
    let answer = log.wire.request(wire::data(&message.subject), request, log.timeouts.append).await?;
    Ok(answer.payload)
}

fn judge(answer: Result<Bytes, CallError>) -> Outcome {
    let error = match answer.and_then(|payload| wire::parse::<Acknowledgement>(&payload)) {
        Ok(Acknowledgement { duplicate: true, .. }) => {
            return Outcome::Failed(AppendError::Refused("the server took it for a duplicate".to_owned()));
        }
        Ok(Acknowledgement { seq, .. }) => return Outcome::Stored(seq),
        Err(error) => error,
    };
    match error {
        CallError::Api(error) => judge_refusal(error),
        CallError::NoResponders => Outcome::Again(error.to_string()),
        CallError::Disconnected => Outcome::Failed(AppendError::Unavailable(error.to_string())),
        CallError::TimedOut
        | CallError::ConnectionLost
        | CallError::Client(_)
        | CallError::Answer(_)
        | CallError::NoMajority(_)
        | CallError::LeftBehind
        | CallError::Holes(_) => Outcome::Failed(AppendError::OutcomeUnknown(error.to_string())),
    }
}

/// The server refused: nothing is stored.
fn judge_refusal(error: ApiError) -> Outcome {
    match error.err_code {
        CallError::WRONG_LAST_SEQUENCE | CallError::WRONG_LAST_SEQUENCE_UNTOLD => Outcome::Moved,
        // An incomplete batch (a part was lost on the way, or it waited too long); too many open batches.
        10_176 | 10_210 => Outcome::Again(error.to_string()),
        // JetStream or the stream can't take writes now: no leader, no memory, no disk, shutting down.
        _ if error.code >= 500 || error.code == 429 => {
            Outcome::Failed(AppendError::Unavailable(error.to_string()))
        }
        _ => Outcome::Failed(AppendError::Refused(error.to_string())),
    }
}

/// The aggregate moved on: by somebody else, or by these very events, whose acknowledgement was lost. A server
/// that was left behind may not know them: then it is a conflict, and the history that the writer loads next
/// (which a majority confirms) shows them.
async fn moved(log: &Shared, messages: &[Message]) -> Result<u64, AppendError> {
    match find(log, messages).await {
        Ok(Some(sequence)) => Ok(sequence),
        Ok(None) => Err(AppendError::Conflict),
        Err(error) => Err(AppendError::OutcomeUnknown(error.to_string())),
    }
}

/// No answer came. Where the log can be asked soon, it may show the events; where it does not, they may still
/// come.
async fn lost(log: &Shared, messages: &[Message], reason: String) -> Result<u64, AppendError> {
    let look = async {
        while !log.wire.is_connected() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        find(log, messages).await
    };
    match tokio::time::timeout(log.timeouts.read, look).await {
        Ok(Ok(Some(sequence))) => Ok(sequence),
        Ok(Ok(None) | Err(_)) | Err(_) => Err(AppendError::OutcomeUnknown(reason)),
    }
}

/// The last event's sequence when all of them are in the log.
async fn find(log: &Shared, messages: &[Message]) -> Result<Option<u64>, CallError> {
    let mut subjects: HashMap<&str, Vec<Stored>> = HashMap::new();
    let mut last = None;
    for message in messages {
        let after = match message.expected {
            Expected::Last(sequence) => sequence,
            Expected::EmptyLog | Expected::Following => 0,
        };
        if !subjects.contains_key(message.subject.as_str()) {
            subjects.insert(&message.subject, read::after(log, &message.subject, after).await?);
        }
        let stored = subjects.get(message.subject.as_str()).map(Vec::as_slice).unwrap_or_default();
        let own = stored.iter().find(|stored| event_id(stored) == Some(message.event));
        let Some(own) = own else { return Ok(None) };
        last = last.max(Some(own.sequence));
    }
    Ok(last)
}

/// The id of the event that a message holds, whatever else is in it.
fn event_id(stored: &Stored) -> Option<EventId> {
    #[derive(Deserialize)]
    struct Id {
        id: EventId,
    }
    serde_json::from_slice::<Id>(&stored.payload).ok().map(|envelope| envelope.id)
}
