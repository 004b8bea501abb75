//! A key that was changed hundreds of times, each time with all the scopes that it may have: twenty megabytes that
//! every command on it rests on.

use std::time::Duration;

use domain::store::Size;
use domain::{CommandError, dispatch, key};
use events::clock::{Clock, SystemClock};
use events::key::{KeyEvent, ScopesChanged};
use events::log::{Batch, Entry, Expected, Log};
use events::{Draft, Event, KeyId, OrganizationId, Owner, ScopeSet, Subject};
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt};

use crate::setting::{Admin, context, issue, rename, uuid, with_key};

const CHANGES: usize = 400;
const BATCH: usize = 20;
const UNBOUND: Size = Size { messages: usize::MAX / 2, bytes: usize::MAX / 2 };

/// A hundred scopes of 500 bytes, others each time.
fn scopes(number: usize) -> ScopeSet {
    let scope = |n: usize| format!("mcp:tools:tools:{n:0>3}_{number:0>480}").parse().unwrap();
    ScopeSet::new((0..100).map(scope).collect()).unwrap()
}

/// What was stored before histories had a bound.
async fn change_often(admin: &Admin, subject: &Subject) {
    let log = &admin.log;
    let id = log.id().await.unwrap();
    let history = log.history(subject).await.unwrap();
    let mut last = history.last;
    let mut previous = history.events.last().and_then(|stored| stored.read(id).event_id());
    for batch in 0..CHANGES / BATCH {
        let mut entry = |number: usize| {
            let context = context();
            let previous = previous.replace(context.event);
            let event = KeyEvent::ScopesChanged(ScopesChanged { scopes: scopes(batch * BATCH + number) });
            let draft = Draft {
                id: context.event,
                log: id,
                time: context.now,
                subject: subject.clone(),
                previous,
                actor: context.actor,
                command: context.command,
                fingerprint: context.fingerprint,
                causation: None,
                event: Event::Key(event),
            };
            let expected = if number == 0 { Expected::Last(last) } else { Expected::Following };
            (draft, expected)
        };
        let mut entries = Vec::with_capacity(BATCH);
        for (draft, expected) in (0..BATCH).map(&mut entry) {
            entries.push(Entry { event: admin.writer.sign(draft).await.unwrap(), expected });
        }
        last = log.append(Batch { entries }).await.unwrap().sequence;
    }
}

/// A key of another organization.
async fn other_key(admin: &Admin) -> Subject {
    let organization = OrganizationId::new(uuid());
    admin.create(organization, "other").await.unwrap();
    let subject = Subject::key(Owner::Organization(organization), KeyId::new(uuid()));
    admin.key(&subject, &issue(), &context()).await.unwrap();
    subject
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dozen_commands_at_once_are_done_and_hold_up_nobody_else() {
    let (_nats, admin, subject) = with_key().await;
    let other = other_key(&admin).await;
    change_often(&admin, &subject).await;
    let dispatcher = admin.dispatcher.clone().with_bound(UNBOUND);
    let dozen = async {
        let rename = rename();
        let contexts: Vec<_> = (0..12).map(|_| context()).collect();
        join_all(contexts.iter().map(|context| dispatcher.execute::<domain::Key>(&subject, &rename, context)))
            .await
    };
    let others = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..12 {
            let asked = SystemClock.instant();
            dispatcher.execute::<domain::Key>(&other, &rename(), &context()).await.unwrap();
            slowest = slowest.max(SystemClock.instant().duration_since(asked));
        }
        slowest
    };
    let (done, slowest) = tokio::join!(dozen, others);
    for done in done {
        assert!(done.unwrap().changed);
    }
    // A command takes milliseconds; what reads the long history shares two cores with it.
    assert!(slowest < Duration::from_secs(5), "another organization's command took {slowest:?}");
    // The connection that all of it went over was never lost.
    assert_eq!(admin.log.client().statistics().connects.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_filled_a_history_is_told_and_takes_the_key_away_all_the_same() {
    let (_nats, admin, subject) = with_key().await;
    change_often(&admin, &subject).await;
    let told = admin.key(&subject, &rename(), &context()).await;
    let Err(CommandError::Full { size, bound }) = told else { panic!("{told:?}") };
    assert_eq!((size.messages, bound), (1 + CHANGES, dispatch::BOUND));
    let disable = key::Command::Disable { reason: None };
    assert!(admin.key(&subject, &disable, &context()).await.unwrap().changed);
    let back = admin.key(&subject, &key::Command::Enable, &context()).await;
    assert!(matches!(back, Err(CommandError::Full { .. })), "{back:?}");
    let revoke = key::Command::Revoke { reason: None };
    assert!(admin.key(&subject, &revoke, &context()).await.unwrap().changed);
}

/// A follower asks for no more at a time than its connection can bear, and leaves nothing out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_comes_through_large_events() {
    let (_nats, admin, subject) = with_key().await;
    change_often(&admin, &subject).await;
    let end = admin.log.info().await.unwrap().last_sequence;
    let followed = admin.log.follow(None).await.unwrap().take(usize::try_from(end).unwrap());
    let followed: Vec<_> = followed.try_collect().await.unwrap();
    assert!(followed.iter().map(|stored| stored.sequence).eq(1..=end));
    assert_eq!(admin.log.client().statistics().connects.load(std::sync::atomic::Ordering::Relaxed), 1);
}
