//! The same command with the same `Idempotency-Key`, sent again or many times at once, is done once; the key
//! used for something else is refused.

use keyledger_tests::spine::Spine;
use keyledger_tests::wire::{Answer, Ask};
use serde_json::{Value, json};
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sent_again() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let ask = issue(&organization.id, "once").header("Idempotency-Key", "sent-again-1");
    let first = spine.admin(ask.clone()).await.expect(201).json();
    let again = spine.admin(ask.clone()).await.expect(200).json();
    assert_eq!(first["id"], again["id"]);
    assert_eq!(first["position"], again["position"]);
    assert!(first["secret"].is_string() && again["secret"].is_null(), "the secret is shown once");
    assert_eq!((&first["replayed"], &again["replayed"]), (&json!(false), &json!(true)));

    // Under the same key, another command.
    let other = issue(&organization.id, "twice").header("Idempotency-Key", "sent-again-1");
    spine.admin(other).await.expect(422);
    // Another admin's keys are another's.
    let admin = spine.admin_of(&organization).await;
    let theirs = ask.bearer(&admin.secret).send(spine.admin).await.expect(201).json();
    assert_ne!(theirs["id"], first["id"]);

    let keys = keys(&spine, &organization.id, theirs["position"].as_str().unwrap()).await;
    let named: Vec<_> = keys.iter().filter(|key| key["name"] == "once").collect();
    assert_eq!(named.len(), 2, "{keys:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sent_many_times_at_once() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let ask = issue(&organization.id, "once").header("Idempotency-Key", "at-once-1").bearer(&spine.admin_key);
    let mut tasks = JoinSet::new();
    for _ in 0..12 {
        let (ask, admin) = (ask.clone(), spine.admin);
        tasks.spawn(async move { ask.send(admin).await });
    }
    let answers = tasks.join_all().await;
    let done: Vec<Value> =
        answers.iter().filter(|answer| matches!(answer.status, 200 | 201)).map(Answer::json).collect();
    assert_eq!(done.len(), answers.len(), "{answers:#?}");
    let ids: std::collections::BTreeSet<_> = done.iter().map(|body| body["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 1, "{done:#?}");
    assert_eq!(
        done.iter().filter(|body| body["secret"].is_string()).count(),
        1,
        "one of them showed the secret"
    );
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);

    let keys = keys(&spine, &organization.id, done[0]["position"].as_str().unwrap()).await;
    assert_eq!(keys.iter().filter(|key| key["name"] == "once").count(), 1, "{keys:#?}");
}

/// A revocation that is repeated is one event, and answers the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_sent_again() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["mcp:*"]).await;
    let path = format!("/api/v1/organizations/{}/keys/{}/revoke", organization.id, key.id);
    let ask = Ask::post(path, &json!({"reason": "leaked"})).header("Idempotency-Key", "revoke-1");
    let first = spine.admin(ask.clone()).await.expect(200).json();
    let again = spine.admin(ask).await.expect(200).json();
    assert_eq!(first["position"], again["position"]);
    let history = spine.history(&organization, &key.id, first["position"].as_str().unwrap()).await;
    assert_eq!(history.iter().filter(|event| event["type"] == "key.revoked").count(), 1, "{history:#?}");
}

fn issue(organization: &str, name: &str) -> Ask {
    Ask::post(
        format!("/api/v1/organizations/{organization}/keys"),
        &json!({"name": name, "scopes": ["mcp:*"]}),
    )
}

async fn keys(spine: &Spine, organization: &str, at_least: &str) -> Vec<Value> {
    let path = format!("/api/v1/organizations/{organization}/keys?at_least={at_least}&limit=100");
    let body = spine.admin(Ask::get(path)).await.expect(200).json();
    body["items"].as_array().unwrap_or_else(|| panic!("no items in {body}")).clone()
}
