//! What an official SDK meets with a key that is not good: the status that makes it stop or ask for another
//! scope, and never one that sends it looking for a session, another era or an OAuth server.

use keyledger_tests::clients::{self, Plan, Sdk, Told};
use keyledger_tests::spine::{Demo, Spine};
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
    for (what, key, error) in [
        ("no key", None, None),
        ("garbage", Some("not-a-key".to_owned()), Some("invalid_token")),
        ("a revoked key", Some(spine.revoked_key(&demo.organization).await), Some("invalid_token")),
        ("an expired key", Some(spine.expired_key(&demo.organization).await), Some("invalid_token")),
    ] {
        let told = run(sdk, &demo, key.as_deref()).await;
        at_the_door(&told, what, 401, error);
    }

    let elsewhere = spine.key(&demo.organization, &["mcp:another-server"]).await;
    let told = run(sdk, &demo, Some(&elsewhere.secret)).await;
    at_the_door(&told, "a key for another server", 403, Some("insufficient_scope"));

    // Good for the server and one of its tools: the client connects and lists, and the other tool is refused.
    let narrow = spine.key(&demo.organization, &["mcp:demo:tools:count"]).await;
    let told = run(sdk, &demo, Some(&narrow.secret)).await;
    assert!(!told.tools().is_empty(), "{told:#?}");
    // The older Python SDK gives the whole connection up on any status that it does not know.
    let stage = told.one("refused")["stage"].as_str();
    assert!(matches!(stage, Some("call" | "close")), "{told:#?}");
    assert!(told.all("result").is_empty(), "{told:#?}");
    let (_, status, challenge) = last_refusal(&told);
    assert_eq!(status, 403, "{told:#?}");
    assert!(challenge.contains("scope=\"mcp:demo:tools:echo\""), "{challenge}");
}

async fn run(sdk: Sdk, demo: &Demo, key: Option<&str>) -> Told {
    Plan::new(&demo.url, key).call("echo", json!({"text": "never"})).run(sdk).await
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
    assert!(challenge.starts_with("Bearer realm="), "{sdk}, {what}: {challenge}");
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
