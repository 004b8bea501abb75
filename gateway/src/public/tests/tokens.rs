//! Access tokens at the door, of a client that a person, or a key, let in.

use events::client::ClientEvent;
use events::consent::ConsentEvent;
use events::grant::{EndCause, GrantEvent};
use events::installation::{InstallationEvent, TokenKeyRetired};
use events::issuer::{self, IssuerEvent};
use events::key::{KeyEvent, Revoked};
use events::member::MemberEvent;
use events::organization::{ClientApprovalRequired, OrganizationEvent, Suspended};
use events::person::{Identity, IdentityAdded, IdentityRemoved, PersonEvent};
use events::*;
use serde_json::json;
use uuid::Uuid;

use super::client::{PING, post};
use super::grants::{Granted, identity, member, provider, signs_in};
use super::streams::{opened, stream};
use super::upstream::{FakeUpstream, Step};
use super::world::{Key, World, new_id};
use crate::access_token::Claims;

const RESOURCE: &str = "https://mcp.example.com/mcp/acme/docs";

async fn upstream() -> FakeUpstream {
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    FakeUpstream::start(move |_| vec![Step::Write(super::upstream::json(answer))]).await
}

#[tokio::test]
async fn a_call_passes_with_a_token_of_its_grant() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let granted = Granted::of_person(&world, "mcp:docs").await;
    assert_eq!(granted.ping(&world).await, (200, String::new()));
    let requests = upstream.requests();
    let identity = requests[0].lines().find_map(|line| line.strip_prefix("authorization: Bearer ")).unwrap();
    let claims = jsonwebtoken::dangerous::insecure_decode::<serde_json::Value>(identity).unwrap().claims;
    assert_eq!(claims["sub"], granted.holder.to_string());
    assert_eq!(claims["grant_id"], granted.grant.to_string());
    assert_eq!(claims["client_id"], "https://client.example/metadata.json");
    assert_eq!((claims["scope"].as_str(), claims.get("key_id")), (Some("mcp:docs"), None));
}

#[tokio::test]
async fn a_token_is_for_the_one_server_that_it_names() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let (other, url) = (ServerId::new(new_id()), "http://127.0.0.1:9/mcp");
    world.server_registered(world.organization, other, "other", url);
    let granted = Granted::of_person(&world, "mcp:*").await;
    for aud in [
        "https://mcp.example.com/mcp/acme/other",
        "https://mcp.example.com/mcp/acme/docs/",
        "https://mcp.example.com/",
        "https://mcp.example.com",
        "https://elsewhere.example/mcp/acme/docs",
    ] {
        let reply = granted.call(&world, |claims| claims.aud = aud.to_owned(), PING).await;
        assert_eq!((reply.status, reply.reason().as_str()), (401, "wrong_audience"), "{aud}");
    }
    // A token whose audience is not its grant's server: nobody signs one.
    let token = granted
        .signer
        .sign(&Claims { aud: "https://mcp.example.com/mcp/acme/other".to_owned(), ..granted.claims(&world) });
    let request = post(&format!("Authorization: Bearer {}\r\n", token.unwrap()), PING);
    let reply = world.exchange(&request.replace("/mcp/acme/docs", "/mcp/acme/other")).await;
    assert_eq!((reply.status, reply.reason().as_str()), (401, "token_key"));
}

#[tokio::test]
async fn a_token_does_nothing_but_call_its_server() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let granted = Granted::of_person(&world, "mcp:docs").await;
    let token = granted.signer.sign(&granted.claims(&world)).unwrap();
    let verify = format!(
        "POST /api/v1/keys/verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer \
         {token}\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    assert_eq!(world.exchange(&verify).await.status, 401);
    let query = format!("POST /mcp/acme/docs?access_token={token} HTTP/1.1");
    let reply = world.exchange(&post("", PING).replace("POST /mcp/acme/docs HTTP/1.1", &query)).await;
    assert_eq!((reply.status, reply.reason().as_str()), (401, "missing"));
    let twice = format!("Authorization: Bearer {token}\r\nX-API-Key: {token}\r\n");
    assert_eq!(world.exchange(&post(&twice, PING)).await.status, 400);
    let as_key = format!("X-API-Key: {token}\r\n");
    assert_eq!(world.exchange(&post(&as_key, PING)).await.status, 401);
}

#[tokio::test]
async fn each_thing_that_a_token_rests_on_ends_it() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let end = async |ends: &dyn Fn(&World, &Granted), reason: &str| {
        let granted = Granted::of_person(&world, "mcp:docs").await;
        assert_eq!(granted.ping(&world).await, (200, String::new()), "before {reason}");
        ends(&world, &granted);
        assert_eq!(granted.ping(&world).await, (401, reason.to_owned()));
    };
    let person = |granted: &Granted| {
        let Holder::Person { id } = granted.holder else { panic!("a person") };
        id
    };
    let client = |world: &World, granted: &Granted, event: ClientEvent| {
        world.push(Subject::client(Owner::Installation, granted.client), event.into());
    };
    let revoked = |cause| GrantEvent::Ended(grant::Ended { cause, reason: None });
    end(&|world, granted| granted.event(world, revoked(EndCause::Revoked)), "grant_ended").await;
    let withdrawn = || ConsentEvent::Withdrawn(consent::Withdrawn { reason: None });
    end(&|world, granted| granted.consent_event(world, withdrawn()), "consent_withdrawn").await;
    // Given again it is another consent: what rested on the first does not come back.
    end(
        &|world, granted| {
            granted.consent_event(world, withdrawn());
            granted.consents(world, "mcp:docs");
        },
        "consent_withdrawn",
    )
    .await;
    end(
        &|world, granted| {
            client(world, granted, ClientEvent::Disabled(events::client::Disabled { reason: None }));
        },
        "client_disabled",
    )
    .await;
    end(
        &|world, granted| {
            client(world, granted, ClientEvent::Removed(events::client::Removed { reason: None }));
        },
        "client_gone",
    )
    .await;
    end(
        &|world, granted| {
            let id = granted.token_key;
            world.installation_event(InstallationEvent::TokenKeyRetired(TokenKeyRetired { id }));
        },
        "token_key",
    )
    .await;
    end(
        &|world, granted| {
            let event = PersonEvent::Suspended(events::person::Suspended { reason: None });
            world.push(Subject::person(person(granted)), event.into());
        },
        "grant_holder",
    )
    .await;
    end(
        &|world, granted| {
            let event = PersonEvent::Ended(events::person::Ended { reason: None });
            world.push(Subject::person(person(granted)), event.into());
        },
        "grant_holder",
    )
    .await;
    end(
        &|world, granted| {
            let event = MemberEvent::Removed(events::member::Removed { reason: None, departure: None });
            let id = MemberId::of(world.organization, person(granted));
            world.push(Subject::member(world.organization, id), event.into());
        },
        "grant_holder",
    )
    .await;
    // Added again the person is a member anew: what was given before does not come back.
    end(
        &|world, granted| {
            let subject =
                Subject::member(world.organization, MemberId::of(world.organization, person(granted)));
            let event = MemberEvent::Removed(events::member::Removed { reason: None, departure: None });
            world.push(subject.clone(), event.into());
            let (person, scopes) = (person(granted), "mcp:*".parse().unwrap());
            let added = events::member::Added { person, role: Role::Viewer, scopes, invitation: None };
            world.push(subject, MemberEvent::Added(added).into());
        },
        "grant_holder",
    )
    .await;
    end(
        &|world, _| {
            let event = OrganizationEvent::ClientApprovalRequired(ClientApprovalRequired {});
            world.organization_event(event);
        },
        "client_not_approved",
    )
    .await;
}

fn person_of(granted: &Granted) -> UserId {
    let Holder::Person { id } = granted.holder else { panic!("a person") };
    id
}

/// By which the person of a grant signs in.
fn signs_in_by(world: &World, granted: &Granted) -> Identity {
    world.directory.person(person_of(granted)).unwrap().identities[0]
}

fn person_event(world: &World, granted: &Granted, event: PersonEvent) {
    world.push(Subject::person(person_of(granted)), event.into());
}

fn enabled(world: &World, issuer: IssuerId, enabled: bool) {
    let settings = (*world.directory.issuer(issuer).unwrap().settings).clone();
    let event = IssuerEvent::Changed(issuer::Changed { settings, enabled });
    world.push(Subject::issuer(Owner::Installation, issuer), event.into());
}

#[tokio::test]
async fn a_grant_works_while_one_of_the_persons_issuers_counts_there() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let granted = Granted::of_person(&world, "mcp:docs").await;
    let (good, fallen) = ((200, String::new()), (401, "grant_issuer".to_owned()));
    let first = signs_in_by(&world, &granted);
    enabled(&world, first.issuer, false);
    assert_eq!(granted.ping(&world).await, fallen);
    // What is disabled may come back, and so do the grants.
    enabled(&world, first.issuer, true);
    assert_eq!(granted.ping(&world).await, good);

    // What another organization's issuer says counts there alone.
    let elsewhere = OrganizationId::new(Uuid::from_u128(9));
    world.organization_created(elsewhere, "elsewhere");
    let elsewhere = Owner::Organization(elsewhere);
    let [foreign, own] =
        [elsewhere, Owner::Organization(world.organization)].map(|owner| identity(provider(&world, owner)));
    for (added, expected) in [(foreign, &fallen), (own, &good)] {
        enabled(&world, first.issuer, true);
        person_event(&world, &granted, PersonEvent::IdentityAdded(IdentityAdded { identity: added }));
        enabled(&world, first.issuer, false);
        assert_eq!(granted.ping(&world).await, *expected);
    }
    let removed = PersonEvent::IdentityRemoved(IdentityRemoved { identity: own });
    person_event(&world, &granted, removed);
    assert_eq!(granted.ping(&world).await, fallen);
    let removed = IssuerEvent::Removed(issuer::Removed { reason: None });
    world.push(Subject::issuer(Owner::Installation, first.issuer), removed.into());
    enabled(&world, first.issuer, true);
    assert_eq!(granted.ping(&world).await, fallen);
}

#[tokio::test]
async fn a_suspended_organization_has_no_clients_that_work() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let granted = Granted::of_person(&world, "mcp:docs").await;
    world.organization_event(OrganizationEvent::Suspended(Suspended { reason: None }));
    assert_eq!(granted.ping(&world).await, (401, "organization_suspended".to_owned()));
}

fn call(tool: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}"}}}}"#)
}

#[tokio::test]
async fn a_client_may_do_what_token_grant_consent_and_person_each_allow() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let id = member(&world, "mcp:docs:tools:a* mcp:docs:tools:b");
    let granted = Granted::with(&world, Holder::Person { id }, "mcp:docs:tools:a* mcp:docs:tools:c").await;
    let scope = "mcp:docs:tools:ab mcp:docs:tools:b mcp:docs:tools:c";
    for (tool, status) in [("ab", 200), ("ac", 403), ("b", 403), ("c", 403)] {
        let reply = granted.call(&world, |claims| claims.scope = scope.to_owned(), &call(tool)).await;
        assert_eq!(reply.status, status, "{tool}");
    }
    // The person's part grows and shrinks with the event.
    let changed = events::member::Changed {
        role: Role::Viewer,
        scopes: "mcp:docs:tools:c".parse().unwrap(),
        departure: None,
    };
    let member = Subject::member(world.organization, MemberId::of(world.organization, id));
    world.push(member, MemberEvent::Changed(changed).into());
    for (tool, status) in [("ab", 403), ("c", 200)] {
        let reply = granted.call(&world, |claims| claims.scope = scope.to_owned(), &call(tool)).await;
        assert_eq!(reply.status, status, "{tool}");
    }
}

/// MCP authorization, "Scope Challenge Handling": a client that can get the scope is told of it, and no other.
#[tokio::test]
async fn a_missing_scope_is_a_challenge_where_the_person_can_give_it() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    signs_in(&world).await;
    let id = member(&world, "mcp:docs:tools:a mcp:docs:tools:b");
    let granted = Granted::with(&world, Holder::Person { id }, "mcp:docs:tools:a").await;
    let narrow = |claims: &mut Claims| claims.scope = "mcp:docs:tools:a".to_owned();
    let can = granted.call(&world, narrow, &call("b")).await;
    assert_eq!(can.status, 403);
    let challenge = can.header("www-authenticate").unwrap();
    for part in [
        "error=\"insufficient_scope\"",
        "scope=\"mcp:docs:tools:b\"",
        "resource_metadata=\"https://mcp.example.com/.well-known/oauth-protected-resource/mcp/acme/docs\"",
    ] {
        assert!(challenge.contains(part), "{challenge}");
    }
    let can_not = granted.call(&world, narrow, &call("c")).await;
    assert_eq!((can_not.status, can_not.header("www-authenticate")), (403, None));
    assert_eq!(can_not.json()["error"]["data"]["scope"], "mcp:docs:tools:c");
}

#[tokio::test]
async fn a_grant_of_a_key_is_no_wider_no_longer_and_falls_with_it() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let Key { id, owner, text } = world.key("mcp:docs:tools:a").await;
    let granted = Granted::with(&world, Holder::Key { id }, "mcp:docs").await;
    assert_eq!(granted.call(&world, |_| {}, &call("a")).await.status, 200);
    assert_eq!(granted.call(&world, |_| {}, &call("b")).await.status, 403);
    let key = Key { id, owner, text };
    world.key_event(&key, KeyEvent::Revoked(Revoked { reason: None }));
    assert_eq!(granted.ping(&world).await, (401, "grant_holder".to_owned()));
    let foreign =
        world.issue(Owner::Organization(OrganizationId::new(Uuid::from_u128(9))), "mcp:docs", |_| {});
    let granted = Granted::with(&world, Holder::Key { id: foreign.id }, "mcp:docs").await;
    assert_eq!(granted.ping(&world).await.0, 401, "another organization's key gives nothing here");
}

#[tokio::test]
async fn an_open_stream_ends_with_its_grant() {
    let (upstream, _go_on) = stream().await;
    let world = World::new(&upstream.url()).await;
    let granted = Granted::of_person(&world, "mcp:docs").await;
    let token = granted.signer.sign(&granted.claims(&world)).unwrap();
    let mut connection = opened(&world, &post(&format!("Authorization: Bearer {token}\r\n"), PING)).await;
    assert_eq!(connection.chunk().await.as_deref(), Some("data: 1\n\n"));
    let cause = EndCause::RefreshReused;
    granted.event(&world, GrantEvent::Ended(grant::Ended { cause, reason: None }));
    assert_eq!(connection.chunk().await, None);
}

#[tokio::test]
async fn an_open_stream_ends_with_its_issuer() {
    let (upstream, _go_on) = stream().await;
    let world = World::new(&upstream.url()).await;
    let granted = Granted::of_person(&world, "mcp:docs").await;
    let token = granted.signer.sign(&granted.claims(&world)).unwrap();
    let mut connection = opened(&world, &post(&format!("Authorization: Bearer {token}\r\n"), PING)).await;
    assert_eq!(connection.chunk().await.as_deref(), Some("data: 1\n\n"));
    enabled(&world, signs_in_by(&world, &granted).issuer, false);
    assert_eq!(connection.chunk().await, None);
}

#[tokio::test]
async fn metadata_is_told_where_somebody_can_sign_in() {
    let upstream = upstream().await;
    let world = World::new(&upstream.url()).await;
    let path = "/.well-known/oauth-protected-resource/mcp/acme/docs";
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\nOrigin: https://app.example\r\n\r\n");
    assert_eq!(world.exchange(&get(path)).await.status, 404);
    let missing = world.exchange(&post("", PING)).await;
    assert!(!missing.header("www-authenticate").unwrap().contains("resource_metadata"));
    signs_in(&world).await;
    let reply = world.exchange(&get(path)).await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, Some("*")));
    assert_eq!(reply.json()["resource"], RESOURCE);
    assert_eq!(reply.json()["authorization_servers"], json!(["https://mcp.example.com"]));
    // What there is not is told of as well: nobody learns which servers there are.
    assert_eq!(world.exchange(&get(&path.replace("docs", "none"))).await.status, 200);
    assert_eq!(world.exchange(&get("/.well-known/oauth-protected-resource")).await.status, 404);
    let missing = world.exchange(&post("", PING)).await;
    let challenge = missing.header("www-authenticate").unwrap();
    assert!(
        challenge.contains(&format!("resource_metadata=\"https://mcp.example.com{path}\"")),
        "{challenge}"
    );
    assert!(challenge.ends_with("scope=\"mcp:docs\""), "{challenge}");
    // A key's refusal sends nobody to sign in.
    let revoked = world.key("mcp:docs").await;
    world.key_event(&revoked, KeyEvent::Revoked(Revoked { reason: None }));
    world.told().await;
    let refused = world.post(&revoked, "", PING).await;
    assert!(!refused.header("www-authenticate").unwrap().contains("resource_metadata"));
}
