mod laws;

use events::digest::{DigestBytes, DigestKind, KeyDigest};
use events::key::{
    Disabled, Enabled, ExpiryChanged, Issued, KeyEvent, MetadataChanged, Renamed, Revoked, ScopesChanged,
};
use events::{Actor, PepperId, UserId};

use super::*;
use crate::aggregate::{Decide, Room, Standing};
use crate::testing::{given, now, sealed, seconds, uuid};

fn scopes(text: &str) -> ScopeSet {
    ScopeSet::new(text.split(' ').map(|scope| scope.parse().unwrap()).collect()).unwrap()
}

fn an_issue() -> Issue {
    Issue {
        secret_id: SecretId::new(uuid(1)),
        digest: KeyDigest {
            kind: DigestKind::Native,
            pepper: PepperId::new(uuid(2)),
            bytes: DigestBytes([7; 32]),
        },
        prefix: "kl_live".to_owned(),
        last_four: "MGk3".to_owned(),
        owner: KeyOwner::Organization,
        environment: Environment::Live,
        not_before: None,
        expires_at: Some(seconds(60)),
        scopes: scopes("mcp:tools"),
        issued_by: Actor::User(UserId::new(uuid(3))),
        name: sealed("ci"),
        metadata: None,
    }
}

fn issue(change: impl FnOnce(&mut Issue)) -> Command {
    let mut issue = an_issue();
    change(&mut issue);
    Command::Issue(Box::new(issue))
}

fn issued() -> KeyEvent {
    let issue = an_issue();
    KeyEvent::Issued(Issued {
        secret_id: issue.secret_id,
        digest: issue.digest,
        prefix: issue.prefix,
        last_four: issue.last_four,
        owner: issue.owner,
        environment: issue.environment,
        not_before: issue.not_before,
        expires_at: issue.expires_at,
        scopes: issue.scopes,
        issued_by: issue.issued_by,
        name: issue.name,
        metadata: issue.metadata,
    })
}

fn revoked(reason: Option<&str>) -> KeyEvent {
    KeyEvent::Revoked(Revoked { reason: reason.map(sealed) })
}

fn disabled(reason: Option<&str>) -> KeyEvent {
    KeyEvent::Disabled(Disabled { reason: reason.map(sealed) })
}

fn state(key: &Key) -> State {
    key.known().unwrap().state
}

#[test]
fn a_key_is_issued_once() {
    let after = given::<Key>([]).when(issue(|_| {})).then([issued()]);
    assert_eq!(state(&after), State::Active);
    given::<Key>([issued()]).when(issue(|_| {})).then_refused(Refusal::AlreadyIssued);
    given::<Key>([issued(), revoked(None)]).when(issue(|_| {})).then_refused(Refusal::AlreadyIssued);
}

#[test]
fn an_expiry_lies_in_the_future() {
    for past in [now(), seconds(-1)] {
        let refusal = Refusal::ExpiryInThePast { expires_at: past };
        given::<Key>([]).when(issue(|key| key.expires_at = Some(past))).then_refused(refusal.clone());
        given::<Key>([issued()]).when(Command::SetExpiry { expires_at: Some(past) }).then_refused(refusal);
    }
}

#[test]
fn a_key_starts_before_it_expires() {
    for not_before in [seconds(60), seconds(61)] {
        let refusal = Refusal::ExpiresBeforeItStarts { not_before, expires_at: seconds(60) };
        given::<Key>([]).when(issue(|key| key.not_before = Some(not_before))).then_refused(refusal);
    }
    let mut later = an_issue();
    later.not_before = Some(seconds(30));
    let starts_later = given::<Key>([]).when(Command::Issue(Box::new(later.clone())));
    let KeyEvent::Issued(mut event) = issued() else { panic!("issued") };
    event.not_before = later.not_before;
    starts_later.then([KeyEvent::Issued(event.clone())]);
    given::<Key>([KeyEvent::Issued(event)])
        .when(Command::SetExpiry { expires_at: Some(seconds(30)) })
        .then_refused(Refusal::ExpiresBeforeItStarts { not_before: seconds(30), expires_at: seconds(30) });
}

#[test]
fn a_key_belongs_to_whom_its_owner_says() {
    for (owner, standing, refusal) in [
        (KeyOwner::Installation, Standing::Active, Refusal::WrongOwner),
        (KeyOwner::Organization, Standing::Installation, Refusal::WrongOwner),
        (KeyOwner::User { id: UserId::new(uuid(3)) }, Standing::Installation, Refusal::WrongOwner),
        (KeyOwner::Organization, Standing::Unknown, Refusal::OrganizationUnknown),
        (KeyOwner::Organization, Standing::Suspended, Refusal::OrganizationSuspended),
        (KeyOwner::Organization, Standing::Closed, Refusal::OrganizationClosed),
    ] {
        given::<Key>([]).owned_by(standing).when(issue(|key| key.owner = owner)).then_refused(refusal);
    }
}

#[test]
fn an_installations_key_opens_no_mcp_server() {
    given::<Key>([])
        .owned_by(Standing::Installation)
        .when(issue(|key| key.owner = KeyOwner::Installation))
        .then_refused(Refusal::InstallationScopes);
    let KeyEvent::Issued(mut event) = issued() else { panic!("issued") };
    event.owner = KeyOwner::Installation;
    event.scopes = scopes("admin:*:*");
    given::<Key>([KeyEvent::Issued(event)])
        .when(Command::SetScopes { scopes: scopes("mcp:*") })
        .then_refused(Refusal::InstallationScopes);
}

#[test]
fn a_key_is_revoked_disabled_and_enabled() {
    let reason = Some(sealed("leaked"));
    let after = given::<Key>([issued()]).when(Command::Revoke { reason }).then([revoked(Some("leaked"))]);
    assert_eq!(state(&after), State::Revoked);
    let after = given::<Key>([issued()]).when(Command::Disable { reason: None }).then([disabled(None)]);
    assert_eq!(state(&after), State::Disabled);
    let after =
        given::<Key>([issued(), disabled(None)]).when(Command::Enable).then([KeyEvent::Enabled(Enabled {})]);
    assert_eq!(state(&after), State::Active);
    given::<Key>([issued(), disabled(None)]).when(Command::Revoke { reason: None }).then([revoked(None)]);
}

#[test]
fn its_properties_are_changed() {
    let after = given::<Key>([issued()])
        .when(Command::SetExpiry { expires_at: None })
        .then([KeyEvent::ExpiryChanged(ExpiryChanged { expires_at: None })]);
    assert_eq!(after.known().unwrap().expires_at, None);
    let after = given::<Key>([issued()])
        .when(Command::SetScopes { scopes: scopes("mcp:other") })
        .then([KeyEvent::ScopesChanged(ScopesChanged { scopes: scopes("mcp:other") })]);
    assert_eq!(after.known().unwrap().scopes, scopes("mcp:other"));
    let after = given::<Key>([issued()])
        .when(Command::Rename { name: sealed("cd") })
        .then([KeyEvent::Renamed(Renamed { name: sealed("cd") })]);
    assert_eq!(after.known().unwrap().name, sealed("cd"));
    let metadata = Some(sealed("{}"));
    let after = given::<Key>([issued()])
        .when(Command::SetMetadata { metadata: metadata.clone() })
        .then([KeyEvent::MetadataChanged(MetadataChanged { metadata: metadata.clone() })]);
    assert_eq!(after.known().unwrap().metadata, metadata);
}

#[test]
fn what_already_is_so_makes_no_event() {
    for (history, command) in [
        (vec![issued()], Command::Enable),
        (vec![issued()], Command::SetExpiry { expires_at: Some(seconds(60)) }),
        (vec![issued()], Command::SetScopes { scopes: scopes("mcp:tools") }),
        (vec![issued()], Command::SetMetadata { metadata: None }),
        (vec![issued(), disabled(None)], Command::Disable { reason: None }),
        (vec![issued(), revoked(None)], Command::Revoke { reason: None }),
    ] {
        given::<Key>(history).when(command).then_already_so();
    }
}

#[test]
fn sealed_text_is_always_recorded() {
    given::<Key>([issued(), revoked(None)])
        .when(Command::Revoke { reason: Some(sealed("leaked")) })
        .then([revoked(Some("leaked"))]);
    given::<Key>([issued(), disabled(None)])
        .when(Command::Disable { reason: Some(sealed("holiday")) })
        .then([disabled(Some("holiday"))]);
    given::<Key>([issued()])
        .when(Command::Rename { name: sealed("ci") })
        .then([KeyEvent::Renamed(Renamed { name: sealed("ci") })]);
}

fn changes() -> Vec<Command> {
    vec![
        Command::Disable { reason: None },
        Command::Enable,
        Command::SetExpiry { expires_at: None },
        Command::Rename { name: sealed("x") },
        Command::SetScopes { scopes: scopes("mcp:*") },
        Command::SetMetadata { metadata: None },
    ]
}

#[test]
fn a_revoked_key_is_not_changed() {
    for command in changes() {
        given::<Key>([issued(), revoked(None)]).when(command).then_refused(Refusal::Revoked);
    }
}

#[test]
fn an_unknown_key_is_not_changed() {
    given::<Key>([]).when(Command::Revoke { reason: None }).then_refused(Refusal::Unknown);
    for command in changes() {
        given::<Key>([]).when(command).then_refused(Refusal::Unknown);
    }
}

/// A key with management scopes, disabled or not.
fn manages(scopes_: &str, events: impl IntoIterator<Item = KeyEvent>) -> Vec<KeyEvent> {
    let KeyEvent::Issued(issued) = issued() else { panic!("the first event issues") };
    let issued = KeyEvent::Issued(Issued { scopes: scopes(scopes_), ..issued });
    std::iter::once(issued).chain(events).collect()
}

#[test]
fn nobody_gives_management_that_it_does_not_hold_at_issue_nor_when_a_key_comes_back_or_lives_on() {
    let later = Command::SetExpiry { expires_at: Some(seconds(61)) };
    let never = Command::SetExpiry { expires_at: None };
    let asked = [
        (vec![], issue(|issue| issue.scopes = scopes("admin:keys:write keys:verify"))),
        (vec![issued()], Command::SetScopes { scopes: scopes("admin:keys:write keys:verify") }),
        (manages("admin:keys:write keys:verify", [disabled(None)]), Command::Enable),
        (manages("admin:keys:write keys:verify", []), later),
        (manages("admin:keys:write keys:verify", []), never),
    ];
    for (events, command) in asked {
        let refusal = Refusal::ScopeNotHeld { scope: "keys:verify".parse().unwrap() };
        given::<Key>(events.clone()).by("admin:keys:*").when(command.clone()).then_refused(refusal);
        let decided = given::<Key>(events).by("admin:keys:* keys:verify").when(command);
        assert!(decided.events().is_ok_and(|events| events.len() == 1));
    }
}

#[test]
fn who_may_not_give_is_told_so_where_it_is_so_already_too() {
    let wide = || {
        let KeyEvent::Issued(issued) = issued() else { panic!("the first event issues") };
        [KeyEvent::Issued(Issued { scopes: scopes("keys:verify"), expires_at: None, ..issued })]
    };
    let same = Command::SetScopes { scopes: scopes("keys:verify") };
    for command in [Command::Enable, Command::SetExpiry { expires_at: None }, same] {
        let refusal = Refusal::ScopeNotHeld { scope: "keys:verify".parse().unwrap() };
        given::<Key>(wide()).by("admin:keys:*").when(command.clone()).then_refused(refusal);
        given::<Key>(wide()).by("keys:verify").when(command).then([]);
    }
}

#[test]
fn who_may_write_keys_takes_from_any_and_gives_what_opens_servers() {
    let wide = || manages("admin:*:* keys:verify", []);
    let narrow = "admin:keys:write";
    given::<Key>(wide()).by(narrow).when(Command::Revoke { reason: None }).then([revoked(None)]);
    given::<Key>(wide()).by(narrow).when(Command::Disable { reason: None }).then([disabled(None)]);
    let sooner = Some(seconds(30));
    let changed = KeyEvent::ExpiryChanged(ExpiryChanged { expires_at: sooner });
    given::<Key>(wide()).by(narrow).when(Command::SetExpiry { expires_at: sooner }).then([changed]);
    given::<Key>([issued(), disabled(None)])
        .by(narrow)
        .when(Command::Enable)
        .then([KeyEvent::Enabled(Enabled {})]);
}

#[test]
fn a_full_history_has_room_for_what_takes_away() {
    let key = |events: Vec<KeyEvent>| given::<Key>(events).state();
    let active = key(vec![issued()]);
    let disabled_key = key(vec![issued(), disabled(None)]);
    let revoked_key = key(vec![issued(), revoked(None)]);
    let (revoke, disable) = (Command::Revoke { reason: None }, Command::Disable { reason: None });
    assert_eq!([active.room(&revoke), active.room(&disable)], [Room::Always; 2]);
    // Another reason may be given without end.
    assert_eq!([revoked_key.room(&revoke), disabled_key.room(&disable)], [Room::Bound; 2]);
    let narrower = [
        Command::SetScopes { scopes: scopes("mcp:tools:tools:search") },
        Command::SetExpiry { expires_at: Some(seconds(30)) },
    ];
    assert!(narrower.iter().all(|command| active.room(command) == Room::Reserve));
    assert_eq!(disabled_key.room(&Command::Enable), Room::Reserve);
    let wider = [
        Command::SetScopes { scopes: scopes("mcp:tools mcp:other") },
        Command::SetExpiry { expires_at: None },
        Command::Rename { name: sealed("x") },
        Command::SetMetadata { metadata: None },
    ];
    assert!(wider.iter().all(|command| active.room(command) == Room::Bound));
}
