use events::consent::{ConsentEvent, Given, Withdrawn};
use events::{ClientId, Holder, ServerId, UserId};
use uuid::Uuid;

use super::*;
use crate::aggregate::Standing;
use crate::testing::given;

fn of(scopes: &str) -> Given {
    Given {
        holder: Holder::Person { id: UserId::new(Uuid::from_u128(1)) },
        client: ClientId::new(Uuid::from_u128(2)),
        server: ServerId::new(Uuid::from_u128(3)),
        scopes: scopes.parse().unwrap(),
    }
}

fn give(scopes: &str) -> Command {
    Command::Give(Box::new(of(scopes)))
}

fn was_given(scopes: &str) -> ConsentEvent {
    ConsentEvent::Given(of(scopes))
}

#[test]
fn what_is_consented_to_grows_and_is_never_less_by_consenting() {
    let one = "mcp:docs:tools:get";
    given::<Consent>([]).when(give(one)).then([was_given(one)]);
    given::<Consent>([was_given("mcp:docs")]).when(give(one)).then_already_so();
    let both = "mcp:docs:tools:get mcp:docs:tools:list";
    given::<Consent>([was_given(one)]).when(give("mcp:docs:tools:list")).then([was_given(both)]);
    given::<Consent>([was_given(both)]).when(give("mcp:docs:tools:*")).then([was_given("mcp:docs:tools:*")]);
}

#[test]
fn what_was_withdrawn_stands_no_more_when_it_is_given_again() {
    let withdrawn = ConsentEvent::Withdrawn(Withdrawn { reason: None });
    let withdraw = Command::Withdraw { reason: None };
    given::<Consent>([was_given("mcp:docs")]).when(withdraw.clone()).then([withdrawn.clone()]);
    let state = given::<Consent>([was_given("mcp:docs"), withdrawn.clone()])
        .when(give("mcp:docs:tools:get"))
        .then([was_given("mcp:docs:tools:get")]);
    assert_eq!(state.standing().unwrap().scopes.to_string(), "mcp:docs:tools:get");
    given::<Consent>([was_given("mcp:docs"), withdrawn]).when(withdraw.clone()).then_already_so();
    given::<Consent>([]).when(withdraw).then_refused(Refusal::Unknown);
}

#[test]
fn nobody_consents_to_management_nor_for_an_organization_that_is_not_active() {
    given::<Consent>([]).when(give("admin:keys:read")).then_refused(Refusal::Management);
    let other = Given { client: ClientId::new(Uuid::from_u128(9)), ..of("mcp:docs") };
    given::<Consent>([was_given("mcp:docs")])
        .when(Command::Give(Box::new(other)))
        .then_refused(Refusal::Other);
    for (owner, refusal) in [
        (Standing::Unknown, Refusal::OrganizationUnknown),
        (Standing::Installation, Refusal::OrganizationUnknown),
        (Standing::Suspended, Refusal::OrganizationSuspended),
        (Standing::Closed, Refusal::OrganizationClosed),
    ] {
        given::<Consent>([]).owned_by(owner).when(give("mcp:docs")).then_refused(refusal);
    }
}
