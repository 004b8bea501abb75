//! What single events change.

use events::server::{Changed, UpstreamSettings};
use events::slug::SlugKind;
use events::{AggregateType, Owner, Subject};

use super::*;
use crate::directory::{KeyState, OrganizationState, ServerState};

fn one_of_each() -> Directory {
    let owner = Owner::Organization(organization(1));
    replayed(&[
        of_organization(1, organization(1), created("acme")),
        of_server(2, organization(1), server(1), registered("docs")),
        of_key(3, owner, key(1), issued(digest(1), "mcp:docs")),
    ])
}

#[test]
fn a_key_is_found_by_digest_and_by_id_and_a_server_by_its_address() {
    let directory = one_of_each();
    let by_digest = directory.key_by_digest(&digest(1)).unwrap();
    assert_eq!(by_digest, directory.key(key(1)).unwrap());
    assert_eq!((by_digest.state, by_digest.generation), (KeyState::Active, 3));
    assert_eq!(by_digest.last_four.as_str(), "Ab1z");
    assert_eq!(directory.server(organization(1), "docs").unwrap().id, server(1));
    assert_eq!(directory.organization_by_slug("acme").unwrap().id, organization(1));
    assert!(directory.key_by_digest(&digest(2)).is_none());
    assert!(directory.server(organization(2), "docs").is_none());
    assert!(directory.server(organization(1), "doc").is_none());
}

#[test]
fn a_revoked_key_never_comes_back() {
    let directory = one_of_each();
    let owner = Owner::Organization(organization(1));
    step(&directory, &of_key(4, owner, key(1), revoked()));
    for (sequence, event) in
        [(5, enabled()), (6, issued(digest(1), "mcp:*")), (7, issued(digest(9), "mcp:*"))]
    {
        step(&directory, &of_key(sequence, owner, key(1), event));
        assert_eq!(directory.key_by_digest(&digest(1)).unwrap().state, KeyState::Revoked);
    }
    step(&directory, &of_key(8, owner, key(2), issued(digest(1), "mcp:*")));
    assert_eq!(directory.key_by_digest(&digest(1)).unwrap().id, key(1), "a copied digest takes nothing over");
}

#[test]
fn events_under_another_owners_subject_change_nothing() {
    let directory = one_of_each();
    let before = (directory.key(key(1)), directory.server_by_id(server(1)));
    step(&directory, &of_key(4, Owner::Organization(organization(2)), key(1), revoked()));
    step(&directory, &of_key(5, Owner::Installation, key(1), revoked()));
    let changed = Changed { upstream: None, enabled: Some(false), name: None, settings: None };
    step(&directory, &of_server(6, organization(2), server(1), ServerEvent::Changed(changed)));
    assert_eq!(before, (directory.key(key(1)), directory.server_by_id(server(1))));
}

#[test]
fn a_server_is_changed_and_removed() {
    let directory = one_of_each();
    let changed = |upstream: Option<&str>, enabled, name| {
        let upstream = upstream.map(|url| url.parse().unwrap());
        ServerEvent::Changed(Changed { upstream, enabled, name, settings: None })
    };
    step(&directory, &of_server(4, organization(1), server(1), changed(None, None, Some(sealed()))));
    assert_eq!(directory.server_generation(server(1)), Some(2), "a name is nothing to a node");
    step(
        &directory,
        &of_server(5, organization(1), server(1), changed(Some("http://10.0.0.1/mcp"), Some(false), None)),
    );
    let entry = directory.server(organization(1), "docs").unwrap();
    assert_eq!((entry.state, entry.generation), (ServerState::Disabled, 5));
    assert_eq!(entry.upstream.to_string(), "http://10.0.0.1/mcp");
    let settings = UpstreamSettings { credentials: Some("none".parse().unwrap()), ..entry.settings.clone() };
    let set = Changed { upstream: None, enabled: None, name: None, settings: Some(settings.clone()) };
    step(&directory, &of_server(6, organization(1), server(1), ServerEvent::Changed(set)));
    let entry = directory.server(organization(1), "docs").unwrap();
    assert_eq!((&entry.settings, entry.generation), (&settings, 6));
    step(
        &directory,
        &of_server(
            7,
            organization(1),
            server(1),
            ServerEvent::Removed(events::server::Removed { reason: None }),
        ),
    );
    step(&directory, &of_server(8, organization(1), server(1), changed(None, Some(true), None)));
    assert_eq!(directory.server(organization(1), "docs").unwrap().state, ServerState::Removed);
}

#[test]
fn an_organization_is_suspended_and_resumed() {
    let directory = one_of_each();
    step(&directory, &of_organization(4, organization(1), suspended()));
    assert_eq!(directory.organization(organization(1)).unwrap().state, OrganizationState::Suspended);
    step(&directory, &of_organization(5, organization(1), resumed()));
    let entry = directory.organization(organization(1)).unwrap();
    assert_eq!((entry.state, entry.generation), (OrganizationState::Active, 5));
}

#[test]
fn an_unreadable_event_closes_its_key_for_good_and_no_other() {
    let directory = one_of_each();
    let owner = Owner::Organization(organization(1));
    step(&directory, &of_key(4, owner, key(2), issued(digest(2), "mcp:docs")));
    step(&directory, &unreadable(5, Subject::key(owner, key(1))));
    step(&directory, &of_key(6, owner, key(1), enabled()));
    let entry = directory.key_by_digest(&digest(1)).unwrap();
    assert_eq!((entry.state, entry.generation), (KeyState::Closed, 5));
    assert_eq!(directory.key_by_digest(&digest(2)).unwrap().state, KeyState::Active);
    assert!(!directory.installation_closed());
}

#[test]
fn an_unreadable_first_event_leaves_its_key_unknown() {
    let owner = Owner::Organization(organization(1));
    let directory = one_of_each();
    step(&directory, &unreadable(4, Subject::key(owner, key(2))));
    step(&directory, &of_key(5, owner, key(2), issued(digest(2), "mcp:docs")));
    assert!(directory.key_by_digest(&digest(2)).is_none());
}

#[test]
fn an_unreadable_event_closes_its_server_or_its_organization() {
    let directory = one_of_each();
    step(&directory, &unreadable(4, Subject::server(organization(1), server(1))));
    assert_eq!(directory.server_by_id(server(1)).unwrap().state, ServerState::Closed);
    step(&directory, &unreadable(5, Subject::organization(organization(1))));
    step(&directory, &of_organization(6, organization(1), resumed()));
    let entry = directory.organization(organization(1)).unwrap();
    assert_eq!((entry.state, entry.generation), (OrganizationState::Closed, 5));
}

fn unknown_type(owner: Owner) -> Subject {
    let aggregate_type: AggregateType = "policy".parse().unwrap();
    Subject { aggregate_type, ..Subject::key(owner, key(1)) }
}

#[test]
fn an_unknown_type_closes_the_organization_that_owns_it_or_the_installation() {
    let directory = one_of_each();
    step(&directory, &unreadable(4, unknown_type(Owner::Organization(organization(1)))));
    assert_eq!(directory.organization(organization(1)).unwrap().state, OrganizationState::Closed);
    assert!(!directory.installation_closed());
    step(&directory, &unreadable(5, unknown_type(Owner::Installation)));
    assert!(directory.installation_closed());
}

#[test]
fn an_unreadable_event_of_a_slug_closes_what_it_names_whichever_comes_first() {
    let directory = one_of_each();
    let slug = "docs".parse().unwrap();
    let reservation = Subject::slug(Owner::Organization(organization(1)), SlugKind::Server, &slug);
    step(&directory, &unreadable(4, reservation));
    assert_eq!(directory.server_by_id(server(1)).unwrap().state, ServerState::Closed);

    let slug = "later".parse().unwrap();
    step(&directory, &unreadable(5, Subject::slug(Owner::Installation, SlugKind::Organization, &slug)));
    step(&directory, &of_organization(6, organization(2), created("later")));
    assert_eq!(directory.organization(organization(2)).unwrap().state, OrganizationState::Closed);
}

#[test]
fn a_foreign_message_closes_nothing() {
    let directory = one_of_each();
    let before = directory.counts();
    step(&directory, &foreign(4));
    assert_eq!((directory.counts(), directory.applied()), (before, 4));
}

#[test]
fn equal_scopes_are_held_once() {
    let owner = Owner::Organization(organization(1));
    let directory = one_of_each();
    step(&directory, &of_key(4, owner, key(2), issued(digest(2), "mcp:docs")));
    let (one, two) = (directory.key(key(1)).unwrap(), directory.key(key(2)).unwrap());
    assert!(Arc::ptr_eq(&one.scopes, &two.scopes) && Arc::ptr_eq(&one.prefix, &two.prefix));
}
