use events::grant::{EndCause, Ended, Given, GrantEvent};
use events::{ClientId, Holder, KeyId, ServerId, Timestamp};
use uuid::Uuid;

use super::*;
use crate::aggregate::Standing;
use crate::testing::{given, now, seconds};

fn of(scopes: &str, expires_at: Timestamp) -> Given {
    Given {
        holder: Holder::Key { id: KeyId::new(Uuid::from_u128(1)) },
        client: ClientId::new(Uuid::from_u128(2)),
        server: ServerId::new(Uuid::from_u128(3)),
        scopes: scopes.parse().unwrap(),
        expires_at,
    }
}

fn give(scopes: &str, expires_at: Timestamp) -> Command {
    Command::Give(Box::new(of(scopes, expires_at)))
}

fn ended(cause: EndCause) -> GrantEvent {
    GrantEvent::Ended(Ended { cause, reason: None })
}

#[test]
fn it_is_given_once_and_ends_once() {
    let was_given = GrantEvent::Given(of("mcp:docs", seconds(60)));
    given::<Grant>([]).when(give("mcp:docs", seconds(60))).then([was_given.clone()]);
    let again = given::<Grant>([was_given.clone()]).when(give("mcp:docs", seconds(60)));
    again.then_refused(Refusal::AlreadyGiven);
    let end = |cause| Command::End { cause, reason: None };
    let state = given::<Grant>([was_given.clone()])
        .when(end(EndCause::CodeReplayed))
        .then([ended(EndCause::CodeReplayed)]);
    assert!(matches!(state, Grant::Known { ended: Some(EndCause::CodeReplayed), .. }));
    given::<Grant>([was_given, ended(EndCause::CodeReplayed)]).when(end(EndCause::Revoked)).then_already_so();
    given::<Grant>([]).when(end(EndCause::Revoked)).then_refused(Refusal::Unknown);
}

#[test]
fn it_opens_servers_for_a_time_in_an_active_organization() {
    given::<Grant>([]).when(give("admin:keys:read", seconds(60))).then_refused(Refusal::Management);
    given::<Grant>([]).when(give("mcp:docs", now())).then_refused(Refusal::ExpiryInThePast);
    for (owner, refusal) in [
        (Standing::Unknown, Refusal::OrganizationUnknown),
        (Standing::Installation, Refusal::OrganizationUnknown),
        (Standing::Suspended, Refusal::OrganizationSuspended),
        (Standing::Closed, Refusal::OrganizationClosed),
    ] {
        given::<Grant>([]).owned_by(owner).when(give("mcp:docs", seconds(60))).then_refused(refusal);
    }
}
