use events::organization::{Created, Forgotten, OrganizationEvent, Renamed, Resumed, Suspended};
use events::{Shard, Slug};

use super::*;
use crate::Decide;
use crate::testing::{given, sealed};

fn slug() -> Slug {
    "acme".parse().unwrap()
}

fn created() -> OrganizationEvent {
    OrganizationEvent::Created(Created { slug: slug(), name: sealed("Acme"), home_shard: Shard::ZERO })
}

fn suspended(reason: Option<&str>) -> OrganizationEvent {
    OrganizationEvent::Suspended(Suspended { reason: reason.map(sealed) })
}

fn resumed() -> OrganizationEvent {
    OrganizationEvent::Resumed(Resumed {})
}

fn create() -> Command {
    Command::Create { slug: slug(), name: sealed("Acme") }
}

#[test]
fn an_organization_is_created_on_shard_0() {
    let after = given::<Organization>([]).when(create()).then([created()]);
    assert!(!after.known().unwrap().suspended);
}

#[test]
fn an_organization_is_created_once() {
    given::<Organization>([created()]).when(create()).then_refused(Refusal::AlreadyCreated);
}

#[test]
fn an_unknown_organization_is_not_changed() {
    for command in [
        Command::Rename { name: sealed("x") },
        Command::Suspend { reason: None },
        Command::Resume,
        Command::Forget,
    ] {
        given::<Organization>([]).when(command).then_refused(Refusal::Unknown);
    }
}

#[test]
fn a_name_always_makes_an_event_since_it_is_sealed() {
    let renamed = OrganizationEvent::Renamed(Renamed { name: sealed("Acme") });
    given::<Organization>([created()]).when(Command::Rename { name: sealed("Acme") }).then([renamed]);
}

#[test]
fn it_is_suspended_and_resumed() {
    let after =
        given::<Organization>([created()]).when(Command::Suspend { reason: None }).then([suspended(None)]);
    assert!(after.known().unwrap().suspended);
    let after = given::<Organization>([created(), suspended(None)]).when(Command::Resume).then([resumed()]);
    assert!(!after.known().unwrap().suspended);
}

#[test]
fn what_already_is_so_makes_no_event() {
    given::<Organization>([created()]).when(Command::Resume).then_already_so();
    given::<Organization>([created(), suspended(None)])
        .when(Command::Suspend { reason: None })
        .then_already_so();
}

#[test]
fn a_reason_is_always_recorded() {
    given::<Organization>([created(), suspended(None)])
        .when(Command::Suspend { reason: Some(sealed("unpaid")) })
        .then([suspended(Some("unpaid"))]);
}

#[test]
fn only_a_suspended_one_is_forgotten_and_nothing_follows() {
    given::<Organization>([created()]).when(Command::Forget).then_refused(Refusal::NotSuspended);
    let forgotten = OrganizationEvent::Forgotten(Forgotten { sealing_key: sealed("Acme").key });
    let after =
        given::<Organization>([created(), suspended(None)]).when(Command::Forget).then([forgotten.clone()]);
    assert!(after.known().unwrap().forgotten && !after.admits(&resumed()));
    let ended = || given::<Organization>([created(), suspended(None), forgotten.clone()]);
    ended().when(Command::Forget).then_already_so();
    for command in [Command::Resume, Command::Rename { name: sealed("x") }, Command::Suspend { reason: None }]
    {
        ended().when(command).then_refused(Refusal::Forgotten);
    }
}
