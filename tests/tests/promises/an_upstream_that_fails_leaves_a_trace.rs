//! A call that its server spoils is counted under a name of its own, by server, and the client is told whose fault it is.

use std::time::Duration;

use async_trait::async_trait;
use keyledger_tests::poll;
use keyledger_tests::spine::{Ready, Spine};
use keyledger_tests::upstreams::{After, Behave, Fixed, Hanging, McpServer, Received, Reply, Upstream};
use keyledger_tests::wire::{Answer, Ask};
use serde_json::json;

use keyledger_tests::mcp::call;

const BOUND: Duration = Duration::from_secs(10);

/// Begins an answer and breaks off.
struct Breaking;

#[async_trait]
impl Behave for Breaking {
    async fn answer(&self, _: &Received, reply: &mut Reply) -> After {
        reply.begin("application/json", &[]).await;
        reply.chunk(b"{\"jsonrpc\":").await;
        After::Close
    }
}

async fn ask(spine: &Spine, ready: &Ready) -> std::io::Result<Answer> {
    call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret).try_send(spine.public).await
}

/// Waits until the metrics have this line.
async fn metrics_have(spine: &Spine, line: &str) {
    poll::until(line, BOUND, async || {
        let text = Ask::get("/metrics").send(spine.metrics).await.expect(200).text();
        if text.lines().any(|found| found == line) { Ok(()) } else { Err(text) }
    })
    .await;
}

fn failures(ready: &Ready, kind: &str) -> String {
    let (organization, server) = ready.path.trim_start_matches("/mcp/").split_once('/').unwrap();
    format!(
        "keyledger_upstream_failures_total{{organization=\"{organization}\",server=\"{server}\",kind=\"{kind}\"}} 1"
    )
}

fn requests(status: &str, outcome: &str) -> String {
    format!("keyledger_requests_total{{route=\"mcp\",status=\"{status}\",outcome=\"{outcome}\"}} 1")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_without_words_is_502_with_the_servers_status() {
    let spine = Spine::start().await;
    let upstream = Upstream::start(Fixed::new(500, "text/html", "<h1>broken</h1>")).await;
    let ready = spine.ready(&upstream).await;
    let answer = ask(&spine, &ready).await.unwrap().expect(502).json();
    assert_eq!(answer["error"]["data"]["reason"], "upstream_failed");
    assert_eq!((&answer["error"]["data"]["upstream_status"], answer["id"].is_null()), (&json!(500), false));
    assert!(answer["error"]["message"].as_str().unwrap().contains("the MCP server failed"), "{answer}");
    metrics_have(&spine, &requests("5xx", "upstream_failed")).await;
    metrics_have(&spine, &failures(&ready, "upstream_failed")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_in_words_passes_and_is_not_counted_as_passed() {
    let spine = Spine::start().await;
    let busy = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"busy"}}"#;
    let upstream = Upstream::start(Fixed::new(503, "application/json", busy)).await;
    let ready = spine.ready(&upstream).await;
    assert_eq!(ask(&spine, &ready).await.unwrap().expect(503).text(), busy);
    metrics_have(&spine, &requests("5xx", "upstream_error")).await;
    metrics_have(&spine, &failures(&ready, "upstream_error")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_breaks_off_is_counted_as_cut() {
    let spine = Spine::start().await;
    let upstream = Upstream::start(Breaking).await;
    let ready = spine.ready(&upstream).await;
    ask(&spine, &ready).await.unwrap_err();
    metrics_have(&spine, &requests("2xx", "upstream_cut")).await;
    metrics_have(&spine, &failures(&ready, "upstream_cut")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_gives_up_on_a_server_that_hangs_is_seen() {
    let spine = Spine::start().await;
    let upstream = Upstream::start(Hanging).await;
    let ready = spine.ready(&upstream).await;
    let call = call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret);
    let waiting = call.send(spine.public);
    tokio::select! {
        answer = waiting => panic!("{answer:?}"),
        _ = poll::until("it is called", BOUND, async || match upstream.calls("tools/call").len() {
            0 => Err(()),
            _ => Ok(()),
        }) => {}
    }
    metrics_have(&spine, &requests("none", "client_gave_up")).await;
    metrics_have(&spine, "keyledger_calls_in_flight 0").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_answered_is_counted_as_passed() {
    let spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret).send(spine.public).await.expect(200);
    metrics_have(&spine, &requests("2xx", "passed")).await;
}
