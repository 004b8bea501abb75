use events::digest::{DigestBytes, DigestKind, KeyDigest};
use events::invitation::Withdrawn;
use events::{InvitationId, PepperId, SecretId};

use super::*;
use crate::aggregate::{Decide, Standing};
use crate::testing::{given, seconds, uuid};

const DAY: i64 = 24 * 60 * 60;

fn created(role: Role, expires_at: Timestamp) -> Created {
    let digest =
        KeyDigest { kind: DigestKind::Native, pepper: PepperId::new(uuid(1)), bytes: DigestBytes([1; 32]) };
    Created {
        role,
        scopes: "mcp:*".parse().unwrap(),
        secret_id: SecretId::new(uuid(2)),
        digest,
        expires_at,
        email: None,
        name: None,
    }
}

fn create(role: Role, expires_at: Timestamp) -> Command {
    let Created { role, scopes, secret_id, digest, expires_at, email, name } = created(role, expires_at);
    Command::Create(Box::new(Create { role, scopes, secret_id, digest, expires_at, email, name }))
}

fn invitation() -> InvitationEvent {
    InvitationEvent::Created(created(Role::Viewer, seconds(DAY)))
}

fn withdraw() -> Command {
    Command::Withdraw { invitation: InvitationId::new(uuid(3)), reason: None }
}

fn withdrawn() -> InvitationEvent {
    InvitationEvent::Withdrawn(Withdrawn { invitation: InvitationId::new(uuid(3)), reason: None })
}

#[test]
fn it_is_created_once_with_an_end_within_thirty_days() {
    given::<Invitation>([]).when(create(Role::Viewer, seconds(DAY))).then([invitation()]);
    given::<Invitation>([invitation()])
        .when(create(Role::Viewer, seconds(DAY)))
        .then_refused(Refusal::AlreadyCreated);
    let now = seconds(0);
    given::<Invitation>([])
        .when(create(Role::Viewer, now))
        .then_refused(Refusal::ExpiryInThePast { expires_at: now });
    let late = seconds(30 * DAY + 1);
    given::<Invitation>([])
        .when(create(Role::Viewer, late))
        .then_refused(Refusal::ExpiryTooLate { expires_at: late });
    given::<Invitation>([])
        .owned_by(Standing::Suspended)
        .when(create(Role::Viewer, seconds(DAY)))
        .then_refused(Refusal::OrganizationSuspended);
}

#[test]
fn nobody_invites_to_what_they_do_not_hold() {
    let admin = Role::Admin.scopes().to_string();
    given::<Invitation>([])
        .by(&admin)
        .when(create(Role::Owner, seconds(DAY)))
        .then_refused(Refusal::ScopeNotHeld { scope: "admin:*:*".parse().unwrap() });
    let event = InvitationEvent::Created(created(Role::Admin, seconds(DAY)));
    given::<Invitation>([]).by(&admin).when(create(Role::Admin, seconds(DAY))).then([event]);
}

#[test]
fn it_is_withdrawn_for_ever() {
    let after = given::<Invitation>([invitation()]).when(withdraw()).then([withdrawn()]);
    assert!(!after.admits(&withdrawn()));
    given::<Invitation>([invitation(), withdrawn()]).when(withdraw()).then_already_so();
    given::<Invitation>([]).when(withdraw()).then_refused(Refusal::Unknown);
}
