use events::IssuerId;
use events::person::{Added, Ended, Forgotten, IdentityDigest, Resumed, SignedOut, Suspended};

use super::*;
use crate::Decide;
use crate::testing::{given, sealed, uuid};

fn identity(byte: u8) -> Identity {
    Identity { issuer: IssuerId::new(uuid(9)), digest: IdentityDigest([byte; 20]) }
}

fn profile() -> Profile {
    Profile { email: Some(sealed("ada@example.com")), email_verified: true, name: None, picture: None }
}

fn add() -> Command {
    Command::Add { identity: identity(1), profile: profile() }
}

fn added() -> PersonEvent {
    let Profile { email, email_verified, name, picture } = profile();
    PersonEvent::Added(Added { identity: identity(1), email, email_verified, name, picture })
}

fn linked(byte: u8) -> PersonEvent {
    PersonEvent::IdentityAdded(IdentityAdded { identity: identity(byte) })
}

fn ended() -> PersonEvent {
    PersonEvent::Ended(Ended { reason: None })
}

fn suspended() -> PersonEvent {
    PersonEvent::Suspended(Suspended { reason: None })
}

#[test]
fn a_person_is_added_once() {
    let after = given::<Person>([]).when(add()).then([added()]);
    assert!(after.lives());
    given::<Person>([added()]).when(add()).then_refused(Refusal::AlreadyAdded);
    given::<Person>([]).when(Command::SignOut).then_refused(Refusal::Unknown);
}

#[test]
fn identities_come_and_go() {
    let link = |byte| Command::AddIdentity { identity: identity(byte) };
    let unlink = |byte| Command::RemoveIdentity { identity: identity(byte) };
    let after = given::<Person>([added()]).when(link(2)).then([linked(2)]);
    assert_eq!(after.known().unwrap().identities.len(), 2);
    given::<Person>([added()]).when(link(1)).then_already_so();
    given::<Person>([added()]).when(unlink(2)).then_already_so();
    let gone = PersonEvent::IdentityRemoved(IdentityRemoved { identity: identity(1) });
    let after = given::<Person>([added()]).when(unlink(1)).then([gone]);
    assert!(after.known().unwrap().identities.is_empty());
    let many = (2..=20).map(linked);
    given::<Person>([added()].into_iter().chain(many))
        .when(link(21))
        .then_refused(Refusal::TooManyIdentities);
}

#[test]
fn a_person_is_suspended_and_resumed() {
    let suspend = Command::Suspend { reason: None };
    let resume = Command::Resume { reason: None };
    given::<Person>([added()]).when(suspend.clone()).then([suspended()]);
    given::<Person>([added(), suspended()]).when(suspend).then_already_so();
    let resumed = PersonEvent::Resumed(Resumed { reason: None });
    given::<Person>([added(), suspended()]).when(resume.clone()).then([resumed]);
    given::<Person>([added()]).when(resume).then_already_so();
    given::<Person>([added()]).when(Command::SignOut).then([PersonEvent::SignedOut(SignedOut {})]);
}

#[test]
fn who_is_ended_never_comes_back() {
    let end = || Command::End { reason: None };
    for before in [vec![added()], vec![added(), suspended()]] {
        let after = given::<Person>(before).when(end()).then([ended()]);
        assert!(!after.lives());
    }
    let gone = || given::<Person>([added(), ended()]);
    gone().when(end()).then_already_so();
    let why = PersonEvent::Ended(Ended { reason: Some(sealed("left")) });
    gone().when(Command::End { reason: Some(sealed("left")) }).then([why]);
    for command in [
        Command::AddIdentity { identity: identity(2) },
        Command::ChangeProfile { profile: profile() },
        Command::Suspend { reason: None },
        Command::Resume { reason: None },
        Command::SignOut,
    ] {
        gone().when(command).then_refused(Refusal::Ended);
    }
    assert!(!gone().state().admits(&suspended()) && !gone().state().admits(&linked(2)));
}

#[test]
fn only_who_is_ended_is_forgotten_and_nothing_follows() {
    let forgotten = PersonEvent::Forgotten(Forgotten {});
    given::<Person>([added()]).when(Command::Forget).then_refused(Refusal::NotEnded);
    given::<Person>([added(), ended()]).when(Command::Forget).then([forgotten.clone()]);
    let gone = || given::<Person>([added(), ended(), forgotten.clone()]);
    gone().when(Command::Forget).then_already_so();
    gone().when(Command::End { reason: Some(sealed("x")) }).then_refused(Refusal::Forgotten);
    assert!(!gone().state().admits(&ended()));
}
