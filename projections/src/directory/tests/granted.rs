//! Clients, and what they are granted.

use events::approval::{self, ApprovalEvent};
use events::client::{self, ClientEvent, ClientMetadata, Origin};
use events::consent::{self, ConsentEvent};
use events::grant::{self, EndCause, GrantEvent};
use events::installation::{InstallationEvent, TokenKeyPublished, TokenKeyRetired};
use events::token_key::{Coordinate, TokenAlgorithm};
use events::{ApprovalId, ClientId, ConsentId, GrantId, Holder, InstallationId, TokenKeyId, UserId};

use super::*;
use crate::directory::granted::Entries;
use crate::directory::{
    ApprovalState, ClientState, ConsentState, GrantState, OrganizationState, Part, TokenKeyState,
};

pub(super) fn client(n: u8) -> ClientId {
    ClientId::new(Uuid::from_u128(0x0d00 + u128::from(n)))
}

pub(super) fn grant(n: u8) -> GrantId {
    GrantId::new(Uuid::from_u128(0x0f00 + u128::from(n)))
}

fn token_key(n: u8) -> TokenKeyId {
    TokenKeyId::new(Uuid::from_u128(0x1000 + u128::from(n)))
}

fn holder() -> Holder {
    Holder::Person { id: UserId::new(Uuid::from_u128(0x1100)) }
}

fn consent(o: u8, n: u8) -> ConsentId {
    ConsentId::of(organization(o), holder(), client(n), server(n))
}

fn of_client(sequence: u64, owner: Owner, n: u8, it: ClientEvent) -> Read {
    event(sequence, Subject::client(owner, client(n)), Event::Client(it))
}

fn of_approval(sequence: u64, o: u8, n: u8, it: ApprovalEvent) -> Read {
    let id = ApprovalId::of(organization(o), client(n));
    event(sequence, Subject::approval(organization(o), id), Event::Approval(it))
}

fn of_consent(sequence: u64, o: u8, n: u8, it: ConsentEvent) -> Read {
    event(sequence, Subject::consent(organization(o), consent(o, n)), Event::Consent(it))
}

fn of_grant(sequence: u64, o: u8, n: u8, it: GrantEvent) -> Read {
    event(sequence, Subject::grant(organization(o), grant(n)), Event::Grant(it))
}

fn of_installation(sequence: u64, it: InstallationEvent) -> Read {
    let id = InstallationId::new(Uuid::from_u128(7));
    event(sequence, Subject::installation(id), Event::Installation(it))
}

fn registered_client() -> ClientEvent {
    let metadata = ClientMetadata {
        redirect_uris: vec!["https://a.example/cb".parse().unwrap()].try_into().unwrap(),
        ..ClientMetadata::default()
    };
    ClientEvent::Registered(Box::new(client::Registered { origin: Origin::Given, metadata, name: sealed() }))
}

fn consented(n: u8, scopes: &str) -> ConsentEvent {
    let scopes = scopes.parse().unwrap();
    ConsentEvent::Given(consent::Given { holder: holder(), client: client(n), server: server(n), scopes })
}

fn withdrawn() -> ConsentEvent {
    ConsentEvent::Withdrawn(consent::Withdrawn { reason: None })
}

fn granted(n: u8, expires_at: Timestamp) -> GrantEvent {
    let (holder, client, server) = (holder(), client(n), server(n));
    let scopes = "mcp:docs".parse().unwrap();
    GrantEvent::Given(grant::Given { holder, client, server, scopes, expires_at })
}

fn ended() -> GrantEvent {
    GrantEvent::Ended(grant::Ended { cause: EndCause::Revoked, reason: None })
}

fn published(n: u8) -> InstallationEvent {
    InstallationEvent::TokenKeyPublished(TokenKeyPublished {
        id: token_key(n),
        algorithm: TokenAlgorithm::Es256,
        x: Coordinate([n; 32]),
        y: Coordinate([n; 32]),
        used_from: second(n.into()),
    })
}

fn retired(n: u8) -> InstallationEvent {
    InstallationEvent::TokenKeyRetired(TokenKeyRetired { id: token_key(n) })
}

/// One message by number, for histories by chance.
pub(super) fn read(sequence: u64, what: u8, o: u8, n: u8) -> Read {
    let owner = if o == 0 { Owner::Installation } else { Owner::Organization(organization(o)) };
    let reason = None;
    match what {
        16 | 17 => of_client(sequence, owner, n, registered_client()),
        18 => of_client(sequence, owner, n, ClientEvent::Disabled(client::Disabled { reason })),
        19 => of_client(sequence, owner, n, ClientEvent::Enabled(client::Enabled { reason })),
        20 => of_client(sequence, owner, n, ClientEvent::Removed(client::Removed { reason })),
        21 => of_approval(sequence, o, n, ApprovalEvent::Given(approval::Given { client: client(n) })),
        22 => of_approval(sequence, o, n, ApprovalEvent::Withdrawn(approval::Withdrawn { reason })),
        23 => of_consent(
            sequence,
            o,
            n,
            consented(n, ["mcp:docs", "mcp:*"][usize::from(sequence.is_multiple_of(2))]),
        ),
        24 => of_consent(sequence, o, n, withdrawn()),
        25 | 26 => of_grant(sequence, o, n, granted(n, second(15 + 10 * u64::from(n)))),
        27 => of_grant(sequence, o, n, ended()),
        28 => of_installation(sequence, published(n)),
        29 => of_installation(sequence, retired(n)),
        30 => {
            let subject = [
                Subject::grant(organization(o), grant(n)),
                Subject::client(owner, client(n)),
                Subject::consent(organization(o), consent(o, n)),
            ];
            unreadable(sequence, subject[usize::from(n % 3)].clone())
        }
        _ => {
            let changed = if n.is_multiple_of(2) {
                OrganizationEvent::ClientApprovalRequired(events::organization::ClientApprovalRequired {})
            } else {
                OrganizationEvent::ClientApprovalWaived(events::organization::ClientApprovalWaived {})
            };
            of_organization(sequence, organization(o), changed)
        }
    }
}

pub(super) fn parts(o: u8, n: u8) -> [Part; 5] {
    [
        Part::Client(client(n)),
        Part::Approval(ApprovalId::of(organization(o), client(n))),
        Part::Consent(consent(o, n)),
        Part::Grant(grant(n)),
        Part::TokenKey(token_key(n)),
    ]
}

/// Each entry as a line.
pub(super) fn lines(entries: &Entries) -> Vec<String> {
    let Entries { clients, approvals, consents, grants, token_keys } = entries;
    let clients = clients.iter().map(|entry| format!("{entry:?}"));
    let approvals = approvals.iter().map(|entry| format!("{entry:?}"));
    let consents = consents.iter().map(|entry| format!("{entry:?}"));
    let grants = grants.iter().map(|entry| format!("{entry:?}"));
    let token_keys = token_keys.iter().map(|entry| format!("{entry:?}"));
    clients.chain(approvals).chain(consents).chain(grants).chain(token_keys).collect()
}

/// What may be used, and of a consent since when.
pub(super) fn working(directory: &Directory) -> Vec<String> {
    let Entries { clients, approvals, consents, grants, token_keys } = directory.granted.entries();
    let mut works = Vec::new();
    let clients = clients.iter().filter(|entry| entry.state == ClientState::Active);
    works.extend(clients.map(|entry| format!("{} {:?}", entry.id, entry.metadata)));
    let approvals = approvals.iter().filter(|entry| entry.state == ApprovalState::Given);
    works.extend(approvals.map(|entry| entry.id.to_string()));
    let consents = consents.iter().filter(|entry| entry.state == ConsentState::Given);
    works.extend(consents.map(|entry| format!("{} {} {}", entry.id, entry.scopes, entry.since)));
    let now = directory.stored_at().unwrap_or(Timestamp::UNIX_EPOCH);
    let grants = grants.iter().filter(|entry| entry.state == GrantState::Active && entry.expires_at > now);
    works.extend(grants.map(|entry| format!("{} {}", entry.id, entry.scopes)));
    let token_keys = token_keys.iter().filter(|entry| entry.state == TokenKeyState::Published);
    works.extend(token_keys.map(|entry| entry.id.to_string()));
    works
}

#[test]
fn an_ended_grant_stays_until_its_time_is_over_and_so_no_copy_brings_it_back() {
    let given = || of_grant(1, 1, 1, granted(1, second(5)));
    let directory = replayed(&[given(), of_grant(2, 1, 1, ended())]);
    let entry = directory.grant(grant(1)).unwrap();
    assert_eq!((entry.state, entry.scopes.iter().count()), (GrantState::Ended, 0));
    let copy = |sequence, stored_at| {
        let Read::Event(mut copy) = given() else { panic!("an event") };
        (copy.position.sequence, copy.stored_at) = (sequence, stored_at);
        Read::Event(copy)
    };
    directory.apply(&copy(3, second(3)));
    assert_eq!(directory.grant(grant(1)).unwrap().state, GrantState::Closed);
    step(&directory, &of_organization(5, organization(1), created("acme")));
    assert!(directory.grant(grant(1)).is_none());
    directory.apply(&copy(6, second(6)));
    assert!(directory.grant(grant(1)).is_none());
    assert_eq!(directory.holding(organization(1)), Holding::default());
}

#[test]
fn a_consent_that_is_given_again_is_another_than_the_one_before() {
    let directory = replayed(&[of_consent(1, 1, 1, consented(1, "mcp:docs:tools:get"))]);
    let now = || directory.consent(organization(1), holder(), client(1), server(1)).unwrap();
    step(&directory, &of_consent(2, 1, 1, consented(1, "mcp:docs")));
    assert_eq!((now().since, now().generation), (1, 2));
    step(&directory, &of_consent(3, 1, 1, withdrawn()));
    assert_eq!(now().state, ConsentState::Withdrawn);
    step(&directory, &of_consent(4, 1, 1, consented(1, "mcp:docs")));
    assert_eq!((now().state, now().since), (ConsentState::Given, 4));
}

#[test]
fn a_client_is_found_by_its_documents_url() {
    let url: client::Uri = "https://client.example/metadata.json".parse().unwrap();
    let id = ClientId::of_document(&url);
    let ClientEvent::Registered(registered) = registered_client() else { panic!("registered") };
    let origin = Origin::Document { url: url.clone() };
    let registered = ClientEvent::Registered(Box::new(client::Registered { origin, ..*registered }));
    let subject = Subject::client(Owner::Installation, id);
    let directory = replayed(&[event(1, subject.clone(), Event::Client(registered))]);
    assert_eq!(directory.client_by_document(&url).unwrap().id, id);
    let removed = ClientEvent::Removed(client::Removed { reason: None });
    step(&directory, &event(2, subject, Event::Client(removed)));
    let entry = directory.client(id).unwrap();
    assert_eq!((entry.state, entry.metadata.redirect_uris.is_empty()), (ClientState::Removed, true));
}

#[test]
fn the_newest_key_for_tokens_signs_once_its_time_has_come() {
    let directory = replayed(&[of_installation(1, published(1)), of_installation(2, published(9))]);
    let signs = |at| directory.token_key_at(second(at)).map(|entry| entry.id);
    assert_eq!(
        [signs(0), signs(1), signs(8), signs(9)],
        [None, Some(token_key(1)), Some(token_key(1)), Some(token_key(9))]
    );
    step(&directory, &of_installation(3, retired(1)));
    assert_eq!(signs(8), None);
    step(&directory, &of_installation(4, published(1)));
    assert_eq!(directory.token_key(token_key(1)).unwrap().state, TokenKeyState::Retired);
}

#[test]
fn an_organization_says_whether_its_people_need_an_approval() {
    let directory = replayed(&[of_organization(1, organization(1), created("acme")), read(2, 31, 1, 0)]);
    let entry = directory.organization(organization(1)).unwrap();
    assert_eq!((entry.state, entry.requires_approval), (OrganizationState::Active, true));
    step(&directory, &read(3, 31, 1, 1));
    assert!(!directory.organization(organization(1)).unwrap().requires_approval);
}
