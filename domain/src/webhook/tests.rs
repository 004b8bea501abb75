use events::webhook::{
    Changed, EventTypes, OverlapEnded, Paused, Registered, Removed, Resumed, SecretRotated, WebhookEvent,
};
use events::{SecretId, Timestamp};
use uuid::Uuid;

use super::*;
use crate::aggregate::Standing;
use crate::testing::{given, sealed};

fn secret(number: u128) -> SecretId {
    SecretId::new(Uuid::from_u128(number))
}

fn until() -> Timestamp {
    "2026-11-25T00:00:00Z".parse().unwrap()
}

fn register() -> Command {
    Command::Register {
        name: sealed("Hook"),
        url: sealed("https://a.example/"),
        types: EventTypes::all(),
        secret: secret(1),
    }
}

fn registered() -> WebhookEvent {
    WebhookEvent::Registered(Registered {
        name: sealed("Hook"),
        url: sealed("https://a.example/"),
        types: EventTypes::all(),
        secret: secret(1),
    })
}

fn rotated() -> WebhookEvent {
    WebhookEvent::SecretRotated(SecretRotated { secret: secret(2), overlap_until: until() })
}

#[test]
fn it_is_registered_once_by_the_installation_or_an_organization_in_good_standing() {
    given::<Webhook>([]).when(register()).then([registered()]);
    given::<Webhook>([]).owned_by(Standing::Installation).when(register()).then([registered()]);
    given::<Webhook>([registered()]).when(register()).then_refused(Refusal::AlreadyRegistered);
    for (owner, refusal) in [
        (Standing::Unknown, Refusal::OrganizationUnknown),
        (Standing::Suspended, Refusal::OrganizationSuspended),
        (Standing::Closed, Refusal::OrganizationClosed),
    ] {
        given::<Webhook>([]).owned_by(owner).when(register()).then_refused(refusal);
    }
}

#[test]
fn the_secret_before_signs_until_the_overlap_ends() {
    let rotate = Command::RotateSecret { secret: secret(2), overlap_until: until() };
    let after = given::<Webhook>([registered()]).when(rotate).then([rotated()]);
    let known = after.known().unwrap();
    assert_eq!((known.secret, known.previous), (secret(2), Some((secret(1), until()))));
    let ended = WebhookEvent::OverlapEnded(OverlapEnded {});
    let after = given::<Webhook>([registered(), rotated()]).when(Command::EndOverlap).then([ended.clone()]);
    assert_eq!(after.known().unwrap().previous, None);
    given::<Webhook>([registered(), rotated(), ended]).when(Command::EndOverlap).then_already_so();
}

#[test]
fn it_is_paused_and_resumed() {
    let paused = WebhookEvent::Paused(Paused { reason: None });
    let resumed = WebhookEvent::Resumed(Resumed {});
    let pause = Command::Pause { reason: None };
    given::<Webhook>([registered()]).when(pause.clone()).then([paused.clone()]);
    given::<Webhook>([registered(), paused.clone()]).when(pause).then_already_so();
    given::<Webhook>([registered(), paused]).when(Command::Resume { stopped: false }).then([resumed.clone()]);
    given::<Webhook>([registered()]).when(Command::Resume { stopped: false }).then_already_so();
    // Its endpoint was gone, of which no event tells.
    given::<Webhook>([registered()]).when(Command::Resume { stopped: true }).then([resumed]);
}

#[test]
fn only_what_differs_is_changed_and_nothing_of_what_is_removed() {
    let change = |types: Option<EventTypes>| Command::Change { name: None, url: None, types };
    given::<Webhook>([registered()]).when(change(Some(EventTypes::all()))).then_already_so();
    let keys: EventTypes = vec!["key.*".parse().unwrap()].try_into().unwrap();
    let changed = WebhookEvent::Changed(Changed { name: None, url: None, types: Some(keys.clone()) });
    let after = given::<Webhook>([registered()]).when(change(Some(keys.clone()))).then([changed]);
    assert_eq!(after.known().unwrap().types, keys);
    let removed = WebhookEvent::Removed(Removed { reason: None });
    given::<Webhook>([registered()]).when(Command::Remove { reason: None }).then([removed.clone()]);
    given::<Webhook>([registered(), removed.clone()])
        .when(Command::Remove { reason: None })
        .then_already_so();
    for command in [change(Some(keys)), Command::Resume { stopped: true }, Command::EndOverlap] {
        given::<Webhook>([registered(), removed.clone()]).when(command).then_refused(Refusal::Removed);
    }
    given::<Webhook>([]).when(Command::Resume { stopped: true }).then_refused(Refusal::Unknown);
}
