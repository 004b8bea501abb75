//! Messages of the log: whatever lies there is an event, one that can't be read, or foreign.

use bytes::Bytes;
use events::log::Stored;
use events::{Draft, LogId, Read, Recorded, SigningKey, Timestamp};
use serde_json::Value;

#[test]
fn event() {
    fuzz::target!("event", |input| {
        let (subject, log) = (subject(input), log(input));
        // Nothing that is made up belongs to a log of another id, or lies on another subject than it says.
        let other = "018f0000-0000-7000-8000-00000000ffff".parse().unwrap();
        if log != Some(other) {
            assert!(matches!(stored(input, &subject).read(other), Read::Foreign(_)), "of another log");
        }
        let elsewhere = stored(input, &format!("{subject}x"));
        assert!(!matches!(elsewhere.read(log.unwrap_or(other)), Read::Event(_)), "on another subject");
        let message = stored(input, &subject);
        let first = events::envelope::read(&message, None);
        let recorded = match message.read(log.unwrap_or(other)) {
            Read::Event(recorded) => *recorded,
            Read::Unreadable(unreadable) => {
                assert_eq!(Some(unreadable.position.log), log);
                assert_eq!(unreadable.position.sequence, message.sequence);
                return false;
            }
            Read::Foreign(foreign) => {
                assert_eq!((foreign.sequence, &foreign.subject), (message.sequence, &message.subject));
                return false;
            }
        };
        // The first event of a log is the one that its log is named for.
        assert_eq!(
            matches!(first, Read::Event(_)),
            LogId::from(recorded.envelope.id) == recorded.envelope.log
        );
        written_again(&recorded);
        true
    });
}

/// What was read is written, and read again as the same; an older version may be written as a newer one.
fn written_again(recorded: &Recorded) {
    let draft = draft(recorded.clone());
    let written = written_down(draft.clone());
    let subject = draft.subject.to_string();
    let Read::Event(again) = stored(&written, &subject).read(draft.log) else {
        panic!("it is not read again: {}", written.escape_ascii())
    };
    assert_eq!(again.event, recorded.event);
    assert_eq!(draft.clone().recorded(writer().id(), recorded.position, recorded.stored_at), *again);
    let version = recorded.envelope.schema_version;
    let mut envelope = again.envelope.clone();
    envelope.schema_version = version;
    envelope.writer = recorded.envelope.writer;
    assert_eq!(envelope, recorded.envelope);
    assert_eq!(written_down(self::draft(*again)), written);
    assert_eq!(subject.parse(), Ok(recorded.envelope.subject.clone()));
}

fn writer() -> SigningKey {
    SigningKey::from_seed("018f0000-0000-7000-8000-000000000001".parse().unwrap(), &[1; 32]).unwrap()
}

fn written_down(draft: Draft) -> Vec<u8> {
    draft.signed(&writer()).unwrap().payload().to_vec()
}

fn draft(recorded: Recorded) -> Draft {
    let Recorded { envelope, event, .. } = recorded;
    Draft {
        id: envelope.id,
        log: envelope.log,
        time: envelope.time,
        subject: envelope.subject,
        actor: envelope.actor,
        command: envelope.command,
        fingerprint: envelope.fingerprint,
        previous: envelope.previous,
        causation: envelope.causation,
        event,
    }
}

fn stored(payload: &[u8], subject: &str) -> Stored {
    Stored {
        sequence: 9,
        subject: subject.to_owned(),
        stored_at: Timestamp::UNIX_EPOCH,
        payload: Bytes::copy_from_slice(payload),
    }
}

/// The subject that the message says it lies on, or one of ours.
fn subject(payload: &[u8]) -> String {
    let message: Value = serde_json::from_slice(payload).unwrap_or_default();
    let text = |member: &str| message.get(member).and_then(Value::as_str);
    let spelt = || {
        let [shard, organization, kind, id] =
            ["shard", "organization", "aggregatetype", "aggregateid"].map(text);
        Some(format!("kl.events.{}.{}.{}.{}", shard?, organization?, kind?, id?))
    };
    spelt().unwrap_or_else(|| "kl.events.0.installation.key.018f0000-0000-7000-8000-000000000001".to_owned())
}

/// The log that the message says it belongs to.
fn log(payload: &[u8]) -> Option<LogId> {
    let message: Value = serde_json::from_slice(payload).ok()?;
    message.get("source")?.as_str()?.strip_prefix("urn:keyledger:log:")?.parse().ok()
}
