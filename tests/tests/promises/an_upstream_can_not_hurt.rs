//! An upstream's URL comes from a tenant, and what it answers from anybody: whatever it does, the client gets
//! a whole answer in time that it can tell from the gateway's own, and the gateway calls nobody that it was
//! not allowed to call.

use std::time::Duration;

use events::clock::{Clock, SystemClock};
use keyledger_tests::mcp::{call, initialize};
use keyledger_tests::poll;
use keyledger_tests::spine::Spine;
use keyledger_tests::upstreams::{After, Fixed, Hanging, McpServer, Redirecting, Upstream};
use keyledger_tests::wire::Answer;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_address_is_refused_and_never_called() {
    let spine = Spine::with(|config| {
        config.upstreams.allow.clear();
        // What has no TLS is refused for itself otherwise.
        config.upstreams.allow_http = vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
    })
    .await;
    let upstream = Upstream::start(McpServer::default()).await;
    let port = upstream.address.port();
    let organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["mcp:*"]).await;
    for (slug, host) in [
        ("loopback", "127.0.0.1"),
        ("other-loopback", "127.8.8.8"),
        ("v6-loopback", "[::1]"),
        ("mapped", "[::ffff:127.0.0.1]"),
        ("named", "localhost"),
        ("unspecified", "0.0.0.0"),
        ("private-10", "10.0.0.1"),
        ("private-192", "192.168.0.1"),
        ("link-local", "169.254.169.254"),
        ("cgnat", "100.64.0.1"),
        ("decimal", "2130706433"),
    ] {
        let path = spine.register(&organization, slug, &format!("http://{host}:{port}/mcp")).await.path;
        let answer = call(&path, "echo", &json!({})).bearer(&key.secret).send(spine.public).await;
        assert_eq!(answer.status, 502, "{host}: {answer:?}");
        our_own(&answer);
        assert!(!answer.text().contains(host), "{host}: the answer tells the address: {}", answer.text());
    }
    assert!(upstream.received().is_empty(), "{:#?}", upstream.received());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_is_not_followed() {
    let spine = Spine::start().await;
    let target = Upstream::start(McpServer::default()).await;
    let organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["mcp:*"]).await;
    for status in [301, 302, 303, 307, 308] {
        let upstream = Upstream::start(Redirecting { status, to: target.url() }).await;
        let path = spine.register(&organization, &format!("redirect-{status}"), &upstream.url()).await.path;
        let answer = call(&path, "echo", &json!({})).bearer(&key.secret).send(spine.public).await;
        assert_eq!(answer.status, 502, "{status}: {answer:?}");
        our_own(&answer);
        assert_eq!(answer.header("location"), None, "{status}");
        assert!(!answer.text().contains(&target.url()), "{}", answer.text());
    }
    assert!(target.received().is_empty(), "{:#?}", target.received());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_upstream_is_504_within_its_bound() {
    let bound = Duration::from_millis(700);
    let spine = Spine::with(|config| config.upstreams.response_timeout_ms = 700).await;
    let upstream = Upstream::start(Hanging).await;
    let ready = spine.ready(&upstream).await;
    let start = SystemClock.instant();
    let answer = call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret).send(spine.public).await;
    let took = start.elapsed();
    assert_eq!(answer.status, 504, "{answer:?}");
    our_own(&answer);
    eprintln!("a hanging upstream was answered for after {took:?} (bound {bound:?})");
    assert!(took >= bound && took < bound + Duration::from_secs(5), "{took:?}");
    // A POST is never sent a second time.
    assert_eq!(upstream.calls("tools/call").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_upstream_is_502() {
    let spine = Spine::start().await;
    let gone = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&gone).await;
    drop(gone);
    let answer = call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret).send(spine.public).await;
    assert_eq!(answer.status, 502, "{answer:?}");
    our_own(&answer);
}

/// The upstream closes each connection as soon as nothing comes for a moment, without having said so, and the
/// next request comes just then: the gateway notices before it writes, so no call is lost and none is sent
/// twice. (A close that crosses a request on the wire can't be noticed: a POST is not sent again then.)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_closes_idle_connections_costs_no_502() {
    const CALLS: usize = 200;
    let spine = Spine::start().await;
    for after in [After::Close, After::CloseIdle(Duration::from_millis(1))] {
        let upstream = Upstream::start(McpServer::after(after)).await;
        let ready = spine.ready(&upstream).await;
        for number in 0..CALLS {
            let ask = call(&ready.path, "echo", &json!({"text": number.to_string()}));
            let answer = ask.bearer(&ready.key.secret).send(spine.public).await;
            assert_eq!(answer.status, 200, "{after:?}, call {number}: {answer:?}");
            poll::until("the upstream closes", Duration::from_secs(10), async || {
                match upstream.connections() {
                    0 => Ok(()),
                    open => Err(open),
                }
            })
            .await;
        }
        assert_eq!(upstream.calls("tools/call").len(), CALLS, "{after:?}: a call was sent twice");
    }
}

/// What an upstream says of credentials is about its own, which the client has none of. Its status is kept
/// otherwise, where it says why; what is no answer of MCP's is a fault.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_client_takes_the_upstreams_refusal_for_the_gateways() {
    let spine = Spine::start().await;
    let problem = r#"{"error":"invalid_token"}"#;
    for (fixed, expected) in [
        (
            Fixed::new(401, "application/json", problem).with("WWW-Authenticate", "Bearer realm=\"theirs\""),
            502,
        ),
        (Fixed::new(404, "text/html", "<h1>not here</h1>"), 502),
        (Fixed::new(403, "application/json", problem.replace("invalid_token", "not_here").as_str()), 403),
        (Fixed::new(500, "text/html", "<h1>broken</h1>"), 502),
        (Fixed::new(200, "text/html", "<h1>log in</h1>"), 502),
        (
            Fixed::new(
                503,
                "application/json",
                r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"busy"}}"#,
            ),
            503,
        ),
    ] {
        let upstream = Upstream::start(fixed.clone()).await;
        let ready = spine.ready(&upstream).await;
        let answer = call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret).send(spine.public).await;
        assert_eq!(answer.status, expected, "{fixed:?}: {answer:?}");
        assert_eq!(answer.header("www-authenticate"), None, "{fixed:?}");
        assert!(
            !answer.text().contains("<h1>") && !answer.text().contains("invalid_token"),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_pass_by_an_allow_list_both_ways() {
    let spine = Spine::start().await;
    let server = McpServer::default()
        .with("Set-Cookie", "theirs=1")
        .with("Location", "https://evil.example/")
        .with("Access-Control-Allow-Origin", "*")
        .with("Access-Control-Allow-Credentials", "true")
        .with("Server", "theirs/1.0")
        .with("X-Internal", "secret");
    let upstream = Upstream::start(server).await;
    let ready = spine.ready(&upstream).await;
    let ask = call(&ready.path, "echo", &json!({}))
        .bearer(&ready.key.secret)
        .header("Cookie", "ours=1")
        .header("X-Forwarded-For", "203.0.113.9")
        .header("Mcp-Param-Region", "eu");
    let answer = ask.send(spine.public).await.expect(200);
    for name in [
        "set-cookie",
        "location",
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "x-internal",
    ] {
        assert_eq!(answer.header(name), None, "{answer:?}");
    }
    for call in upstream.received() {
        for name in ["cookie", "x-api-key", "x-forwarded-for"] {
            assert_eq!(call.header(name), None, "{call:?}");
        }
        let all = format!("{:?}", call.headers);
        assert!(!all.contains(&ready.key.secret), "the client's key went upstream");
    }
    let seen = upstream.calls("tools/call");
    assert_eq!(seen.last().unwrap().header("mcp-param-region"), Some("eu"));
    // A session of the upstream's passes under another name of ours only.
    let welcome = initialize(&ready.path).bearer(&ready.key.secret).send(spine.public).await.expect(200);
    assert_ne!(welcome.header("mcp-session-id"), Some("upstream-session-0"));
}

/// The answer is JSON of the gateway's own.
fn our_own(answer: &Answer) {
    assert!(answer.header("content-type").unwrap_or_default().starts_with("application/json"), "{answer:?}");
    assert_eq!(answer.header("www-authenticate"), None, "{answer:?}");
    assert!(answer.json()["error"]["code"].is_i64(), "{}", answer.text());
}
