//! What happens is sent to webhooks: signed as Standard Webhooks says, each object's events in order, again until it is
//! taken in, and to nobody whose matter it is not. A slow or dead endpoint delays nobody else.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use keyledger_tests::clients::{webhooks_node, webhooks_python};
use keyledger_tests::poll;
use keyledger_tests::spine::{Organization, Spine, items, text};
use keyledger_tests::upstreams::{After, Behave, Fixed, Hanging, Received, Reply, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

const SOON: Duration = Duration::from_secs(20);

/// Answers with this status, which the test changes.
#[derive(Clone)]
struct Says(Arc<AtomicU16>);

impl Says {
    fn new(status: u16) -> Self {
        Self(Arc::new(AtomicU16::new(status)))
    }

    fn now(&self, status: u16) {
        self.0.store(status, Ordering::SeqCst);
    }
}

#[async_trait]
impl Behave for Says {
    async fn answer(&self, _: &Received, reply: &mut Reply) -> After {
        reply.whole(self.0.load(Ordering::SeqCst), &[], b"").await;
        After::Keep
    }
}

struct Hook {
    id: String,
    path: String,
    secret: String,
}

async fn hook_at(spine: &Spine, webhooks: &str, url: &str, types: Value) -> Hook {
    let body = json!({"name": "Hook", "url": url, "types": types});
    let written = spine.write(Ask::post(webhooks, &body)).await;
    let read = format!("{webhooks}?at_least={}", text(&written, "position"));
    spine.admin(Ask::get(read)).await.expect(200);
    let id = text(&written, "id");
    Hook { path: format!("{webhooks}/{id}"), secret: text(&written, "secret"), id }
}

async fn hook(spine: &Spine, organization: &Organization, to: &Upstream, types: Value) -> Hook {
    let url = format!("{}?token=hidden", to.url());
    hook_at(spine, &organization.path("webhooks"), &url, types).await
}

/// Waits until so many messages have come, and tells them in the order in which they came.
async fn received(to: &Upstream, count: usize) -> Vec<Received> {
    let what = format!("{count} messages come");
    let (received, _) = poll::until(&what, SOON, async || match to.received() {
        received if received.len() >= count => Ok(received),
        received => Err(received.iter().map(kind).collect::<Vec<_>>()),
    })
    .await;
    received
}

fn kind(message: &Received) -> String {
    message.message()["type"].as_str().unwrap_or_default().to_owned()
}

fn kinds(messages: &[Received]) -> Vec<String> {
    messages.iter().map(kind).collect()
}

/// Waits until the webhook is shown so.
async fn shows(spine: &Spine, hook: &Hook, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let (shown, _) = poll::until(what, SOON, async || {
        let shown = spine.admin(Ask::get(&hook.path)).await.expect(200).json();
        if is_so(&shown) { Ok(shown) } else { Err(shown) }
    })
    .await;
    shown
}

async fn rename(spine: &Spine, organization: &Organization, key: &str, name: &str) {
    let path = format!("{}/{key}", organization.path("keys"));
    let written = spine.write(Ask::new("PUT", format!("{path}/name")).json(&json!({"name": name}))).await;
    let listed = format!("{path}?at_least={}", text(&written, "position"));
    spine.admin(Ask::get(listed)).await.expect(200);
}

/// What both official libraries say of a message.
async fn verified(message: &Received, secret: &str) -> [Value; 2] {
    let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers: Value =
        headers.map(|name| (name.to_owned(), json!(message.header(name)))).into_iter().collect();
    let body = String::from_utf8(message.body.clone()).unwrap();
    let given = json!({"secret": secret, "headers": headers, "body": body}).to_string();
    let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/webhooks");
    let mut python = webhooks_python();
    python.arg(format!("{scripts}/verify.py"));
    let mut node = Command::new("node");
    node.arg(format!("{scripts}/verify.mjs")).env("KEYLEDGER_WEBHOOKS", webhooks_node());
    let mut said = Vec::new();
    for mut command in [python, node] {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("run ./test, which sets it up");
        child.stdin.take().unwrap().write_all(given.as_bytes()).await.unwrap();
        let output = poll::within("it is verified", SOON * 3, child.wait_with_output()).await.unwrap();
        assert!(output.status.success(), "{output:?}");
        said.push(serde_json::from_slice(&output.stdout).unwrap());
    }
    said.try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_libraries_verify_it_and_secrets_rotate_with_overlap() {
    let spine = Spine::start().await;
    let to = Upstream::start(Says::new(204)).await;
    let acme = spine.organization("acme").await;
    let hook = hook(&spine, &acme, &to, json!(["key.*"])).await;
    assert!(hook.secret.starts_with("whsec_"));
    let key = spine.key(&acme, &["mcp:*"]).await;
    let first = received(&to, 1).await.remove(0);
    assert_eq!((first.method.as_str(), first.target.as_str()), ("POST", "/mcp?token=hidden"));
    assert_eq!(first.header("content-type"), Some("application/cloudevents+json; charset=utf-8"));
    let event = first.message();
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["type"], "key.issued");
    assert_eq!(event["aggregateid"], key.id.as_str());
    assert_eq!(event["position"], key.position.as_str());
    assert_eq!(event["data"]["name"], "test", "its texts are open");
    assert!(event["data"]["digest"].is_null() && event["replay"].is_null(), "{event}");
    assert_eq!(first.header("webhook-id"), event["id"].as_str());
    let good = json!({"type": "key.issued", "id": event["id"]});
    assert_eq!(verified(&first, &hook.secret).await, [good.clone(), good]);

    let rotated = spine.write(Ask::post(format!("{}/secret", hook.path), &json!({}))).await;
    let newer = text(&rotated, "secret");
    let read = format!("{}?at_least={}", hook.path, text(&rotated, "position"));
    let shown = spine.admin(Ask::get(read)).await.expect(200).json();
    assert!(shown["previous_secret_until"].is_string() && !shown.to_string().contains("whsec_"), "{shown}");
    spine.change_key(&acme, &key.id, "disable").await;
    let second = received(&to, 2).await.remove(1);
    for secret in [&hook.secret, &newer] {
        for said in verified(&second, secret).await {
            assert_eq!(said["type"], "key.disabled", "{said}");
        }
    }
    let ended = spine.write(Ask::new("DELETE", format!("{}/secret/previous", hook.path))).await;
    let read = format!("{}?at_least={}", hook.path, text(&ended, "position"));
    spine.admin(Ask::get(read)).await.expect(200);
    spine.change_key(&acme, &key.id, "enable").await;
    let third = received(&to, 3).await.remove(2);
    for (secret, is_good) in [(&hook.secret, false), (&newer, true)] {
        for said in verified(&third, secret).await {
            assert_eq!(said["type"] == "key.enabled", is_good, "{said}");
        }
    }

    spine.admin(Ask::post(format!("{}/test", hook.path), &json!({}))).await.expect(200);
    let test = received(&to, 4).await.remove(3);
    for said in verified(&test, &newer).await {
        assert_eq!(said["type"], "webhook.test", "{said}");
    }
    let metrics = Ask::get("/metrics").send(spine.metrics).await.text();
    assert!(metrics.contains("keyledger_webhook_deliveries_total{outcome=\"delivered\"}"), "{metrics}");
    assert!(metrics.contains("keyledger_webhook_attempt_seconds"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_or_dead_endpoint_delays_nobody_and_each_object_is_in_order() {
    let spine = Spine::with(|config| config.webhooks.timeout_ms = 60_000).await;
    let (hanging, quick) = (Upstream::start(Hanging).await, Upstream::start(Says::new(200)).await);
    let acme = spine.organization("acme").await;
    hook(&spine, &acme, &hanging, json!(["key.*"])).await;
    let nobody = hook_at(&spine, &acme.path("webhooks"), "http://127.0.0.1:9/", json!(["key.*"])).await;
    hook(&spine, &acme, &quick, json!(["key.*"])).await;
    let (one, other) = (spine.key(&acme, &["mcp:*"]).await, spine.key(&acme, &["mcp:*"]).await);
    for number in 0..10 {
        for key in [&one, &other] {
            rename(&spine, &acme, &key.id, &format!("name {number}")).await;
        }
    }
    let came = received(&quick, 22).await;
    for key in [&one, &other] {
        let own = came.iter().map(Received::message).filter(|event| event["aggregateid"] == key.id.as_str());
        let own: Vec<String> = own.map(|event| event["sequence"].as_str().unwrap().to_owned()).collect();
        assert_eq!(own.len(), 11);
        assert!(own.is_sorted(), "{own:?}");
    }
    let held = hanging.received();
    assert!(!held.is_empty() && held.len() <= 4, "an endpoint has no more than its share: {}", held.len());
    let objects: std::collections::BTreeSet<_> =
        held.iter().map(|message| message.message()["aggregateid"].to_string()).collect();
    assert_eq!(objects.len(), held.len(), "of one object only the first is sent");
    let shown = shows(&spine, &nobody, "it fails", |shown| shown["deliveries"]["failing"] == true).await;
    assert_eq!(shown["deliveries"]["waiting"], 22, "nothing is lost: {shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_is_tried_again_given_up_and_sent_again() {
    let spine = Spine::with(|config| config.webhooks.retry_seconds = vec![0, 0]).await;
    let says = Says::new(500);
    let to = Upstream::start(says.clone()).await;
    let acme = spine.organization("acme").await;
    let hook = hook(&spine, &acme, &to, json!(["key.*"])).await;
    let key = spine.key(&acme, &["mcp:*"]).await;
    rename(&spine, &acme, &key.id, "other").await;
    shows(&spine, &hook, "both are given up", |shown| shown["deliveries"]["dead"] == 2).await;
    let came = to.received();
    let ids: Vec<_> = came.iter().filter_map(|message| message.header("webhook-id")).collect();
    assert_eq!(kinds(&came), [["key.issued"; 3], ["key.renamed"; 3]].concat(), "one after the other");
    assert!(ids[..3].iter().all(|id| *id == ids[0]) && ids[0] != ids[3], "{ids:?}");
    let attempts = items(&spine.admin(Ask::get(format!("{}/deliveries", hook.path))).await.expect(200));
    assert_eq!(attempts.len(), 6);
    assert_eq!((&attempts[0]["outcome"], &attempts[0]["attempt"]), (&json!("dead"), &json!(3)));
    assert_eq!((&attempts[5]["status"], &attempts[5]["outcome"]), (&json!(500), &json!("retry")));
    assert!(!attempts.iter().any(|attempt| attempt.to_string().contains("hidden")));
    let page = spine.admin(Ask::get(format!("{}/deliveries?limit=4", hook.path))).await.expect(200).json();
    let rest = format!("{}/deliveries?cursor={}", hook.path, text(&page, "next"));
    assert_eq!(items(&spine.admin(Ask::get(rest)).await.expect(200)).len(), 2);

    says.now(200);
    let dead = items(&spine.admin(Ask::get(format!("{}/dead", hook.path))).await.expect(200));
    assert_eq!((dead.len(), &dead[0]["error"]), (2, &json!("status")));
    let dead_kinds = [&dead[0]["type"], &dead[1]["type"]];
    assert_eq!(dead_kinds, [&json!("key.renamed"), &json!("key.issued")], "newest first");
    assert_eq!(dead[0]["object_name"], "other", "what it is called now");
    let resend = format!("{}/dead/resend", hook.path);
    let one = spine.admin(Ask::post(&resend, &json!({"id": dead[0]["id"]}))).await.expect(200).json();
    assert_eq!(one["messages"], 1);
    let came = received(&to, 7).await;
    assert_eq!((kind(&came[6]), came[6].header("webhook-id")), ("key.renamed".to_owned(), Some(ids[3])));
    assert_eq!(came[6].message()["replay"], true);
    spine.admin(Ask::post(&resend, &json!({}))).await.expect(200);
    assert_eq!(kind(&received(&to, 8).await[7]), "key.issued");
    shows(&spine, &hook, "all is sent", |shown| {
        shown["deliveries"]["dead"] == 0 && shown["deliveries"]["waiting"] == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_is_gone_or_busy_is_believed() {
    let spine = Spine::with(|config| config.webhooks.retry_seconds = vec![0; 30]).await;
    let says = Says::new(410);
    let gone = Upstream::start(says.clone()).await;
    let busy = Upstream::start(Fixed::new(429, "text/plain", "").with("Retry-After", "3600")).await;
    let acme = spine.organization("acme").await;
    let stopped = hook(&spine, &acme, &gone, json!(["key.*"])).await;
    let waits = hook(&spine, &acme, &busy, json!(["key.*"])).await;
    let key = spine.key(&acme, &["mcp:*"]).await;
    shows(&spine, &stopped, "it is stopped", |shown| shown["state"] == "stopped").await;
    rename(&spine, &acme, &key.id, "other").await;
    says.now(200);
    let resume = || Ask::post(format!("{}/resume", stopped.path), &json!({}));
    let resumed = spine.admin(resume()).await.expect(200).json();
    assert_eq!(resumed["changed"], true, "the history tells of it");
    let came = received(&gone, 3).await;
    assert_eq!(kinds(&came), ["key.issued", "key.issued", "key.renamed"], "and nothing is lost");
    assert_eq!(spine.admin(resume()).await.expect(200).json()["changed"], false);
    assert_eq!(busy.received().len(), 1, "it asked for an hour");
    // An operator knows better.
    let tried = spine.admin(Ask::post(format!("{}/retry", waits.path), &json!({}))).await.expect(200).json();
    assert_eq!(tried["messages"], 1, "the first of its object: {tried}");
    received(&busy, 2).await;

    // What is removed is sent nothing from that moment on, and nobody is told otherwise.
    spine.admin(Ask::new("DELETE", &waits.path).json(&json!({}))).await.expect(200);
    for (order, body) in [("test", json!({})), ("replay", json!({})), ("retry", json!({}))] {
        let told = spine.admin(Ask::post(format!("{}/{order}", waits.path), &body)).await.expect(409).json();
        assert_eq!(told["type"], "urn:keyledger:problem:webhook-removed", "{order}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_webhook_goes_on_where_it_stood_and_a_replay_begins_at_a_position() {
    let spine = Spine::start().await;
    let to = Upstream::start(Says::new(200)).await;
    let acme = spine.organization("acme").await;
    let hook = hook(&spine, &acme, &to, json!(["key.*"])).await;
    let key = spine.key(&acme, &["mcp:*"]).await;
    received(&to, 1).await;
    let paused = spine.write(Ask::post(format!("{}/pause", hook.path), &json!({"reason": "a move"}))).await;
    spine.admin(Ask::get(format!("{}?at_least={}", hook.path, text(&paused, "position")))).await.expect(200);
    rename(&spine, &acme, &key.id, "one").await;
    rename(&spine, &acme, &key.id, "two").await;
    let read = |position: &str| format!("{}?at_least={position}", acme.path("events"));
    let last = spine.write(Ask::post(format!("{}/resume", hook.path), &json!({}))).await;
    spine.admin(Ask::get(read(&text(&last, "position")))).await.expect(200);
    assert_eq!(kinds(&received(&to, 3).await), ["key.issued", "key.renamed", "key.renamed"]);

    // After the key's first event: the two renames.
    let replay = format!("{}/replay", hook.path);
    let begun = spine.admin(Ask::post(&replay, &json!({"after": key.position}))).await.expect(200).json();
    assert!(begun["until"].is_string(), "{begun}");
    let again = received(&to, 5).await.split_off(3);
    for (message, name) in again.iter().zip(["one", "two"]) {
        let event = message.message();
        assert_eq!((&event["data"]["name"], &event["replay"]), (&json!(name), &json!(true)));
    }
    shows(&spine, &hook, "the replay has ended", |shown| shown["deliveries"]["replaying"] == false).await;
    spine.admin(Ask::post(&replay, &json!({}))).await.expect(200);
    assert_eq!(kinds(&received(&to, 8).await[5..]), ["key.issued", "key.renamed", "key.renamed"]);
    let foreign = Ask::post(&replay, &json!({"after": format!("{}-0-1", "0".repeat(32))}));
    let refused = spine.admin(foreign).await.expect(400).json();
    assert_eq!(refused["field"], "after", "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organizations_webhook_hears_of_nobody_else_and_no_closed_address_is_called() {
    let spine = Spine::start().await;
    let (own, all) = (Upstream::start(Says::new(200)).await, Upstream::start(Says::new(200)).await);
    let (acme, other) = (spine.organization("acme").await, spine.organization("other").await);
    let hook = hook(&spine, &acme, &own, json!(["*"])).await;
    hook_at(&spine, "/api/v1/installation/webhooks", &all.url(), json!(["key.issued"])).await;
    spine.key(&other, &["mcp:*"]).await;
    let key = spine.key(&acme, &["mcp:*"]).await;
    assert_eq!(kinds(&received(&all, 2).await), ["key.issued"; 2], "the installation hears of both");
    let came = received(&own, 1).await;
    assert_eq!(came[0].message()["aggregateid"], key.id.as_str());
    assert_eq!(came[0].message()["organization"], acme.id.as_str());
    let written = spine.write(Ask::new("PATCH", &hook.path).json(&json!({"name": "Another"}))).await;
    let came = received(&own, 2).await;
    assert_eq!(kind(&came[1]), "webhook.changed");
    assert!(came.iter().all(|message| !message.message().to_string().contains(&other.id)));
    let events = format!("{}?at_least={}", acme.path("events"), text(&written, "position"));
    let history = spine.admin(Ask::get(events)).await.expect(200).text();
    assert!(history.contains("webhook.registered") && !history.contains("hidden"), "no URL in the history");

    let writer = spine.key(&acme, &["admin:webhooks:write"]).await.secret;
    let ask = |url: &str, types: Value| {
        Ask::post(acme.path("webhooks"), &json!({"name": "New", "url": url, "types": types}))
    };
    let refused = ask("https://a.example/", json!(["*"])).bearer(&writer).send(spine.admin).await;
    assert_eq!(refused.status, 403, "who may not read events sends none on: {refused:?}");
    for (url, types, field) in [
        ("https://10.0.0.1/", json!(["*"]), "url"),
        ("http://93.184.216.34/", json!(["*"]), "url"),
        ("https://user:hidden@a.example/", json!(["*"]), "url"),
        ("https://a.example/", json!(["key.sung"]), "types"),
    ] {
        let answer = spine.admin(ask(url, types)).await.expect(400);
        assert_eq!(answer.json()["field"], field, "{answer:?}");
        assert!(!answer.text().contains("hidden"), "{answer:?}");
    }
    // A name that leads to a closed address is refused when it is called.
    let closed = Spine::with(|config| {
        config.upstreams.allow.clear();
        config.upstreams.allow_http = vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
    })
    .await;
    let acme = closed.organization("acme").await;
    let url = format!("http://localhost:{}/", own.address.port());
    let before = own.received().len();
    let hook = hook_at(&closed, &acme.path("webhooks"), &url, json!(["*"])).await;
    closed.key(&acme, &["mcp:*"]).await;
    let (attempts, _) = poll::until("an attempt is refused", SOON, async || {
        let path = format!("{}/deliveries", hook.path);
        match items(&closed.admin(Ask::get(path)).await.expect(200)) {
            attempts if attempts.is_empty() => Err(attempts),
            attempts => Ok(attempts),
        }
    })
    .await;
    assert_eq!(attempts[0]["error"], "address_refused", "{attempts:?}");
    assert_eq!(own.received().len(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_forgotten_is_in_no_queue_and_no_log() {
    let spine = Spine::start().await;
    let to = Upstream::start(Says::new(500)).await;
    let acme = spine.organization("acme").await;
    let hook = hook(&spine, &acme, &to, json!(["*"])).await;
    spine.key(&acme, &["mcp:*"]).await;
    received(&to, 1).await;
    spine.write(Ask::post(acme.path("suspend"), &json!({}))).await;
    let gone = spine.write(Ask::post(acme.path("forget"), &json!({"slug": "acme"}))).await;
    let read = format!("{}?at_least={}", hook.path, text(&gone, "position"));
    let shown = spine.admin(Ask::get(read)).await.expect(200).json();
    assert!(shown["name"].is_null() && shown["url"].is_null(), "{shown}");
    assert_eq!(shown["deliveries"]["waiting"], 0, "{}: {shown}", hook.id);
    for list in ["deliveries", "dead"] {
        let found = items(&spine.admin(Ask::get(format!("{}/{list}", hook.path))).await.expect(200));
        assert!(found.is_empty(), "{list}: {found:?}");
    }
}
