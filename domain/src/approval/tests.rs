use events::ClientId;
use events::approval::{ApprovalEvent, Given, Withdrawn};
use uuid::Uuid;

use super::*;
use crate::aggregate::Standing;
use crate::testing::{given, sealed};

const CLIENT: ClientId = ClientId::new(Uuid::from_u128(1));

fn give() -> Command {
    Command::Give { client: CLIENT }
}

fn was_given() -> ApprovalEvent {
    ApprovalEvent::Given(Given { client: CLIENT })
}

#[test]
fn it_is_given_withdrawn_and_given_again() {
    let withdraw = Command::Withdraw { reason: None };
    let withdrawn = ApprovalEvent::Withdrawn(Withdrawn { reason: None });
    let state = given::<Approval>([]).when(give()).then([was_given()]);
    assert_eq!(state.standing(), Some(CLIENT));
    given::<Approval>([was_given()]).when(give()).then_already_so();
    let state = given::<Approval>([was_given()]).when(withdraw.clone()).then([withdrawn.clone()]);
    assert_eq!(state.standing(), None);
    given::<Approval>([was_given(), withdrawn.clone()]).when(withdraw.clone()).then_already_so();
    given::<Approval>([was_given(), withdrawn]).when(give()).then([was_given()]);
    given::<Approval>([]).when(withdraw).then_refused(Refusal::Unknown);
    let reason = Some(sealed("why"));
    let again = ApprovalEvent::Withdrawn(Withdrawn { reason: reason.clone() });
    given::<Approval>([was_given()]).when(Command::Withdraw { reason }).then([again]);
}

#[test]
fn an_organization_in_good_standing_gives_it() {
    for (owner, refusal) in [
        (Standing::Unknown, Refusal::OrganizationUnknown),
        (Standing::Installation, Refusal::OrganizationUnknown),
        (Standing::Suspended, Refusal::OrganizationSuspended),
        (Standing::Closed, Refusal::OrganizationClosed),
    ] {
        given::<Approval>([]).owned_by(owner).when(give()).then_refused(refusal);
    }
}
