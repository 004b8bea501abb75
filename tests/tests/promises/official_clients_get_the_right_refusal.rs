//! What an official SDK meets with a key that is not good: the status that makes it stop or ask for another
//! scope, and never one that sends it looking for a session, another era or an OAuth server.

use keyledger_tests::clients::{self, Plan, Sdk, Told};
use keyledger_tests::spine::Spine;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_python_sdk_without_sessions() {
    is_refused(clients::PYTHON_NEWEST).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_python_sdk_with_sessions() {
    is_refused(clients::PYTHON_NEWEST_SESSIONS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_python_sdk() {
    is_refused(clients::PYTHON_OLDER).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_typescript_sdk() {
    is_refused(clients::TYPESCRIPT_1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_typescript_sdk() {
    is_refused(clients::TYPESCRIPT_2).await;
}

async fn is_refused(sdk: Sdk) {
    let spine = Spine::start().await;
    let demo = spine.demo().await;
    let revoked = spine.revoked_key(&demo.organization).await;
    let expired = spine.expired_key(&demo.organization).await;
    let elsewhere = spine.key(&demo.organization, &["mcp:another-server"]).await.secret;
    let narrow = spine.key(&demo.organization, &["mcp:demo:tools:count"]).await.secret;
    let cases = [
        ("no key", None, 401, None),
        ("garbage", Some("not-a-key"), 401, Some("invalid_token")),
        ("a revoked key", Some(&*revoked), 401, Some("invalid_token")),
        ("an expired key", Some(&*expired), 401, Some("invalid_token")),
        ("a key for another server", Some(&*elsewhere), 403, None),
    ];
    let keys: Vec<_> = cases.iter().map(|(_, key, ..)| *key).chain([Some(&*narrow)]).collect();
    let plan = Plan::new(&demo.url, None).call("echo", json!({"text": "never"}));
    let told = plan.run_with(sdk, &keys).await;
    for ((what, _, status, error), told) in cases.iter().zip(&told) {
        at_the_door(told, what, *status, *error);
    }

    // Good for the server and one of its tools: the client connects and lists, and the other tool is refused.
    let told = &told[cases.len()];
    assert!(!told.tools().is_empty(), "{told:#?}");
    // The older Python SDK gives the whole connection up on any status that it does not know.
    let stage = told.one("refused")["stage"].as_str();
    assert!(matches!(stage, Some("call" | "close")), "{told:#?}");
    assert!(told.all("result").is_empty(), "{told:#?}");
    let (_, status, challenge) = last_refusal(told);
    assert_eq!((status, challenge), (403, ""), "no sign-in widens a key: {told:#?}");
}

fn at_the_door(told: &Told, what: &str, status: u64, error: Option<&str>) {
    let sdk = told.sdk.name;
    assert!(told.all("connected").is_empty(), "{sdk}, {what}: {told:#?}");
    assert_eq!(told.one("refused")["stage"], "connect", "{sdk}, {what}");
    for (method, seen) in told.statuses() {
        // An SDK that finds nothing at the door may knock again, and must hear the same.
        assert_eq!((method, seen), ("POST", status), "{sdk}, {what}: {told:#?}");
    }
    let (_, _, challenge) = last_refusal(told);
    let challenged = challenge.starts_with("Bearer realm=");
    assert_eq!(challenged, status == 401, "{sdk}, {what}: {challenge}");
    assert!(!challenge.contains("resource_metadata"), "{sdk}, {what}: {challenge}");
    match error {
        Some(error) => {
            assert!(challenge.contains(&format!("error=\"{error}\"")), "{sdk}, {what}: {challenge}")
        }
        None => assert!(!challenge.contains("error="), "{sdk}, {what}: {challenge}"),
    }
    eprintln!("{sdk}, {what}: {} {}", told.one("refused")["error"], told.one("refused")["message"]);
}

fn last_refusal(told: &Told) -> (&str, u64, &str) {
    let lines = told.all("http");
    let line = lines.iter().rev().find(|line| line["status"].as_u64() >= Some(400)).expect("a refusal");
    (
        line["method"].as_str().unwrap_or_default(),
        line["status"].as_u64().unwrap_or_default(),
        line["www_authenticate"].as_str().unwrap_or_default(),
    )
}
