//! A role of PostgreSQL that may not read: `status` and lists say which GRANT is missing, and with it all is well.

use std::time::Duration;

use events::clock::{Random, SystemRandom};
use gateway::config::Secret;
use keyledger_tests::poll;
use keyledger_tests::spine::Spine;
use keyledger_tests::wire::Ask;
use sqlx::AssertSqlSafe;
use url::Url;

const BOUND: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_grant_that_is_missing() {
    let mut drawn = [0; 8];
    SystemRandom.fill(&mut drawn);
    // Roles are the server's, which tests share.
    let role = format!("bare_{:016x}", u64::from_be_bytes(drawn));
    let spine = Spine::with(|config| {
        let postgres = config.postgres.as_mut().unwrap();
        let mut url: Url = postgres.url.as_ref().unwrap().expose().parse().unwrap();
        url.set_username(&role).unwrap();
        url.set_password(Some("bare")).unwrap();
        postgres.url = Some(Secret::from(url.to_string()));
    })
    .await;
    let mut owner = spine.postgres.connect().await;
    let mut run = async |sql: String| sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut owner).await.unwrap();
    run(format!("CREATE ROLE {role} LOGIN PASSWORD 'bare'")).await;

    let grant = format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}");
    let is_told = |text: &str| text.contains("permission denied for table") && text.contains(&grant);
    poll::until("status tells", BOUND, async || {
        let status = spine.admin(Ask::get("/api/v1/status")).await.expect(200).json();
        let models = &status["read_models"];
        let is_so = is_told(models["problem"].as_str().unwrap_or_default()) && models["reachable"] == true;
        let degraded = status["degraded"].to_string();
        if is_so && is_told(&degraded) && !degraded.contains("does not answer") {
            Ok(())
        } else {
            Err(status)
        }
    })
    .await;
    poll::until("`lacks` tells", BOUND, async || {
        let lacks = spine.ready_answer().await.json()["lacks"].to_string();
        if is_told(&lacks) && lacks.contains("not all can be read") { Ok(()) } else { Err(lacks) }
    })
    .await;
    let listed = spine.admin(Ask::get("/api/v1/organizations")).await;
    assert!(listed.status == 503 && is_told(&listed.text()), "{listed:?}");

    run(grant.clone()).await;
    poll::until("the list is read", BOUND, async || {
        match spine.admin(Ask::get("/api/v1/organizations")).await {
            answer if answer.status == 200 => Ok(()),
            answer => Err(answer),
        }
    })
    .await;
    // What no question of `status` itself reads is looked at all the same.
    run(format!("REVOKE SELECT ON servers FROM {role}")).await;
    let status = spine.admin(Ask::get("/api/v1/status")).await.expect(200).json();
    let problem = status["read_models"]["problem"].as_str().unwrap();
    assert!(problem.contains("permission denied for table servers") && is_told(problem), "{status}");
    assert!(status["read_models"]["projections"].as_array().is_some_and(|it| !it.is_empty()), "{status}");
    run(format!("DROP OWNED BY {role}; ALTER ROLE {role} NOLOGIN")).await;
}
