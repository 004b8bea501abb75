//! The official SDKs, unmodified, list and call the tools of a real MCP server through a node, with a key as
//! their only configuration; progress reaches them while the tool still runs.

use keyledger_tests::clients::{self, Plan, Sdk};
use keyledger_tests::spine::Spine;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_python_sdk_without_sessions() {
    lists_and_calls(clients::PYTHON_NEWEST, "2026-07-28").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_python_sdk_with_sessions() {
    lists_and_calls(clients::PYTHON_NEWEST_SESSIONS, "2025-11-25").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_python_sdk() {
    lists_and_calls(clients::PYTHON_OLDER, "2025-06-18").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_typescript_sdk() {
    lists_and_calls(clients::TYPESCRIPT_1, "2025-11-25").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_typescript_sdk() {
    lists_and_calls(clients::TYPESCRIPT_2, "2026-07-28").await;
}

async fn lists_and_calls(sdk: Sdk, revision: &str) {
    let spine = Spine::start().await;
    let demo = spine.demo().await;
    let plan = Plan::new(&demo.url, Some(&demo.key.secret))
        .call("echo", json!({"text": "through the gateway"}))
        .call("count", json!({"to": 3}))
        .with_progress();
    let told = plan.run(sdk).await;

    assert_eq!(told.protocol(), revision, "{told:#?}");
    let tools = told.tools();
    assert!(tools.contains(&"echo") && tools.contains(&"count"), "{tools:?}");
    let results = told.all("result");
    assert_eq!(results.len(), 2, "{told:#?}");
    assert!(results.iter().all(|result| result["is_error"] == false), "{told:#?}");
    assert!(results[0]["text"].as_str().unwrap().contains("through the gateway"), "{told:#?}");

    let progress = told.all("progress");
    assert_eq!(progress.len(), 3, "{told:#?}");
    let at = |line: &serde_json::Value| line["at_ms"].as_u64().unwrap();
    eprintln!(
        "{}: progress at {:?} ms, result at {} ms",
        sdk.name,
        progress.iter().map(|line| at(line)).collect::<Vec<_>>(),
        at(results[1])
    );
    // The demo's tool pauses between its steps: what arrives together at the end was held back.
    assert!(at(progress[0]) < at(results[1]), "the first progress came with the result: {told:#?}");
    assert!(told.all("refused").is_empty(), "{told:#?}");
}

/// A client that is configured with a header of its own choice works as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_may_come_as_x_api_key() {
    let spine = Spine::start().await;
    let demo = spine.demo().await;
    let mut plan = Plan::new(&demo.url, Some(&demo.key.secret)).call("echo", json!({"text": "hi"}));
    plan.header = "x-api-key";
    let told = plan.run(clients::PYTHON_NEWEST).await;
    assert_eq!(told.all("result").len(), 1, "{told:#?}");
}
