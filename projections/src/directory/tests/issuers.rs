//! What events of issuers change.

use events::issuer::{
    Changed, CredentialKind, CredentialRemoved, CredentialSet, IssuerEvent, IssuerSettings, Registered,
    Removed, Renamed,
};
use events::slug::SlugKind;
use events::{IssuerId, Owner, Subject};

use super::*;
use crate::directory::{IssuerState, Part};

pub(super) fn issuer(n: u8) -> IssuerId {
    IssuerId::new(Uuid::from_u128(0x1550_0000 + u128::from(n)))
}

fn settings(client: &str) -> IssuerSettings {
    serde_json::from_value(serde_json::json!({
        "protocol": { "kind": "openid", "issuer": "https://login.example.com" },
        "client_id": client,
        "authentication": "none",
        "scopes": ["openid"],
        "algorithms": ["RS256"],
        "rules": [],
        "overage": "refuse",
        "restrictions": { "domains": [], "required": [] },
    }))
    .unwrap()
}

fn registered(slug: &str) -> IssuerEvent {
    IssuerEvent::Registered(Registered {
        slug: slug.parse().unwrap(),
        name: sealed(),
        settings: settings("a"),
        enabled: true,
    })
}

fn changed(client: &str, enabled: bool) -> IssuerEvent {
    IssuerEvent::Changed(Changed { settings: settings(client), enabled })
}

fn credential(n: u8) -> IssuerEvent {
    let credential = SecretId::new(Uuid::from_u128(n.into()));
    IssuerEvent::CredentialSet(CredentialSet { credential, kind: CredentialKind::Secret })
}

fn removed() -> IssuerEvent {
    IssuerEvent::Removed(Removed { reason: None })
}

fn of_issuer(sequence: u64, owner: Owner, id: IssuerId, it: IssuerEvent) -> Read {
    event(sequence, Subject::issuer(owner, id), Event::Issuer(it))
}

/// A step of the histories that are made by chance.
pub(super) fn read(sequence: u64, what: u8, owner: Owner, n: u8) -> Read {
    let event = match what {
        16 => registered(["s", "t", "u", "v", "w"][usize::from(n)]),
        17 => changed("b", n.is_multiple_of(2)),
        18 => credential(n),
        19 => removed(),
        20 => IssuerEvent::Renamed(Renamed { name: sealed() }),
        _ => return unreadable(sequence, Subject::issuer(owner, issuer(n))),
    };
    of_issuer(sequence, owner, issuer(n), event)
}

/// Of every owner, and a bit of everything.
pub(super) fn some(first: u64) -> Vec<Read> {
    let own = Owner::Organization(organization(1));
    vec![
        of_issuer(first, own, issuer(1), registered("login")),
        of_issuer(first + 1, own, issuer(1), credential(5)),
        of_issuer(first + 2, Owner::Installation, issuer(2), registered("all")),
        of_issuer(first + 3, Owner::Installation, issuer(2), changed("b", false)),
    ]
}

#[test]
fn people_sign_in_at_their_organizations_issuers_and_the_installations() {
    let directory = replayed(&[
        of_organization(1, organization(1), created("acme")),
        of_organization(2, organization(2), created("other")),
    ]);
    let ids = |n| directory.issuers_for(organization(n)).iter().map(|entry| entry.id).collect::<Vec<_>>();
    let may = |n| directory.has_issuer_for(organization(n));
    assert!(!may(1) && !directory.has_issuers());
    let own = Owner::Organization(organization(1));
    step(&directory, &of_issuer(3, own, issuer(1), registered("login")));
    assert_eq!((ids(1), ids(2)), (vec![issuer(1)], vec![]));
    assert!(may(1) && !may(2) && directory.has_issuers());
    step(&directory, &of_issuer(4, Owner::Installation, issuer(2), registered("all")));
    assert_eq!((ids(1), ids(2)), (vec![issuer(1), issuer(2)], vec![issuer(2)]));
    step(&directory, &of_issuer(5, Owner::Installation, issuer(2), changed("a", false)));
    assert_eq!((ids(1), ids(2)), (vec![issuer(1)], vec![]));
    // Its organization's word counts no more, and so does not its own.
    step(&directory, &of_organization(6, organization(1), suspended()));
    assert!(!directory.issuer_stands(issuer(1)) && !may(1) && !directory.has_issuers());
    step(&directory, &of_organization(7, organization(1), resumed()));
    assert!(directory.issuer_stands(issuer(1)));
}

#[test]
fn an_issuer_changes_and_never_comes_back() {
    let own = Owner::Organization(organization(1));
    let directory = replayed(&[
        of_organization(1, organization(1), created("acme")),
        of_issuer(2, own, issuer(1), registered("login")),
    ]);
    let watch = directory.watch(Box::new([Part::Issuer(issuer(1))]));
    let poll = || {
        let context = std::task::Context::from_waker(std::task::Waker::noop());
        watch.poll_changed(&context).is_ready()
    };
    step(&directory, &of_issuer(3, Owner::Installation, issuer(1), removed()));
    assert!(!poll(), "another owner's subject changes nothing");
    step(&directory, &of_issuer(4, own, issuer(1), credential(7)));
    let entry = directory.issuer(issuer(1)).unwrap();
    assert_eq!(entry.credential, Some((SecretId::new(Uuid::from_u128(7)), CredentialKind::Secret)));
    assert!(poll());
    let gone = IssuerEvent::CredentialRemoved(CredentialRemoved {});
    step(&directory, &of_issuer(5, own, issuer(1), gone));
    step(&directory, &of_issuer(6, own, issuer(1), changed("b", true)));
    let entry = directory.issuer(issuer(1)).unwrap();
    assert_eq!((entry.credential, entry.generation), (None, 6));
    assert_eq!(*entry.settings, settings("b"));
    step(&directory, &of_issuer(7, own, issuer(1), removed()));
    step(&directory, &of_issuer(8, own, issuer(1), changed("a", true)));
    assert_eq!(directory.issuer(issuer(1)).unwrap().state, IssuerState::Removed);
    assert!(!directory.issuer_stands(issuer(1)));
}

#[test]
fn what_can_not_be_read_of_an_issuer_or_its_name_closes_it() {
    let own = Owner::Organization(organization(1));
    let start = [
        of_organization(1, organization(1), created("acme")),
        of_issuer(2, own, issuer(1), registered("login")),
        of_issuer(3, own, issuer(2), registered("other")),
    ];
    for closes in
        [Subject::issuer(own, issuer(1)), Subject::slug(own, SlugKind::Issuer, &"login".parse().unwrap())]
    {
        let directory = replayed(&start);
        step(&directory, &unreadable(4, closes));
        assert_eq!(directory.issuer(issuer(1)).unwrap().state, IssuerState::Closed);
        assert!(!directory.issuer_stands(issuer(1)) && directory.issuer_stands(issuer(2)));
    }
}
