//! Several admins, each over a connection of its own, at the same time.

use domain::{CommandError, Done, Key, key, organization};
use events::OrganizationId;
use events::key::KeyEvent;
use events::log::Log;
use futures::future::join_all;
use keyledger_tests::servers::Nats;

use crate::setting::{
    Admin, again, context, created_by, history, issue, rename, replayed, uuid, with_key, with_organization,
};

async fn admins(nats: &Nats, count: usize) -> Vec<Admin> {
    join_all((0..count).map(|_| Admin::new(nats))).await
}

#[tokio::test]
async fn two_admins_change_the_same_key_and_nothing_is_lost() {
    let (nats, admin, subject) = with_key().await;
    let pair = admins(&nats, 2).await;
    for _round in 0..20 {
        let (rename_one, rename_two) = (rename(), rename());
        let (context_one, context_two) = (context(), context());
        let (one, two) = tokio::join!(
            pair[0].key(&subject, &rename_one, &context_one),
            pair[1].key(&subject, &rename_two, &context_two),
        );
        assert!(one.unwrap().changed && two.unwrap().changed);
    }
    let events = history(&admin.log, &subject).await;
    assert_eq!(events.len(), 1 + 40);
    // The later one's name is the key's.
    let KeyEvent::Renamed(last) = key_event(events.last().unwrap()) else { panic!("a rename") };
    assert_eq!(replayed::<Key>(&events).known().unwrap().name, last.name);
}

fn key_event(recorded: &events::Recorded) -> KeyEvent {
    recorded.event.clone().try_into().unwrap()
}

/// Whatever the order: revoked wins, and a change that was decided before it stands before it.
#[tokio::test]
async fn a_key_that_is_revoked_and_enabled_at_once_is_revoked() {
    let (nats, admin, organization) = with_organization().await;
    let pair = admins(&nats, 2).await;
    for _round in 0..20 {
        let issued = context();
        let subject = created_by(organization, &issued);
        admin.key(&subject, &issue(), &issued).await.unwrap();
        admin.key(&subject, &key::Command::Disable { reason: None }, &context()).await.unwrap();
        let (revoke, enable) = (key::Command::Revoke { reason: None }, key::Command::Enable);
        let (context_one, context_two) = (context(), context());
        let (revoked, enabled) = tokio::join!(
            pair[0].key(&subject, &revoke, &context_one),
            pair[1].key(&subject, &enable, &context_two),
        );
        assert!(revoked.unwrap().changed);
        let events = history(&admin.log, &subject).await;
        assert!(matches!(key_event(events.last().unwrap()), KeyEvent::Revoked(_)));
        match enabled {
            Ok(done) => assert_eq!((done.changed, events.len()), (true, 4)),
            Err(error) => {
                assert!(matches!(error, CommandError::Refused(key::Refusal::Revoked)), "{error}");
                assert_eq!(events.len(), 3);
            }
        }
    }
}

#[tokio::test]
async fn the_same_command_sent_at_once_is_done_once() {
    let (nats, admin, organization) = with_organization().await;
    let admins = admins(&nats, 6).await;
    for _round in 0..10 {
        let first = context();
        let subject = created_by(organization, &first);
        // Each call draws a secret and an event id of its own.
        let calls: Vec<_> = admins.iter().map(|admin| (admin, issue(), again(&first))).collect();
        let done: Vec<Done<Key>> =
            join_all(calls.iter().map(|(admin, issue, context)| admin.key(&subject, issue, context)))
                .await
                .into_iter()
                .map(Result::unwrap)
                .collect();
        assert_eq!(done.iter().filter(|done| done.changed && !done.replayed).count(), 1);
        assert_eq!(done.iter().filter(|done| done.replayed && !done.changed).count(), 5);
        let events = history(&admin.log, &subject).await;
        assert_eq!(events.len(), 1);
        assert!(done.iter().all(|done| done.position == events[0].position));
    }
}

#[tokio::test]
async fn the_same_id_with_another_command_is_told() {
    let (_nats, admin, organization) = with_organization().await;
    let first = context();
    let subject = created_by(organization, &first);
    admin.key(&subject, &issue(), &first).await.unwrap();
    let mut other = again(&first);
    other.fingerprint.0[0] ^= 1;
    let told = admin.key(&subject, &issue(), &other).await;
    assert!(matches!(told, Err(CommandError::OtherCommand)), "{told:?}");
    // Also among later events.
    admin.key(&subject, &rename(), &context()).await.unwrap();
    let told = admin.key(&subject, &rename(), &other).await;
    assert!(matches!(told, Err(CommandError::OtherCommand)), "{told:?}");
}

#[tokio::test]
async fn of_those_who_want_a_slug_at_once_one_gets_it() {
    let (nats, admin, _) = with_organization().await;
    let admins = admins(&nats, 6).await;
    for round in 0..10 {
        let slug = format!("wanted-{round}");
        let ids: Vec<_> = admins.iter().map(|_| OrganizationId::new(uuid())).collect();
        let before = admin.log.info().await.unwrap().last_sequence;
        let tries = join_all(admins.iter().zip(&ids).map(|(admin, id)| admin.create(*id, &slug))).await;
        assert_eq!(tries.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{tries:?}");
        let taken = |error: &&_| matches!(error, CommandError::Refused(organization::Refusal::SlugTaken { slug: s }) if s.as_str() == slug);
        assert_eq!(tries.iter().filter_map(|outcome| outcome.as_ref().err()).filter(taken).count(), 5);
        // The organization and its reservation, and nothing of the others.
        assert_eq!(admin.log.info().await.unwrap().last_sequence, before + 2);
    }
}

#[tokio::test]
async fn many_who_change_one_key_all_come_through_or_are_told() {
    let (nats, admin, subject) = with_key().await;
    let admins = admins(&nats, 8).await;
    let calls: Vec<_> = admins.iter().map(|admin| (admin, rename(), context())).collect();
    let outcomes = join_all(calls.iter().map(|(admin, command, context)| {
        let subject = &subject;
        async move { admin.key(subject, command, context).await }
    }))
    .await;
    let stored = history(&admin.log, &subject).await.len() - 1;
    let done = outcomes.iter().filter(|outcome| outcome.as_ref().is_ok_and(|done| done.changed)).count();
    let conflicts = outcomes.iter().filter(|o| matches!(o, Err(CommandError::Conflict))).count();
    assert_eq!((stored, done + conflicts), (done, 8), "{outcomes:?}");
}
