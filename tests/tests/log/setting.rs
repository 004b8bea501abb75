//! What the log asks of its server, and events to put into it.

use std::sync::Arc;
use std::time::Duration;

use events::Fingerprint;
use events::clock::{Clock, Random, SystemClock, SystemRandom, uuid_v7};
use events::installation::{Bootstrapped, InstallationEvent};
use events::key::{Disabled, KeyEvent};
use events::log::jetstream::{JetStreamLog, OpenError};
use events::log::{Batch, Entry, Expected, Log};
use events::{
    Actor, CommandId, Draft, Event, EventId, InstallationId, KeyId, LogId, OrganizationId, Owner, PepperId,
    Position, Subject,
};
use gateway::config::NatsRole;
use keyledger_tests::poll;
use keyledger_tests::servers::Nats;
use keyledger_tests::signing::{self, signed};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use uuid::Uuid;

use crate::server::{ask, with_log};

pub fn uuid() -> Uuid {
    uuid_v7(&SystemClock, &SystemRandom)
}

fn draft(log: LogId, subject: Subject, event: Event) -> Draft {
    let mut fingerprint = [0; 32];
    SystemRandom.fill(&mut fingerprint);
    Draft {
        id: EventId::new(uuid()),
        log,
        time: SystemClock.now(),
        subject,
        actor: Actor::bootstrap(),
        command: CommandId::new(uuid()),
        fingerprint: Fingerprint(fingerprint),
        previous: None,
        causation: None,
        event,
    }
}

/// The event that starts a log.
pub fn first() -> Draft {
    let subject = Subject::installation(InstallationId::new(uuid()));
    let event = Event::Installation(InstallationEvent::Bootstrapped(Bootstrapped {
        admin_key: KeyId::new(uuid()),
        pepper: PepperId::new(uuid()),
        writer: signing::key().public(),
        checkpoint: signing::checkpoint(),
    }));
    let draft = draft(LogId::new(uuid()), subject, event);
    Draft { log: draft.id.into(), ..draft }
}

/// Any small event on a subject.
pub fn on(log: LogId, subject: &Subject) -> Draft {
    draft(log, subject.clone(), Event::Key(KeyEvent::Disabled(Disabled { reason: None })))
}

pub fn key() -> Subject {
    Subject::key(Owner::Organization(OrganizationId::new(uuid())), KeyId::new(uuid()))
}

pub fn one(draft: Draft, expected: Expected) -> Batch {
    Batch { entries: vec![Entry { event: signed(draft), expected }] }
}

/// Starts the log.
pub async fn bootstrap(log: &JetStreamLog) -> LogId {
    let first = first();
    let id = first.log;
    let batch = one(first, Expected::EmptyLog);
    // A stream that was just made may have no leader yet.
    poll::until("the log begins", Duration::from_secs(30), async || log.append(batch.clone()).await).await;
    id
}

/// Appends so many events, each on a subject of its own.
pub async fn fill(log: &JetStreamLog, count: usize) -> Position {
    let id = log.id().await.unwrap();
    let mut last = None;
    for _ in 0..count {
        last = Some(log.append(one(on(id, &key()), Expected::Last(0))).await.unwrap());
    }
    last.unwrap()
}

#[tokio::test]
async fn a_stream_that_is_not_there_is_refused() {
    let nats = Nats::start().await;
    assert!(matches!(nats.log(NatsRole::Control).await, Err(OpenError::NoStream)));
}

/// A server that says that it is 2.9, as Debian's is.
#[tokio::test]
async fn an_older_server_is_refused() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = tokio::task::JoinSet::new();
    server.spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let info =
            json!({ "server_id": "old", "version": "2.9.10", "max_payload": 1_048_576, "headers": true });
        stream.write_all(format!("INFO {info}\r\n").as_bytes()).await.unwrap();
        let mut line = String::new();
        while stream.read_line(&mut line).await.unwrap() > 0 {
            if line.starts_with("PING") {
                stream.write_all(b"PONG\r\n").await.unwrap();
            }
            line.clear();
        }
    });
    gateway::crypto::install();
    let client = async_nats::connect(address.to_string()).await.unwrap();
    let timeouts = events::log::jetstream::Timeouts::default();
    let opened = JetStreamLog::open(client, Arc::new(SystemClock), Arc::new(SystemRandom), timeouts).await;
    let Err(error) = opened else { panic!("opened") };
    assert_eq!(error.to_string(), "nats-server is 2.9.10; the log needs 2.12 or later");
}

/// Nobody can sign what a version of before has written, and nobody takes it for what a writer signed.
#[tokio::test]
async fn a_log_from_before_events_were_signed_is_refused_by_every_role() {
    let nats = Nats::set_up().await;
    let first = signed(first());
    let payload = String::from_utf8(first.payload().to_vec()).unwrap();
    let unsigned = payload.split_once(",\"writer\":\"").unwrap().0.to_owned() + "}";
    let root = nats.connect("root").await;
    root.request(first.draft().subject.to_string(), unsigned.into()).await.unwrap();
    for role in [NatsRole::Control, NatsRole::Worker, NatsRole::Node, NatsRole::Auditor] {
        let Err(error) = nats.log(role).await else { panic!("opened as {role:?}") };
        assert!(matches!(error, OpenError::Unsigned), "{error}");
        assert!(error.to_string().contains("begin a new one"), "{error}");
    }
}

#[tokio::test]
async fn the_stream_as_we_create_it_has_no_difference() {
    let (_nats, log) = with_log().await;
    log.check_stream().await.unwrap();
}

#[tokio::test]
async fn a_stream_that_differs_is_refused_and_each_difference_named() {
    let nats = Nats::start().await;
    let config =
        json!({ "name": "KL_EVENTS_0", "subjects": ["kl.events.0.>"], "max_age": 3_600_000_000_000_u64 });
    ask(&nats, "STREAM.CREATE.KL_EVENTS_0", &config).await;

    let Err(error) = nats.log(NatsRole::Control).await else { panic!("opened") };
    let text = error.to_string();
    for setting in
        ["max_age is 3600000000000, must be 0", "compression", "deny_delete", "deny_purge", "allow_atomic"]
    {
        assert!(text.contains(setting), "{setting} is not named in: {text}");
    }
}

#[tokio::test]
async fn a_limit_that_is_set_later_is_noticed() {
    let (nats, log) = with_log().await;
    let mut config = events::log::jetstream::stream_config(1);
    config["max_msgs"] = json!(10);
    ask(&nats, "STREAM.UPDATE.KL_EVENTS_0", &config).await;

    let Err(OpenError::StreamDiffers(differences)) = log.check_stream().await else { panic!("not noticed") };
    assert_eq!(differences.iter().map(|d| d.setting.as_str()).collect::<Vec<_>>(), ["max_msgs"]);
}
