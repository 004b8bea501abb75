use events::SecretId;
use events::issuer::{
    Changed, CredentialKind, CredentialRemoved, CredentialSet, IssuerEvent, IssuerSettings, Protocol,
    Registered, Removed, Renamed, SettingsProblem,
};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::aggregate::Standing;
use crate::testing::{given, sealed};

fn settings(issuer: &str) -> IssuerSettings {
    serde_json::from_value(json!({
        "protocol": { "kind": "openid", "issuer": issuer },
        "client_id": "keyledger",
        "authentication": "client_secret_basic",
        "scopes": ["openid", "email"],
        "algorithms": ["RS256"],
        "rules": [],
        "overage": "refuse",
        "restrictions": { "domains": [], "required": [] },
    }))
    .unwrap()
}

const ISSUER: &str = "https://login.example.com";

fn register(credential: Option<(SecretId, CredentialKind)>) -> Command {
    Command::Register(Box::new(Register {
        slug: "login".parse().unwrap(),
        name: sealed("Login"),
        settings: settings(ISSUER),
        enabled: true,
        credential,
    }))
}

fn registered() -> IssuerEvent {
    IssuerEvent::Registered(Registered {
        slug: "login".parse().unwrap(),
        name: sealed("Login"),
        settings: settings(ISSUER),
        enabled: true,
    })
}

fn secret(number: u128) -> SecretId {
    SecretId::new(Uuid::from_u128(number))
}

fn set(number: u128) -> IssuerEvent {
    IssuerEvent::CredentialSet(CredentialSet { credential: secret(number), kind: CredentialKind::Secret })
}

fn change(settings: SettingsChange, enabled: Option<bool>) -> Command {
    Command::Change { name: None, settings: Box::new(settings), enabled }
}

#[test]
fn it_is_registered_once_with_or_without_its_credential() {
    given::<Issuer>([]).when(register(None)).then([registered()]);
    given::<Issuer>([]).owned_by(Standing::Installation).when(register(None)).then([registered()]);
    given::<Issuer>([])
        .when(register(Some((secret(1), CredentialKind::Secret))))
        .then([registered(), set(1)]);
    given::<Issuer>([registered()]).when(register(None)).then_refused(Refusal::AlreadyRegistered);
    for (owner, refusal) in [
        (Standing::Unknown, Refusal::OrganizationUnknown),
        (Standing::Suspended, Refusal::OrganizationSuspended),
        (Standing::Closed, Refusal::OrganizationClosed),
    ] {
        given::<Issuer>([]).owned_by(owner).when(register(None)).then_refused(refusal);
    }
}

#[test]
fn settings_change_as_a_whole_and_never_who_issues() {
    given::<Issuer>([registered()]).when(change(SettingsChange::default(), Some(true))).then_already_so();
    let disabled = Changed { settings: settings(ISSUER), enabled: false };
    given::<Issuer>([registered()])
        .when(change(SettingsChange::default(), Some(false)))
        .then([IssuerEvent::Changed(disabled.clone())]);
    let id = SettingsChange { client_id: Some("other".parse().unwrap()), ..SettingsChange::default() };
    let other = IssuerSettings { client_id: "other".parse().unwrap(), ..settings(ISSUER) };
    given::<Issuer>([registered(), IssuerEvent::Changed(disabled)])
        .when(change(id, None))
        .then([IssuerEvent::Changed(Changed { settings: other, enabled: false })]);
    let takes_over = Protocol::OpenId { issuer: "https://evil.example.com".parse().unwrap() };
    let takes_over = SettingsChange { protocol: Some(takes_over), ..SettingsChange::default() };
    given::<Issuer>([registered()]).when(change(takes_over, None)).then_refused(Refusal::AnotherIssuer);
    let none = SettingsChange {
        scopes: Some(vec!["email".parse().unwrap()].try_into().unwrap()),
        ..SettingsChange::default()
    };
    given::<Issuer>([registered()])
        .when(change(none, None))
        .then_refused(Refusal::Settings(SettingsProblem::NoOpenid));
    let renamed = IssuerEvent::Renamed(Renamed { name: sealed("Other") });
    let rename = Command::Change { name: Some(sealed("Other")), settings: Box::default(), enabled: None };
    given::<Issuer>([registered()]).when(rename).then([renamed]);
}

#[test]
fn another_issuer_in_the_log_is_what_no_decision_made() {
    let issuer = Issuer::Known(Box::new(KnownIssuer {
        settings: settings(ISSUER),
        enabled: true,
        credential: None,
        removed: false,
    }));
    let changed = |to: &str| IssuerEvent::Changed(Changed { settings: settings(to), enabled: true });
    use crate::aggregate::Decide;
    assert!(issuer.admits(&changed(ISSUER)));
    assert!(!issuer.admits(&changed("https://evil.example.com")));
}

#[test]
fn its_credential_is_set_and_removed_and_nothing_of_what_is_removed() {
    let set_it = Command::SetCredential { credential: secret(2), kind: CredentialKind::Secret };
    given::<Issuer>([registered(), set(1)]).when(set_it.clone()).then([set(2)]);
    let gone = IssuerEvent::CredentialRemoved(CredentialRemoved {});
    given::<Issuer>([registered(), set(1)]).when(Command::RemoveCredential).then([gone.clone()]);
    given::<Issuer>([registered(), set(1), gone]).when(Command::RemoveCredential).then_already_so();
    let removed = IssuerEvent::Removed(Removed { reason: None });
    given::<Issuer>([registered()]).when(Command::Remove { reason: None }).then([removed.clone()]);
    given::<Issuer>([registered(), removed.clone()]).when(Command::Remove { reason: None }).then_already_so();
    for command in [set_it, Command::RemoveCredential, change(SettingsChange::default(), Some(true))] {
        given::<Issuer>([registered(), removed.clone()]).when(command).then_refused(Refusal::Removed);
    }
    given::<Issuer>([]).when(Command::RemoveCredential).then_refused(Refusal::Unknown);
}
