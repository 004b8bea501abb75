use events::key::{KeyEvent, Revoked};
use events::{OrganizationId, Owner, grant};
use serde_json::{Value, json};

use super::client::{Reply, post};
use super::grants::Granted;
use super::world::{Key, World, new_id};

async fn world() -> World {
    World::new("http://127.0.0.1:1/mcp").await
}

async fn ask(world: &World, asker: &Key, question: Value) -> Reply {
    let request = post(&format!("Authorization: Bearer {}\r\n", asker.text), &question.to_string());
    world.exchange(&request.replace("/mcp/acme/docs", "/api/v1/keys/verify")).await
}

#[tokio::test]
async fn a_service_learns_whether_a_key_is_good() {
    let world = world().await;
    let asker = world.key("keys:verify").await;
    let key = world.key("mcp:docs:tools:get_*").await;
    let outcome = async |more: Value| {
        let mut question = json!({ "key": key.text });
        question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let reply = ask(&world, &asker, question).await;
        assert_eq!(reply.status, 200);
        let verdict = reply.json();
        assert_eq!(verdict["valid"], verdict["outcome"] == "valid");
        verdict["outcome"].as_str().unwrap().to_owned()
    };
    assert_eq!(outcome(json!({})).await, "valid");
    assert_eq!(outcome(json!({ "scope": "mcp:docs:tools:get_x" })).await, "valid");
    assert_eq!(
        outcome(json!({ "scope": "mcp:docs:tools:get_x mcp:docs:tools:rm" })).await,
        "insufficient_scope"
    );
    assert_eq!(outcome(json!({ "scope": "mcp:docs" })).await, "insufficient_scope");
    assert_eq!(outcome(json!({ "server": "docs" })).await, "valid");
    assert_eq!(outcome(json!({ "server": "mail" })).await, "insufficient_scope");
    let verdict = ask(&world, &asker, json!({ "key": key.text })).await.json();
    assert_eq!(verdict["key"]["id"], key.id.to_string());
    assert_eq!(verdict["key"]["organization"], world.organization.to_string());
    assert_eq!(verdict["key"]["scopes"], json!(["mcp:docs:tools:get_*"]));
    world.key_event(&key, KeyEvent::Revoked(Revoked { reason: None }));
    world.told().await;
    assert_eq!(outcome(json!({})).await, "revoked");
}

#[tokio::test]
async fn a_service_learns_whether_an_access_token_is_good() {
    let world = world().await;
    let asker = world.key("keys:verify").await;
    let granted = Granted::of_person(&world, "mcp:docs:tools:get_*").await;
    world.told().await;
    let claims = granted.claims(&world);
    let token = granted.signer.sign(&claims).unwrap();
    let verdict = ask(&world, &asker, json!({ "key": token, "server": "docs" })).await.json();
    assert_eq!((&verdict["valid"], &verdict["outcome"]), (&json!(true), &json!("valid")), "{verdict}");
    let grant = &verdict["grant"];
    assert_eq!((&grant["id"], &grant["server"]), (&json!(granted.grant), &json!("docs")));
    assert_eq!(
        (&grant["subject"], &grant["client_id"]),
        (&json!(granted.holder.to_string()), &json!(claims.client_id))
    );
    // What the token says and its grant has not is given by neither.
    assert_eq!(grant["scopes"], json!(["mcp:docs:tools:get_*"]));
    let outcome = async |question: Value| {
        let verdict = ask(&world, &asker, question).await.json();
        assert_eq!(verdict["valid"], verdict["outcome"] == "valid");
        verdict["outcome"].as_str().unwrap().to_owned()
    };
    assert_eq!(outcome(json!({ "key": token, "scope": "mcp:docs" })).await, "insufficient_scope");
    assert_eq!(outcome(json!({ "key": token, "server": "mail" })).await, "insufficient_scope");
    assert_eq!(outcome(json!({ "key": format!("{token}x") })).await, "bad_signature");
    assert_eq!(outcome(json!({ "key": "a.b.c" })).await, "foreign_token");

    let other = OrganizationId::new(new_id());
    world.organization_created(other, "other");
    let stranger = world.issue(Owner::Organization(other), "keys:verify", |_| {});
    world.told().await;
    let told = ask(&world, &stranger, json!({ "key": token })).await.json();
    assert_eq!(told, json!({ "valid": false, "outcome": "unknown" }));

    let ended = grant::Ended { cause: grant::EndCause::Revoked, reason: None };
    granted.event(&world, grant::GrantEvent::Ended(ended));
    world.told().await;
    assert_eq!(outcome(json!({ "key": token })).await, "grant_ended");
}

#[tokio::test]
async fn foreign_and_unknown_keys_get_the_same_answer() {
    let world = world().await;
    let asker = world.key("keys:verify").await;
    let other = OrganizationId::new(new_id());
    world.organization_created(other, "other");
    let foreign = world.issue(Owner::Organization(other), "mcp:docs", |_| {});
    let operator = world.issue(Owner::Installation, "admin:*:*", |_| {});
    world.told().await;
    let never_issued = domain::key::secret::PlainKey::draw(
        &domain::key::secret::Prefix::live(),
        &events::clock::SystemRandom,
    );
    for key in [&foreign.text, &operator.text, never_issued.expose()] {
        let reply = ask(&world, &asker, json!({ "key": key })).await;
        assert_eq!((reply.status, reply.json()), (200, json!({ "valid": false, "outcome": "unknown" })));
    }
    let garbage = ask(&world, &asker, json!({ "key": "garbage" })).await.json();
    assert_eq!(garbage, json!({ "valid": false, "outcome": "malformed" }));
}

#[tokio::test]
async fn who_may_not_ask_gets_a_problem() {
    let world = world().await;
    let key = world.key("mcp:docs").await;
    let asker = world.key("keys:verify").await;
    let refused = ask(&world, &key, json!({ "key": key.text })).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert!(refused.header("www-authenticate").unwrap().ends_with("scope=\"keys:verify\""));
    let nobody = post("", &json!({ "key": key.text }).to_string());
    let nobody = world.exchange(&nobody.replace("/mcp/acme/docs", "/api/v1/keys/verify")).await;
    assert_eq!(nobody.status, 401);
    assert_eq!(nobody.header("www-authenticate"), Some("Bearer realm=\"https://mcp.example.com\""));
    for question in [json!({}), json!({ "key": 5 }), json!({ "key": key.text, "scopes": [] }), json!([])] {
        let reply = ask(&world, &asker, question).await;
        assert_eq!(reply.status, 400);
        assert!(!reply.body.contains(&key.text));
    }
    let bad_scope = ask(&world, &asker, json!({ "key": key.text, "scope": "nonsense" })).await;
    assert_eq!(bad_scope.status, 400);
    assert_eq!(bad_scope.json()["type"], "urn:keyledger:problem:invalid-request");
}
