use events::installation::{
    Bootstrapped, InstallationEvent, LossAccepted, Recovered, SignerPublished, SignerRetired,
};
use events::tlog::{Hash, Head};
use events::{KeyId, PepperId, SignerPurpose};

use super::*;
use crate::testing::{given, signer, uuid};

fn key(number: u128) -> KeyId {
    KeyId::new(uuid(number))
}

fn bootstrap() -> Command {
    Command::Bootstrap {
        admin_key: key(1),
        pepper: PepperId::new(uuid(2)),
        writer: signer(1),
        checkpoint: signer(2),
    }
}

fn bootstrapped() -> InstallationEvent {
    InstallationEvent::Bootstrapped(Bootstrapped {
        admin_key: key(1),
        pepper: PepperId::new(uuid(2)),
        writer: signer(1),
        checkpoint: signer(2),
    })
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
    assert!(matches!(after, Installation::Bootstrapped { admin_key, .. } if admin_key == key(9)));
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

fn publish(number: u8) -> Command {
    Command::PublishSigner { purpose: SignerPurpose::Writer, key: signer(number) }
}

fn published(number: u8) -> InstallationEvent {
    let (purpose, key) = (SignerPurpose::Writer, signer(number));
    InstallationEvent::SignerPublished(SignerPublished { purpose, key })
}

fn retired(number: u8) -> InstallationEvent {
    let (purpose, id) = (SignerPurpose::Writer, signer(number).id);
    InstallationEvent::SignerRetired(SignerRetired { purpose, id })
}

#[test]
fn a_further_key_signs_and_the_one_before_it_is_retired() {
    let after = given::<Installation>([bootstrapped()]).when(publish(3)).then([published(3)]);
    assert_eq!(after.newest(SignerPurpose::Writer).unwrap().key, signer(3));
    assert_eq!(after.newest(SignerPurpose::Checkpoint).unwrap().key, signer(2));
    let retire = Command::RetireSigner { id: signer(1).id };
    given::<Installation>([bootstrapped(), published(3)]).when(retire.clone()).then([retired(1)]);
    given::<Installation>([bootstrapped(), published(3), retired(1)]).when(retire).then_already_so();
}

#[test]
fn what_may_have_signed_the_lost_tail_signs_nothing_after_it() {
    let head = |size: u8| Head { size: size.into(), root: Hash::leaf(&[size]) };
    let accept = |writer| Command::AcceptLoss { kept: head(5), lost: vec![head(9)], writer: signer(writer) };
    let accepted = InstallationEvent::LossAccepted(LossAccepted { kept: head(5), lost: vec![head(9)] });
    let after = given::<Installation>([bootstrapped(), published(3)]).when(accept(4)).then([
        accepted.clone(),
        published(4),
        retired(1),
        retired(3),
    ]);
    assert_eq!(after.newest(SignerPurpose::Writer).unwrap().key, signer(4));
    assert_eq!(after.newest(SignerPurpose::Checkpoint).unwrap().key, signer(2), "it signed no event");
    // A second loss, later.
    given::<Installation>([bootstrapped(), accepted.clone(), published(4), retired(1)])
        .when(accept(5))
        .then([accepted, published(5), retired(4)]);
    given::<Installation>([bootstrapped()]).when(accept(1)).then_refused(Refusal::SignerExists);
    given::<Installation>([]).when(accept(4)).then_refused(Refusal::Unknown);
}

#[test]
fn a_purpose_always_has_a_key() {
    let only = |number: u8, purpose| {
        let retire = Command::RetireSigner { id: signer(number).id };
        given::<Installation>([bootstrapped()]).when(retire).then_refused(Refusal::OnlySigner(purpose));
    };
    only(1, SignerPurpose::Writer);
    only(2, SignerPurpose::Checkpoint);
}

#[test]
fn a_key_is_published_once_and_one_at_a_time() {
    given::<Installation>([bootstrapped()]).when(publish(1)).then_refused(Refusal::SignerExists);
    let purpose = SignerPurpose::Writer;
    given::<Installation>([bootstrapped(), published(3)])
        .when(publish(4))
        .then_refused(Refusal::StillRotating { purpose });
    given::<Installation>([bootstrapped(), published(3), retired(1)]).when(publish(4)).then([published(4)]);
}

#[test]
fn what_was_never_published_is_not_retired() {
    let id = signer(9).id;
    given::<Installation>([bootstrapped()])
        .when(Command::RetireSigner { id })
        .then_refused(Refusal::NoSigner(id));
    given::<Installation>([]).when(publish(3)).then_refused(Refusal::Unknown);
}
