mod conflicts;
mod creates;
mod readers;
mod slugs;
mod tiny_log;
mod turns;

use std::sync::atomic::{AtomicU64, Ordering};

use events::Fingerprint;
use events::log::{Batch, Entry, Expected};
use events::{
    Actor, CommandId, Draft, Event, EventId, InstallationId, KeyId, OrganizationId, PepperId, Read, Recorded,
    ServerId, Timestamp, UnreadableCause,
};

use super::*;
use crate::authority::Authority;
use crate::testing::{now, sealed, seconds, signer, uuid, writer};
use crate::{Installation, Server, installation, organization, server};
use tiny_log::{Fault, TinyLog};

struct Zeros;

impl Random for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

static DRAWN: AtomicU64 = AtomicU64::new(1_000);

/// A context of its own event id, as each call draws one.
fn context(command: u128, fingerprint: u8) -> Context {
    Context {
        now: now(),
        actor: Actor::bootstrap(),
        authority: Authority::Whole,
        command: CommandId::new(uuid(command)),
        fingerprint: Fingerprint([fingerprint; 32]),
        event: EventId::new(uuid(u128::from(DRAWN.fetch_add(1, Ordering::Relaxed)))),
        causation: None,
    }
}

fn dispatcher(log: &Arc<TinyLog>) -> Dispatcher {
    Dispatcher::new(Arc::<TinyLog>::clone(log), Arc::new(writer()), Arc::new(Zeros))
}

fn acme() -> OrganizationId {
    OrganizationId::new(uuid(10))
}

fn tools() -> Subject {
    Subject::server(acme(), ServerId::new(uuid(20)))
}

fn create(slug: &str) -> organization::Command {
    organization::Command::Create { slug: slug.parse().unwrap(), name: sealed("Acme") }
}

fn register(slug: &str) -> server::Command {
    server::Command::Register {
        slug: slug.parse().unwrap(),
        upstream: "https://tools.example/mcp".parse().unwrap(),
        enabled: true,
        name: sealed("Tools"),
        settings: events::server::UpstreamSettings::default(),
    }
}

fn enabled(enabled: bool) -> server::Command {
    server::Command::Change {
        upstream: None,
        enabled: Some(enabled),
        name: None,
        settings: server::SettingsChange::default(),
    }
}

fn bootstrap() -> installation::Command {
    installation::Command::Bootstrap {
        admin_key: KeyId::new(uuid(2)),
        pepper: PepperId::new(uuid(3)),
        writer: signer(1),
        checkpoint: signer(2),
    }
}

/// A bootstrapped log with one organization and one server, and its dispatcher.
async fn set_up() -> (Arc<TinyLog>, Dispatcher) {
    let log = Arc::new(TinyLog::default());
    let dispatcher = dispatcher(&log);
    let installation = Subject::installation(InstallationId::new(uuid(1)));
    dispatcher.execute::<Installation>(&installation, &bootstrap(), &context(1, 1)).await.unwrap();
    let subject = Subject::organization(acme());
    dispatcher.execute::<Organization>(&subject, &create("acme"), &context(2, 2)).await.unwrap();
    dispatcher.execute::<Server>(&tools(), &register("tools"), &context(3, 3)).await.unwrap();
    (log, dispatcher)
}

async fn recorded(log: &TinyLog) -> Vec<Recorded> {
    let id = log.id().await.unwrap();
    let read = |stored: &events::log::Stored| match stored.read(id) {
        Read::Event(recorded) => *recorded,
        other @ (Read::Unreadable(_) | Read::Foreign(_)) => panic!("{other:?}"),
    };
    log.stored().iter().map(read).collect()
}

fn signed(draft: Draft, expected: Expected) -> Batch {
    Batch { entries: vec![Entry { event: draft.signed(&writer()).unwrap(), expected }] }
}

/// The newest event of a subject.
fn newest(log: &TinyLog, subject: &Subject) -> Option<EventId> {
    let stored = log.stored();
    let last = stored.iter().rev().find(|stored| stored.subject == subject.to_string())?;
    let event: serde_json::Value = serde_json::from_slice(&last.payload).unwrap();
    Some(event["id"].as_str().unwrap().parse().unwrap())
}

fn draft(log: events::LogId, subject: &Subject, event: Event, context: &Context) -> Draft {
    Draft {
        previous: None,
        id: context.event,
        log,
        time: context.now,
        subject: subject.clone(),
        actor: context.actor.clone(),
        command: context.command,
        fingerprint: context.fingerprint,
        causation: None,
        event,
    }
}

#[tokio::test]
async fn the_first_event_names_the_log_and_follows_nothing() {
    let (log, dispatcher) = set_up().await;
    let events = recorded(&log).await;
    assert_eq!(events[0].envelope.kind.as_ref(), "installation.bootstrapped");
    assert_eq!(log.id().await.unwrap(), events[0].envelope.id.into());
    let other = Subject::installation(InstallationId::new(uuid(99)));
    let again = dispatcher.execute::<Installation>(&other, &bootstrap(), &context(4, 4)).await;
    assert!(matches!(again, Err(CommandError::Refused(installation::Refusal::AlreadyBootstrapped))));
}

#[tokio::test]
async fn an_empty_log_takes_no_other_command() {
    let log = Arc::new(TinyLog::default());
    let subject = Subject::organization(acme());
    let outcome = dispatcher(&log).execute::<Organization>(&subject, &create("acme"), &context(2, 2)).await;
    assert!(matches!(outcome, Err(CommandError::NotBootstrapped)));
}

#[tokio::test]
async fn a_command_sent_again_is_done_once() {
    let (log, dispatcher) = set_up().await;
    let stored = log.stored().len();
    let again = dispatcher.execute::<Server>(&tools(), &register("tools"), &context(3, 3)).await.unwrap();
    assert!(again.replayed && !again.changed);
    assert!(again.state.known().is_some());
    assert_eq!(log.stored().len(), stored);
    // Also long after, when others have changed the object.
    dispatcher.execute::<Server>(&tools(), &enabled(false), &context(4, 4)).await.unwrap();
    dispatcher.execute::<Server>(&tools(), &enabled(true), &context(5, 5)).await.unwrap();
    let again = dispatcher.execute::<Server>(&tools(), &enabled(false), &context(4, 4)).await.unwrap();
    assert!(again.replayed && again.state.known().unwrap().enabled);
    assert_eq!(again.position.sequence, log.stored().len() as u64);
}

#[tokio::test]
async fn the_same_id_with_another_command_is_refused() {
    let (_, dispatcher) = set_up().await;
    let other = dispatcher.execute::<Server>(&tools(), &register("others"), &context(3, 33)).await;
    assert!(matches!(other, Err(CommandError::OtherCommand)));
}

#[tokio::test]
async fn a_create_on_an_existing_id_by_another_command_is_refused() {
    let (_, dispatcher) = set_up().await;
    let other = dispatcher.execute::<Server>(&tools(), &register("tools"), &context(6, 6)).await;
    assert!(matches!(other, Err(CommandError::Refused(server::Refusal::AlreadyRegistered))));
}

#[tokio::test]
async fn already_so_leaves_no_event_and_is_not_remembered() {
    let (log, dispatcher) = set_up().await;
    let stored = log.stored().len();
    let done = dispatcher.execute::<Server>(&tools(), &enabled(true), &context(4, 4)).await.unwrap();
    assert!(!done.changed && !done.replayed);
    assert_eq!((done.position.sequence, log.stored().len()), (stored as u64, stored));
    dispatcher.execute::<Server>(&tools(), &enabled(false), &context(5, 5)).await.unwrap();
    let done = dispatcher.execute::<Server>(&tools(), &enabled(true), &context(4, 4)).await.unwrap();
    assert!(done.changed && !done.replayed);
}

#[tokio::test]
async fn an_aggregate_with_an_event_that_cannot_be_read_takes_no_command() {
    let (log, dispatcher) = set_up().await;
    let newest = log.stored().pop().unwrap();
    let newer =
        String::from_utf8(newest.payload.to_vec()).unwrap().replace("server.registered", "server.moved");
    log.push(&newest.subject, newer);
    let outcome = dispatcher.execute::<Server>(&tools(), &enabled(false), &context(4, 4)).await;
    assert!(matches!(outcome, Err(CommandError::Closed(UnreadableCause::Signature))));
    let replayed = dispatcher.execute::<Server>(&tools(), &register("tools"), &context(3, 3)).await;
    assert!(matches!(replayed, Err(CommandError::Closed(UnreadableCause::Signature))));
    assert!(dispatcher.load::<Server>(&tools()).await.unwrap().closed().is_some());
}

/// A true event that is stored once more, by somebody who has the right to store, undoes nothing.
#[tokio::test]
async fn a_copy_of_an_event_closes_its_aggregate() {
    let (log, dispatcher) = set_up().await;
    dispatcher.execute::<Server>(&tools(), &enabled(false), &context(4, 4)).await.unwrap();
    dispatcher.execute::<Server>(&tools(), &enabled(true), &context(5, 5)).await.unwrap();
    let enabled_again = log.stored().pop().unwrap();
    dispatcher.execute::<Server>(&tools(), &enabled(false), &context(6, 6)).await.unwrap();
    log.push(&enabled_again.subject, enabled_again.payload);
    let loaded = dispatcher.load::<Server>(&tools()).await.unwrap();
    assert!(loaded.closed().is_some() && !loaded.state().known().unwrap().enabled);
    let outcome = dispatcher.execute::<Server>(&tools(), &enabled(true), &context(7, 7)).await;
    assert!(matches!(outcome, Err(CommandError::Closed(UnreadableCause::Place))));
}

/// What was signed and not stored, for somebody was faster, is not stored later either.
#[tokio::test]
async fn an_event_that_was_overtaken_counts_for_nothing() {
    let (log, dispatcher) = set_up().await;
    let overtaken = conflicts::others(&log, enabled(false)).await;
    dispatcher.execute::<Server>(&tools(), &enabled(false), &context(4, 4)).await.unwrap();
    dispatcher.execute::<Server>(&tools(), &enabled(true), &context(5, 5)).await.unwrap();
    for entry in overtaken.entries {
        log.push(&tools().to_string(), entry.event.payload().clone());
    }
    let loaded = dispatcher.load::<Server>(&tools()).await.unwrap();
    assert!(loaded.closed().is_some() && loaded.state().known().unwrap().enabled);
}

#[tokio::test]
async fn each_event_names_the_one_before_it_of_its_object() {
    let (log, dispatcher) = set_up().await;
    dispatcher.execute::<Server>(&tools(), &enabled(false), &context(4, 4)).await.unwrap();
    dispatcher.execute::<Server>(&tools(), &enabled(true), &context(5, 5)).await.unwrap();
    let events = recorded(&log).await;
    for event in &events {
        let before = events.iter().take_while(|other| other.position.sequence < event.position.sequence);
        let newest = before.filter(|other| other.envelope.subject == event.envelope.subject).last();
        assert_eq!(event.envelope.previous, newest.map(|other| other.envelope.id), "{event:?}");
    }
    assert_eq!(events.iter().filter(|event| event.envelope.previous.is_some()).count(), 2);
}

#[tokio::test]
async fn a_message_that_is_no_event_closes_nothing() {
    let (log, dispatcher) = set_up().await;
    log.push(&tools().to_string(), "not an event");
    let done = dispatcher.execute::<Server>(&tools(), &enabled(false), &context(4, 4)).await.unwrap();
    assert!(done.changed);
}

#[tokio::test]
async fn time_never_goes_back_within_an_aggregate() {
    let (log, dispatcher) = set_up().await;
    let mut late = context(4, 4);
    late.now = seconds(100);
    dispatcher.execute::<Server>(&tools(), &enabled(false), &late).await.unwrap();
    let mut early = context(5, 5);
    early.now = seconds(-100);
    dispatcher.execute::<Server>(&tools(), &enabled(true), &early).await.unwrap();
    let times: Vec<Timestamp> = recorded(&log).await.iter().map(|event| event.envelope.time).collect();
    assert_eq!(times[times.len() - 2..], [seconds(100), seconds(100)]);
}

#[tokio::test]
async fn the_owners_standing_is_a_fact() {
    let (_, dispatcher) = set_up().await;
    let subject = Subject::organization(acme());
    let suspend = organization::Command::Suspend { reason: None };
    dispatcher.execute::<Organization>(&subject, &suspend, &context(4, 4)).await.unwrap();
    let new = Subject::server(acme(), ServerId::new(uuid(24)));
    let refused = dispatcher.execute::<Server>(&new, &register("new"), &context(5, 5)).await;
    assert!(matches!(refused, Err(CommandError::Refused(server::Refusal::OrganizationSuspended))));
    let nowhere = Subject::server(OrganizationId::new(uuid(404)), ServerId::new(uuid(25)));
    let refused = dispatcher.execute::<Server>(&nowhere, &register("new"), &context(6, 6)).await;
    assert!(matches!(refused, Err(CommandError::Refused(server::Refusal::OrganizationUnknown))));
}

#[tokio::test]
async fn another_nouns_subject_is_not_written_to() {
    let (log, dispatcher) = set_up().await;
    let stored = log.stored().len();
    let outcome =
        dispatcher.execute::<Organization>(&tools(), &organization::Command::Resume, &context(4, 4)).await;
    assert!(matches!(outcome, Err(CommandError::Unavailable(_))));
    assert_eq!(log.stored().len(), stored);
}

/// The aggregates are ordinary ones: cqrs-es's own framework runs them on this store.
#[tokio::test]
async fn cqrs_es_runs_the_aggregates_on_the_store() {
    use crate::cqrs::{Root, cqrs_id, metadata};
    use cqrs_es::{CqrsFramework, EventStore};

    let (log, dispatcher) = set_up().await;
    let store = Store::new(Arc::<TinyLog>::clone(&log), Arc::new(writer()));
    let authority = Authority::Whole;
    let facts =
        Facts { now: now(), owner: Standing::Active, bootstrapped: true, authority, other_owners: None };
    let framework = CqrsFramework::<Root<Server>, _>::new(store.clone(), vec![], facts);
    let id = cqrs_id(&tools());
    framework.execute_with_metadata(&id, enabled(false), metadata(&context(4, 4))).await.unwrap();
    let loaded = dispatcher.load::<Server>(&tools()).await.unwrap();
    assert!(!loaded.state().known().unwrap().enabled);
    assert!(loaded.seen(CommandId::new(uuid(4))).is_some());
    let events = EventStore::<Root<Server>>::load_events(&store, &id).await.unwrap();
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2]);
    let refused = framework.execute_with_metadata(&id, register("x"), metadata(&context(5, 5))).await;
    assert!(matches!(refused, Err(cqrs_es::AggregateError::UserError(server::Refusal::AlreadyRegistered))));
}
