//! PostgreSQL behind PgBouncer: with session pooling all works; transaction pooling mixes sessions, and is refused in
//! words. Keys and commands go on either way.

use std::time::Duration;

use keyledger_tests::poll;
use keyledger_tests::spine::{Organization, Spine, items};
use keyledger_tests::wire::Ask;

const MISSING: &str = "NOT TESTED: KEYLEDGER_TEST_WITHOUT_PGBOUNCER leaves it out";
const BOUND: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_session_pooling_lists_and_histories_are_kept_and_read() {
    let Some((spine, _bouncer)) = Spine::behind_pgbouncer("session").await else {
        return eprintln!("{MISSING}");
    };
    let organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["mcp:*"]).await;
    let revoked = spine.change_key(&organization, &key.id, "revoke").await;
    let position = revoked["position"].as_str().unwrap();
    let listed = poll::until("the key is listed", BOUND, async || {
        let path = format!("{}?at_least={position}", organization.path("keys"));
        match spine.admin(Ask::get(path)).await {
            answer if answer.status == 200 => Ok(items(&answer)),
            answer => Err(answer.text()),
        }
    });
    let (listed, _) = listed.await;
    assert_eq!(listed[0]["state"], "revoked", "{listed:#?}");
    assert_eq!(spine.history(&organization, &key.id, position).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transaction_pooling_is_refused_and_keys_and_commands_go_on() {
    let Some((spine, bouncer)) = Spine::behind_pgbouncer("transaction").await else {
        return eprintln!("{MISSING}");
    };
    let organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["keys:verify"]).await;
    let verify = async || {
        let question = serde_json::json!({"key": key.secret});
        let ask = Ask::post("/api/v1/keys/verify", &question).bearer(&key.secret);
        ask.send(spine.public).await.expect(200).json()["outcome"].clone()
    };
    assert_eq!(verify().await, "valid");
    let refused = async |organization: &Organization| {
        let answer = spine.admin(Ask::get(organization.path("keys"))).await;
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(answer.json()["type"], "urn:keyledger:problem:read-models-unavailable");
    };
    refused(&organization).await;
    spine.change_key(&organization, &key.id, "disable").await;
    refused(&organization).await;

    let pool = projections::postgres::connect(bouncer.url(), 2).unwrap();
    let told = projections::postgres::migrate(&pool).await.unwrap_err().to_string();
    assert!(told.contains("pooler that mixes sessions") && told.contains("pool_mode = session"), "{told}");
}
