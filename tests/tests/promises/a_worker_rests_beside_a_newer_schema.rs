//! In a rolling upgrade a newer version brings PostgreSQL's tables on while older processes run. An older worker
//! answers for keys as ever, gives its leases to those who can do the work, says so, and goes on when it can.

use std::time::Duration;

use keyledger_tests::poll;
use keyledger_tests::spine::{Organization, Spine, items};
use keyledger_tests::wire::Ask;
use serde_json::{Value, json};

const BOUND: Duration = Duration::from_secs(40);

async fn lists(spine: &Spine, organization: &Organization, position: &str) {
    poll::until("it is listed", BOUND, async || {
        let path = format!("{}?at_least={position}", organization.path("keys"));
        match spine.admin(Ask::get(path)).await {
            answer if answer.status == 200 => Ok(()),
            answer => Err(answer.text()),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_rests_beside_a_newer_schema_and_goes_on_when_it_can() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["keys:verify"]).await;
    lists(&spine, &organization, &key.position).await;
    let mut connection = spine.postgres.connect().await;
    let newer = "INSERT INTO _sqlx_migrations VALUES (9999, 'of tomorrow', now(), true, 'x', 0)";
    sqlx::query(newer).execute(&mut connection).await.unwrap();

    let holders = async || {
        let fleet = spine.admin(Ask::get("/api/v1/fleet")).await.expect(200).json();
        let leases = fleet["leases"].as_array().unwrap().clone();
        leases.iter().filter(|lease| !lease["holder"].is_null()).count()
    };
    poll::until("it says so, and holds nothing", BOUND, async || {
        let ready = spine.ready_answer().await.expect(200).json();
        let held = holders().await;
        let says = ready["lacks"].as_str().is_some_and(|lacks| lacks.contains("newer version"));
        if says && ready["ready"] == Value::Bool(true) && held == 0 { Ok(()) } else { Err((ready, held)) }
    })
    .await;
    let metrics = Ask::get("/metrics").send(spine.metrics).await.text();
    assert!(metrics.lines().any(|line| line == "keyledger_read_models_newer_schema 1"), "{metrics}");

    // Keys, commands and what is in the read models go on.
    let question = Ask::post("/api/v1/keys/verify", &json!({"key": key.secret})).bearer(&key.secret);
    assert_eq!(question.send(spine.public).await.expect(200).json()["outcome"], "valid");
    let later = spine.key(&organization, &["mcp:*"]).await;
    let listed = spine.admin(Ask::get(organization.path("keys"))).await.expect(200);
    assert_eq!(items(&listed).len(), 1, "the older worker writes nothing");

    sqlx::query("DELETE FROM _sqlx_migrations WHERE version = 9999").execute(&mut connection).await.unwrap();
    lists(&spine, &organization, &later.position).await;
    assert!(spine.ready_answer().await.expect(200).json()["lacks"].is_null());
}
