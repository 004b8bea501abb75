use std::time::Duration;

use events::client::Origin;
use events::key::KeyOwner;
use events::{ApprovalId, ClientId, ConsentId, GrantId, KeyId, ServerId};
use projections::directory::Newest;
use uuid::Uuid;

use super::*;
use crate::request::principal::Who;
use crate::request::testing::{ORGANIZATION, key, server};

const CLIENT: ClientId = ClientId::new(Uuid::from_u128(2));
const SERVER: ServerId = ServerId::new(Uuid::from_u128(3));
const HOLDER: Holder = Holder::Key { id: KeyId::new(Uuid::from_u128(4)) };

fn second(second: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH.saturating_add(Duration::from_secs(second))
}

fn entry_of_key() -> KeyEntry {
    let Who::Key(key) = key(4, KeyOwner::Organization, "mcp:docs").who().clone() else { panic!("a key") };
    (*key).clone()
}

fn grant() -> GrantEntry {
    GrantEntry {
        id: GrantId::new(Uuid::from_u128(5)),
        organization: ORGANIZATION,
        holder: HOLDER,
        client: CLIENT,
        server: SERVER,
        scopes: Arc::new("mcp:docs:tools:get_*".parse().unwrap()),
        expires_at: second(100),
        state: GrantState::Active,
        given: 9,
        consent: ConsentId::of(ORGANIZATION, HOLDER, CLIENT, SERVER),
        approval: ApprovalId::of(ORGANIZATION, CLIENT),
        generation: 9,
        newest: Newest::default(),
    }
}

fn consent(scopes: &str) -> ConsentEntry {
    ConsentEntry {
        id: ConsentId::of(ORGANIZATION, HOLDER, CLIENT, SERVER),
        organization: ORGANIZATION,
        holder: HOLDER,
        client: CLIENT,
        server: SERVER,
        scopes: Arc::new(scopes.parse().unwrap()),
        state: ConsentState::Given,
        since: 8,
        generation: 8,
        newest: Newest::default(),
    }
}

fn approval(state: ApprovalState) -> ApprovalEntry {
    let id = ApprovalId::of(ORGANIZATION, CLIENT);
    let (organization, client, newest) = (ORGANIZATION, CLIENT, Newest::default());
    ApprovalEntry { id, organization, client, state, generation: 1, newest }
}

/// All of it stands.
fn whole() -> Ancestry {
    Ancestry {
        organization: Some(Arc::new(OrganizationEntry {
            id: ORGANIZATION,
            slug: "acme".parse().unwrap(),
            state: OrganizationState::Active,
            requires_approval: false,
            generation: 1,
            newest: Newest::default(),
        })),
        holder: HeldBy::Key(Arc::new(entry_of_key()), None),
        signs_in: true,
        client: Some(Arc::new(ClientEntry {
            id: CLIENT,
            owner: Owner::Installation,
            origin: Origin::Dynamic,
            metadata: Arc::default(),
            secrets: Arc::default(),
            state: ClientState::Active,
            generation: 1,
            newest: Newest::default(),
        })),
        server: Some(Arc::new(server(3, "https://docs.example/mcp"))),
        consent: Some(Arc::new(consent("mcp:docs"))),
        approval: None,
        scopes: Arc::new("mcp:docs:tools:get_*".parse().unwrap()),
        grant: Arc::new(grant()),
    }
}

fn changed<T: Clone>(of: &mut Option<Arc<T>>, change: impl FnOnce(&mut T)) {
    change(Arc::make_mut(of.as_mut().unwrap()));
}

/// What is judged of a grant of which this is changed.
fn with(change: impl FnOnce(&mut Ancestry)) -> Result<(), Fallen> {
    let mut ancestry = whole();
    change(&mut ancestry);
    ancestry.check(second(50))
}

#[test]
fn a_grant_works_while_all_that_it_comes_of_stands() {
    assert_eq!(with(|_| ()), Ok(()));
    assert_eq!(whole().check(second(100)), Err(Fallen::Expired));
    let state = |state| with(|it| Arc::make_mut(&mut it.grant).state = state);
    assert_eq!(state(GrantState::Ended), Err(Fallen::Ended));
    assert_eq!(state(GrantState::Closed), Err(Fallen::Closed));
    let state = |state| with(|it| changed(&mut it.organization, |organization| organization.state = state));
    assert_eq!(state(OrganizationState::Suspended), Err(Fallen::OrganizationSuspended));
    assert_eq!(state(OrganizationState::Closed), Err(Fallen::Closed));
    let state = |state| with(|it| changed(&mut it.client, |client| client.state = state));
    assert_eq!(state(ClientState::Disabled), Err(Fallen::ClientDisabled));
    assert_eq!(state(ClientState::Removed), Err(Fallen::ClientGone));
    assert_eq!(state(ClientState::Closed), Err(Fallen::Closed));
    let other = Owner::Organization(OrganizationId::new(Uuid::from_u128(99)));
    assert_eq!(with(|it| changed(&mut it.client, |client| client.owner = other)), Err(Fallen::ClientGone));
    let state = |state| with(|it| changed(&mut it.server, |server| server.state = state));
    assert_eq!(state(ServerState::Disabled), Err(Fallen::Server));
    assert_eq!(state(ServerState::Removed), Err(Fallen::Server));
    assert_eq!(state(ServerState::Closed), Err(Fallen::Closed));
    let other = OrganizationId::new(Uuid::from_u128(99));
    assert_eq!(with(|it| changed(&mut it.server, |server| server.organization = other)), Err(Fallen::Server));
}

#[test]
fn what_the_directory_does_not_know_stands_for_nothing() {
    assert_eq!(with(|it| it.organization = None), Err(Fallen::Closed));
    assert_eq!(with(|it| it.client = None), Err(Fallen::Closed));
    assert_eq!(with(|it| it.server = None), Err(Fallen::Closed));
    assert_eq!(with(|it| it.consent = None), Err(Fallen::NoConsent));
    assert_eq!(with(|it| it.holder = HeldBy::Nobody), Err(Fallen::Holder));
    assert_eq!(with(|it| it.signs_in = false), Err(Fallen::Issuer));
}

#[test]
fn a_grant_rests_on_the_consent_that_was_given_before_it_and_on_no_later_one() {
    let consent = |change: fn(&mut ConsentEntry)| with(|it| changed(&mut it.consent, change));
    assert_eq!(consent(|it| it.state = ConsentState::Withdrawn), Err(Fallen::NoConsent));
    assert_eq!(consent(|it| it.since = 10), Err(Fallen::NoConsent));
    assert_eq!(consent(|it| it.state = ConsentState::Closed), Err(Fallen::Closed));
}

#[test]
fn an_approval_counts_where_it_is_required() {
    let judged = |required: bool, state: Option<ApprovalState>| {
        with(|it| {
            it.approval = state.map(|state| Arc::new(approval(state)));
            changed(&mut it.organization, |organization| organization.requires_approval = required);
        })
    };
    assert_eq!(judged(false, Some(ApprovalState::Withdrawn)), Ok(()));
    assert_eq!(judged(true, Some(ApprovalState::Given)), Ok(()));
    assert_eq!(judged(true, None), Err(Fallen::NotApproved));
    assert_eq!(judged(true, Some(ApprovalState::Withdrawn)), Err(Fallen::NotApproved));
    assert_eq!(judged(true, Some(ApprovalState::Closed)), Err(Fallen::Closed));
}

#[test]
fn it_is_never_longer_nor_wider_than_its_holder() {
    let with_key = |change: fn(&mut KeyEntry)| {
        let mut key = entry_of_key();
        change(&mut key);
        with(|it| it.holder = HeldBy::Key(Arc::new(key), None))
    };
    assert_eq!(with_key(|key| key.state = KeyState::Revoked), Err(Fallen::Holder));
    assert_eq!(with_key(|key| key.state = KeyState::Disabled), Err(Fallen::Holder));
    assert_eq!(with_key(|key| key.state = KeyState::Closed), Err(Fallen::Closed));
    assert_eq!(with_key(|key| key.expires_at = Some(second(50))), Err(Fallen::Holder));
    assert_eq!(with_key(|key| key.not_before = Some(second(51))), Err(Fallen::Holder));
    assert_eq!(with_key(|key| key.owner = Owner::Installation), Err(Fallen::Holder));
    let mut key = entry_of_key();
    key.expires_at = Some(second(70));
    let shorter = Ancestry { holder: HeldBy::Key(Arc::new(key), None), ..whole() };
    assert_eq!(shorter.until(), second(70));
    let scopes = |own: &str, consented: &str, held: &str| {
        let key = KeyEntry { scopes: Arc::new(held.parse().unwrap()), ..entry_of_key() };
        let own = Arc::new(own.parse().unwrap());
        narrowed(&own, Some(&consent(consented)), &HeldBy::Key(Arc::new(key), None)).to_string()
    };
    assert_eq!(scopes("mcp:docs", "mcp:docs", "mcp:*"), "mcp:docs");
    assert_eq!(scopes("mcp:docs", "mcp:docs", "mcp:docs:tools:get"), "mcp:docs:tools:get");
    assert_eq!(scopes("mcp:docs", "mcp:docs:tools:*", "mcp:docs:tools:get"), "mcp:docs:tools:get");
    assert_eq!(scopes("mcp:docs", "mcp:docs", "mcp:mail"), "");
}
