//! Without the log nothing new can be decided, and what a node knows grows old: it goes on checking keys for
//! `max_staleness` and then stops, for it could miss a revocation. All recovers when the log is back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use events::clock::{Clock, SystemClock};
use futures::{StreamExt, stream};
use keyledger_tests::mcp::call;
use keyledger_tests::poll;
use keyledger_tests::spine::{Ready, Spine, items, text};
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::{Answer, Ask};
use serde_json::json;

const MAX_STALENESS: Duration = Duration::from_secs(3);
/// What two busy cores may need beyond it.
const SLACK: Duration = Duration::from_secs(5);
const BOUND: Duration = Duration::from_secs(30);

async fn start() -> (Spine, Upstream, Ready) {
    let spine = Spine::with(|config| {
        config.freshness.max_staleness_ms = 3_000;
        config.freshness.ask_every_ms = 200;
    })
    .await;
    let upstream = Upstream::start(McpServer::every(Duration::from_millis(100))).await;
    let ready = spine.ready(&upstream).await;
    (spine, upstream, ready)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_it_is_missed_only_after_max_staleness_and_all_recovers() {
    let (mut spine, _upstream, ready) = start().await;
    let ask = call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret);
    let long = call(&ready.path, "count", &json!({"to": 1_000_000})).bearer(&ready.key.secret);
    let mut stream = long.open(spine.public).await;
    stream.frame(BOUND).await.expect("the stream is open");
    ask.send(spine.public).await.expect(200);

    spine.nats.stop().await;
    let gone = SystemClock.instant();
    // Refused before it was handed over: it was not done, and may be asked again.
    let issue = issue(&ready, "while the log is gone");
    let refused = spine.admin(issue.clone()).await.expect(503);
    assert_eq!(kind(&refused), "urn:keyledger:problem:unavailable");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");

    // It goes on meanwhile: every call until the first refusal was answered, and that came when it had to.
    let (mut passed, mut cut) = (0, 0);
    let refusal = loop {
        // One that is on its way just then is cut off.
        let Ok(answer) = ask.try_send(spine.public).await else {
            cut += 1;
            assert_eq!(cut, 1, "calls are cut off");
            continue;
        };
        if answer.status != 200 {
            break answer;
        }
        passed += 1;
        assert!(gone.elapsed() < MAX_STALENESS + SLACK, "the node goes on for ever");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let stopped = gone.elapsed();
    assert_eq!(refusal.status, 503, "{refusal:?}");
    assert_eq!(refusal.header("www-authenticate"), None, "the key is not at fault");
    // The node proved its freshness at most one question before the log went.
    assert!(stopped + Duration::from_millis(1_000) >= MAX_STALENESS, "stopped early: {stopped:?}");
    eprintln!(
        "without the log {passed} calls passed, and none from {stopped:?} on (max_staleness {MAX_STALENESS:?})"
    );

    // One gate for everything, and the open stream ended.
    stream.to_end(SLACK).await;
    let verify = Ask::post("/api/v1/keys/verify", &json!({"key": "x"})).bearer(&ready.key.secret);
    verify.send(spine.public).await.expect(503);
    spine.admin(issue.clone()).await.expect(503);
    spine.admin(Ask::get(ready.organization.path("keys"))).await.expect(503);
    let why = spine.ready_answer().await.expect(503);
    assert!(why.text().contains("stale") || why.text().contains("fresh"), "it says why: {}", why.text());
    let live = Ask::get("/livez").send(spine.metrics).await;
    assert_eq!(live.status, 200, "restarting the node would not help: {live:?}");

    spine.nats.start_again().await;
    let took = spine.becomes_ready().await;
    eprintln!("ready again {took:?} after the log's start");
    ask.send(spine.public).await.expect(200);
    // The same command again: it was not done before, and is done now, once.
    let (done, _) =
        poll::until("commands pass again", BOUND, async || match spine.admin(issue.clone()).await {
            answer if answer.status == 201 => Ok(answer.json()),
            answer => Err((answer.status, answer.text())),
        })
        .await;
    spine.follows(&text(&done, "position")).await;
    let key = text(&done, "secret");
    call(&ready.path, "echo", &json!({})).bearer(&key).send(spine.public).await.expect(200);
}

/// A revocation that was acknowledged before the log was killed holds after its restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_it_has_kept_what_it_acknowledged() {
    let (mut spine, _upstream, ready) = start().await;
    let keys: Vec<_> =
        futures::future::join_all((0..10).map(|_| spine.key(&ready.organization, &["mcp:tools"]))).await;
    for key in &keys[..5] {
        spine.change_key(&ready.organization, &key.id, "revoke").await;
    }
    spine.nats.kill().await;
    spine.nats.start_again().await;
    // A node that starts now knows the log alone.
    spine.stop_node().await;
    spine.start_node().await;
    spine.becomes_ready().await;
    for (number, key) in keys.iter().enumerate() {
        let answer = call(&ready.path, "echo", &json!({})).bearer(&key.secret).send(spine.public).await;
        assert_eq!(answer.status, if number < 5 { 401 } else { 200 }, "{number}: {}", answer.text());
    }
}

/// The log stands still with commands in flight: whether they were stored is not known to those who sent them.
/// Each is asked again with the same key until it is answered, and each was done once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standing_still_it_leaves_outcomes_unknown_and_each_command_is_done_once() {
    const COMMANDS: usize = 40;
    let (spine, _upstream, ready) = start().await;
    let commands: Vec<_> =
        (0..COMMANDS).map(|number| issue(&ready, &format!("in flight {number}"))).collect();
    let answered = AtomicUsize::new(0);
    let sending = stream::iter(&commands)
        .map(async |command| {
            let answer = poll::within("an answer", BOUND, spine.admin(command.clone())).await;
            answered.fetch_add(1, Ordering::SeqCst);
            answer
        })
        .buffered(8)
        .collect::<Vec<_>>();
    let pausing = async {
        poll::until("some commands", BOUND, async || match answered.load(Ordering::SeqCst) {
            found @ 0..10 => Err(found),
            _ => Ok(()),
        })
        .await;
        spine.nats.pause().await;
    };
    let (answers, ()) = tokio::join!(sending, pausing);
    spine.nats.resume().await;

    spine.becomes_ready().await;
    let mut outcomes = BTreeMap::<_, usize>::new();
    for (command, first) in commands.iter().zip(&answers) {
        let (again, _) =
            poll::until("the command's outcome", BOUND, async || match spine.admin(command.clone()).await {
                answer if matches!(answer.status, 200 | 201) => Ok(answer.status),
                answer => Err(answer),
            })
            .await;
        let first = if first.status == 201 { "done".to_owned() } else { kind(&first.clone().expect(503)) };
        match first.rsplit(':').next() {
            Some("done") => assert_eq!(again, 200, "it was done"),
            // Refused before it was handed over: it was not done.
            Some("unavailable" | "not-ready") => assert_eq!(again, 201, "{first}"),
            _ => {}
        }
        *outcomes.entry((first, again)).or_default() += 1;
    }
    eprintln!("first answer, status when asked again, how many: {outcomes:?}");
    assert!(outcomes.len() > 1, "the log stood still too late: {outcomes:?}");

    let newest = spine.key(&ready.organization, &["mcp:tools"]).await.position;
    let path = format!("{}?limit=100&at_least={newest}", ready.organization.path("keys"));
    let listed = items(&spine.admin(Ask::get(path)).await.expect(200));
    let names: BTreeSet<_> = listed.iter().filter_map(|key| key["name"].as_str()).collect();
    let named =
        listed.iter().filter(|key| key["name"].as_str().is_some_and(|name| name.starts_with("in flight")));
    assert_eq!(named.count(), COMMANDS, "{names:?}");
    assert_eq!(names.iter().filter(|name| name.starts_with("in flight")).count(), COMMANDS, "{names:?}");
}

fn issue(ready: &Ready, name: &str) -> Ask {
    let body = json!({"name": name, "scopes": ["mcp:tools"]});
    Ask::post(ready.organization.path("keys"), &body).header("Idempotency-Key", name.replace(' ', "-"))
}

fn kind(answer: &Answer) -> String {
    text(&answer.json(), "type")
}
