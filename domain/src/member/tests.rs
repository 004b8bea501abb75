use events::member::{Departure, Removed};

use super::*;
use crate::aggregate::{Decide, OtherOwners, Standing};
use crate::testing::{given, uuid};

fn person() -> UserId {
    UserId::new(uuid(5))
}

fn mcp(text: &str) -> ScopeSet {
    text.parse().unwrap()
}

fn add(role: Role) -> Command {
    Command::Add { person: person(), role, scopes: mcp("mcp:*"), invitation: None }
}

fn added(role: Role) -> MemberEvent {
    MemberEvent::Added(Added { person: person(), role, scopes: mcp("mcp:*"), invitation: None })
}

fn to(role: Role) -> Command {
    Command::Change { role: Some(role), scopes: None, leave_without_owner: false }
}

fn changed(role: Role, departure: Option<u32>) -> MemberEvent {
    let departure = departure.map(|number| Departure::after(number - 1));
    MemberEvent::Changed(Changed { role, scopes: mcp("mcp:*"), departure })
}

fn remove() -> Command {
    Command::Remove { reason: None, leave_without_owner: false }
}

fn removed(departure: Option<u32>) -> MemberEvent {
    MemberEvent::Removed(Removed {
        reason: None,
        departure: departure.map(|number| Departure::after(number - 1)),
    })
}

fn others(remain: bool) -> OtherOwners {
    OtherOwners { departure: Departure::after(6), remain }
}

#[test]
fn a_person_is_added_and_removed_and_added_again() {
    given::<Member>([]).when(add(Role::Viewer)).then([added(Role::Viewer)]);
    given::<Member>([added(Role::Viewer)]).when(add(Role::Viewer)).then_refused(Refusal::AlreadyMember);
    let after = given::<Member>([added(Role::Viewer)]).when(remove()).then([removed(None)]);
    assert!(after.now().is_none());
    let gone = || given::<Member>([added(Role::Viewer), removed(None)]);
    gone().when(remove()).then_already_so();
    gone().when(to(Role::Admin)).then_refused(Refusal::Unknown);
    gone().when(add(Role::Admin)).then([added(Role::Admin)]);
    given::<Member>([]).when(remove()).then_refused(Refusal::Unknown);
}

#[test]
fn only_an_organization_in_good_standing_takes_members() {
    for (owner, refusal) in [
        (Standing::Installation, Refusal::OrganizationUnknown),
        (Standing::Unknown, Refusal::OrganizationUnknown),
        (Standing::Suspended, Refusal::OrganizationSuspended),
        (Standing::Closed, Refusal::OrganizationClosed),
    ] {
        given::<Member>([]).owned_by(owner).when(add(Role::Viewer)).then_refused(refusal);
    }
}

#[test]
fn what_differs_is_changed() {
    let all = || given::<Member>([added(Role::Viewer)]);
    all().when(to(Role::Viewer)).then_already_so();
    all().when(to(Role::Developer)).then([changed(Role::Developer, None)]);
    let narrow = Command::Change { role: None, scopes: Some(mcp("mcp:docs")), leave_without_owner: false };
    let event = Changed { role: Role::Viewer, scopes: mcp("mcp:docs"), departure: None };
    all().when(narrow).then([MemberEvent::Changed(event)]);
    let management =
        Command::Change { role: None, scopes: Some(mcp("keys:verify")), leave_without_owner: false };
    all().when(management).then_refused(Refusal::ManagementScopes);
}

#[test]
fn a_role_is_given_and_taken_away_by_who_holds_it() {
    let admin = Role::Admin.scopes().to_string();
    let lacks = || Refusal::ScopeNotHeld { scope: "admin:*:*".parse().unwrap() };
    given::<Member>([]).by(&admin).when(add(Role::Admin)).then([added(Role::Admin)]);
    given::<Member>([]).by(&admin).when(add(Role::Owner)).then_refused(lacks());
    for command in [remove(), to(Role::Viewer)] {
        given::<Member>([added(Role::Owner)])
            .by(&admin)
            .beside(others(true))
            .when(command)
            .then_refused(lacks());
    }
    given::<Member>([added(Role::Viewer)]).by(&admin).when(to(Role::Owner)).then_refused(lacks());
    given::<Member>([added(Role::Admin)]).by(&admin).when(remove()).then([removed(None)]);
}

#[test]
fn the_last_owner_stays() {
    let owner = || given::<Member>([added(Role::Owner)]);
    for command in [remove(), to(Role::Admin)] {
        owner().beside(others(false)).when(command.clone()).then_refused(Refusal::LastOwner);
        // Nobody looked who is left.
        owner().when(command).then_refused(Refusal::LastOwner);
    }
    owner().beside(others(true)).when(remove()).then([removed(Some(7))]);
    owner().beside(others(true)).when(to(Role::Admin)).then([changed(Role::Admin, Some(7))]);
    let anyway = Command::Remove { reason: None, leave_without_owner: true };
    owner().beside(others(false)).when(anyway).then([removed(Some(7))]);
    assert!(
        !owner().state().admits(&removed(None)) && !owner().state().admits(&changed(Role::Owner, Some(7)))
    );
}
