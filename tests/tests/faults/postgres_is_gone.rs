//! PostgreSQL holds views, no truth: without it keys are checked, issued and revoked as ever, and what was
//! written meanwhile is in the read models when it is back.

use std::time::Duration;

use keyledger_tests::mcp::call;
use keyledger_tests::poll;
use keyledger_tests::spine::{Spine, items};
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::{Answer, Ask};
use serde_json::json;

const BOUND: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn validation_and_commands_go_on_and_the_read_models_catch_up() {
    let mut spine = Spine::breakable(|_| ()).await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let listed = Ask::get(format!("{}?limit=100", ready.organization.path("keys")));
    poll::until("the key is listed", BOUND, async || match spine.admin(listed.clone()).await {
        answer if answer.status == 200 && !items(&answer).is_empty() => Ok(()),
        answer => Err(answer.text()),
    })
    .await;

    spine.postgres.stop().await;
    let with = |key: &str| call(&ready.path, "echo", &json!({})).bearer(key);
    with(&ready.key.secret).send(spine.public).await.expect(200);
    let issued = spine.key(&ready.organization, &["mcp:tools"]).await;
    with(&issued.secret).send(spine.public).await.expect(200);
    let revoked = spine.change_key(&ready.organization, &ready.key.id, "revoke").await;
    let position = revoked["position"].as_str().unwrap().to_owned();
    spine.follows(&position).await;
    with(&ready.key.secret).send(spine.public).await.expect(401);
    assert_eq!(spine.ready_answer().await.status, 200, "a node needs no PostgreSQL");

    // Lists say that they can't, and say it in time.
    let refused = poll::within("a list without PostgreSQL", BOUND, spine.admin(listed.clone())).await;
    assert_eq!(
        (refused.status, kind(&refused)),
        (503, "urn:keyledger:problem:read-models-unavailable".to_owned())
    );

    spine.postgres.start_again().await;
    let path = format!("{}?limit=100&at_least={position}", ready.organization.path("keys"));
    let (answer, took) =
        poll::until("the read models catch up", BOUND, async || match spine.admin(Ask::get(&path)).await {
            answer if answer.status == 200 => Ok(answer),
            answer => Err((answer.status, answer.text())),
        })
        .await;
    eprintln!("the read models had caught up {took:?} after PostgreSQL's start");
    let keys = items(&answer);
    let state = |id: &str| keys.iter().find(|key| key["id"] == id).map(|key| key["state"].clone());
    assert_eq!(state(&issued.id), Some(json!("active")), "{keys:#?}");
    assert_eq!(state(&ready.key.id), Some(json!("revoked")), "{keys:#?}");
}

/// Killed in the middle of a batch, PostgreSQL has taken it whole or not at all: no event is missing and none
/// stands twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_loses_and_repeats_nothing() {
    const KEYS: usize = 60;
    let mut spine = Spine::breakable(|_| ()).await;
    let organization = spine.organization("acme").await;
    let mut last = String::new();
    for number in 0..KEYS {
        last = spine.issue(&organization, json!({"scopes": ["mcp:*"]})).await.position;
        if number == KEYS / 3 || number == 2 * KEYS / 3 {
            spine.postgres.kill().await;
            spine.postgres.start_again().await;
        }
    }
    let path = format!("{}?limit=100&at_least={last}", organization.path("keys"));
    let (answer, _) =
        poll::until("the read models catch up", BOUND, async || match spine.admin(Ask::get(&path)).await {
            answer if answer.status == 200 => Ok(answer),
            answer => Err((answer.status, answer.text())),
        })
        .await;
    assert_eq!(items(&answer).len(), KEYS);
    for key in items(&answer) {
        let history = spine.history(&organization, key["id"].as_str().unwrap(), &last).await;
        assert_eq!(history.len(), 1, "{history:#?}");
    }
}

fn kind(answer: &Answer) -> String {
    answer.json()["type"].as_str().unwrap_or_default().to_owned()
}
