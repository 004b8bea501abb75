use events::installation::{Bootstrapped, InstallationEvent, Recovered};
use events::{KeyId, PepperId};

use super::*;
use crate::testing::{given, uuid};

fn key(number: u128) -> KeyId {
    KeyId::new(uuid(number))
}

fn bootstrap() -> Command {
    Command::Bootstrap { admin_key: key(1), pepper: PepperId::new(uuid(2)) }
}

fn bootstrapped() -> InstallationEvent {
    InstallationEvent::Bootstrapped(Bootstrapped { admin_key: key(1), pepper: PepperId::new(uuid(2)) })
}

fn recovered(number: u128) -> InstallationEvent {
    InstallationEvent::Recovered(Recovered { admin_key: key(number) })
}

#[test]
fn an_empty_log_is_bootstrapped() {
    given::<Installation>([]).in_an_empty_log().when(bootstrap()).then([bootstrapped()]);
}

#[test]
fn a_log_is_bootstrapped_once() {
    given::<Installation>([bootstrapped()]).when(bootstrap()).then_refused(Refusal::AlreadyBootstrapped);
    // Under another installation's id as well.
    given::<Installation>([]).when(bootstrap()).then_refused(Refusal::AlreadyBootstrapped);
}

#[test]
fn recovery_lets_in_another_admin_key() {
    let after = given::<Installation>([bootstrapped()])
        .when(Command::Recover { admin_key: key(9) })
        .then([recovered(9)]);
    assert_eq!(after, Installation::Bootstrapped { admin_key: key(9), pepper: PepperId::new(uuid(2)) });
}

#[test]
fn recovery_with_the_same_key_is_already_so() {
    given::<Installation>([bootstrapped(), recovered(9)])
        .when(Command::Recover { admin_key: key(9) })
        .then_already_so();
}

#[test]
fn what_was_never_bootstrapped_is_not_recovered() {
    given::<Installation>([]).when(Command::Recover { admin_key: key(9) }).then_refused(Refusal::Unknown);
}
