use events::server::{Changed, Registered, Removed, ServerEvent, UpstreamSettings, UpstreamUrl};
use events::{SealedText, Slug};

use super::*;
use crate::aggregate::Standing;
use crate::testing::{given, sealed};

fn slug() -> Slug {
    "tools".parse().unwrap()
}

fn url(host: &str) -> UpstreamUrl {
    format!("https://{host}.example/mcp").parse().unwrap()
}

fn register() -> Command {
    Command::Register {
        slug: slug(),
        upstream: url("one"),
        enabled: true,
        name: sealed("Tools"),
        settings: settings(),
    }
}

fn settings() -> UpstreamSettings {
    UpstreamSettings { credentials: Some("none".parse().unwrap()), ..UpstreamSettings::default() }
}

fn registered() -> ServerEvent {
    ServerEvent::Registered(Registered {
        slug: slug(),
        upstream: url("one"),
        enabled: true,
        name: sealed("Tools"),
        settings: settings(),
    })
}

fn change(upstream: Option<UpstreamUrl>, enabled: Option<bool>, name: Option<SealedText>) -> Command {
    Command::Change { upstream, enabled, name, settings: SettingsChange::default() }
}

fn changed(upstream: Option<UpstreamUrl>, enabled: Option<bool>, name: Option<SealedText>) -> ServerEvent {
    ServerEvent::Changed(Changed { upstream, enabled, name, settings: None })
}

fn removed(reason: Option<&str>) -> ServerEvent {
    ServerEvent::Removed(Removed { reason: reason.map(sealed) })
}

#[test]
fn a_server_is_registered_once() {
    let after = given::<Server>([]).when(register()).then([registered()]);
    assert_eq!(after.known().unwrap().upstream, url("one"));
    given::<Server>([registered()]).when(register()).then_refused(Refusal::AlreadyRegistered);
    given::<Server>([registered(), removed(None)]).when(register()).then_refused(Refusal::AlreadyRegistered);
}

#[test]
fn only_an_organization_in_good_standing_registers_a_server() {
    for (owner, refusal) in [
        (Standing::Installation, Refusal::NoOrganization),
        (Standing::Unknown, Refusal::OrganizationUnknown),
        (Standing::Suspended, Refusal::OrganizationSuspended),
        (Standing::Closed, Refusal::OrganizationClosed),
    ] {
        given::<Server>([]).owned_by(owner).when(register()).then_refused(refusal);
    }
}

#[test]
fn only_what_differs_is_changed() {
    let after = given::<Server>([registered()])
        .when(change(Some(url("one")), Some(false), None))
        .then([changed(None, Some(false), None)]);
    let known = after.known().unwrap();
    assert_eq!((&known.upstream, known.enabled), (&url("one"), false));
    let after = given::<Server>([registered()])
        .when(change(Some(url("two")), None, Some(sealed("Tools"))))
        .then([changed(Some(url("two")), None, Some(sealed("Tools")))]);
    assert_eq!(after.known().unwrap().upstream, url("two"));
}

#[test]
fn a_setting_changes_alone_and_goes_back_to_the_configurations() {
    let timeout = Some(5_000.try_into().unwrap());
    let set = |settings| Command::Change { upstream: None, enabled: None, name: None, settings };
    let set_to = |settings| {
        ServerEvent::Changed(Changed { upstream: None, enabled: None, name: None, settings: Some(settings) })
    };
    let longer = SettingsChange { idle_timeout_ms: Some(timeout), ..SettingsChange::default() };
    let both = UpstreamSettings { idle_timeout_ms: timeout, ..settings() };
    let after = given::<Server>([registered()]).when(set(longer.clone())).then([set_to(both.clone())]);
    assert_eq!(after.known().unwrap().settings, both);
    let back = SettingsChange { credentials: Some(None), ..SettingsChange::default() };
    let timeout_alone = UpstreamSettings { credentials: None, ..both.clone() };
    given::<Server>([registered(), set_to(both.clone())]).when(set(back)).then([set_to(timeout_alone)]);
    given::<Server>([registered(), set_to(both)]).when(set(longer)).then_already_so();
}

#[test]
fn what_already_is_so_makes_no_event() {
    given::<Server>([registered()]).when(change(None, None, None)).then_already_so();
    given::<Server>([registered()]).when(change(Some(url("one")), Some(true), None)).then_already_so();
    given::<Server>([registered(), removed(None)]).when(Command::Remove { reason: None }).then_already_so();
}

#[test]
fn a_removed_server_is_not_changed_and_never_comes_back() {
    let after = given::<Server>([registered()]).when(Command::Remove { reason: None }).then([removed(None)]);
    assert!(after.known().unwrap().removed);
    given::<Server>([registered(), removed(None)])
        .when(change(None, Some(true), None))
        .then_refused(Refusal::Removed);
}

#[test]
fn a_reason_is_always_recorded() {
    given::<Server>([registered(), removed(None)])
        .when(Command::Remove { reason: Some(sealed("moved")) })
        .then([removed(Some("moved"))]);
}

#[test]
fn an_unknown_server_is_not_changed() {
    given::<Server>([]).when(change(None, Some(true), None)).then_refused(Refusal::Unknown);
    given::<Server>([]).when(Command::Remove { reason: None }).then_refused(Refusal::Unknown);
}
