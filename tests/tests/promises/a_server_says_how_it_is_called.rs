//! What a server's registration says of how its upstream is called is how it is called: where the identity token goes,
//! whose certificates are believed, how long an answer may take. And what comes of a URL is told as it is registered.

use std::time::Duration;

use events::clock::{Clock, SystemClock};
use keyledger_tests::mcp::call;
use keyledger_tests::poll;
use keyledger_tests::spine::{Organization, Spine, items, text};
use keyledger_tests::upstreams::{Authority, Fixed, Hanging, McpServer, Redirecting, TlsFront, Upstream};
use keyledger_tests::wire::{Answer, Ask};
use serde_json::{Value, json};

use crate::the_command_line_speaks_the_api::Shell;

/// Where clients reach it, and whom its verifier must expect tokens to be for: told as it is registered, and later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_clients_url_and_its_audience_are_told() {
    let spine = Spine::start().await;
    let shell = Shell::of(&spine);
    spine.organization("acme").await;
    let url = format!("{}/mcp/acme/docs", spine.config.public_url.origin().ascii_serialization());
    let (of, server) =
        (["--organization", "acme"], ["docs", "--upstream", "https://docs.example/mcp", "--no-try"]);
    let said = shell.done(&[&["servers", "register"], &server[..], &of].concat()).await;
    let (id, _) = said.split_once(':').unwrap();
    let audience = format!("urn:keyledger:server:{id}");
    assert_eq!(said, format!("{id}: registered\nclients use: {url}\nits tokens are for: {audience}\n"));
    let (shown, _) = poll::until("it is shown", Duration::from_secs(20), async || {
        match shell.run(&[&["servers", "show", "docs"][..], &of].concat()).await {
            said if said.code == 0 => Ok(said.out),
            said => Err(said.err),
        }
    })
    .await;
    assert!(shown.contains(&url) && shown.contains(&audience), "{shown}");
}

/// The settings of a server are set, and the node knows it.
async fn set(spine: &Spine, organization: &Organization, server: &str, settings: Value) {
    let path = format!("{}/{server}", organization.path("servers"));
    spine.write(Ask::new("PATCH", path).json(&json!({"settings": settings, "try_upstream": false}))).await;
}

async fn echo(spine: &Spine, path: &str, key: &str) -> Answer {
    call(path, "echo", &json!({"text": "hi"})).bearer(key).send(spine.public).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_identity_token_goes_where_the_server_wants_it() {
    let spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let sent = async || {
        echo(&spine, &ready.path, &ready.key.secret).await.expect(200);
        upstream.calls("tools/call").pop().unwrap()
    };
    assert!(sent().await.header("authorization").unwrap().starts_with("Bearer eyJ"));
    set(&spine, &ready.organization, &ready.server, json!({"credentials": "header:x-identity-token"})).await;
    let call = sent().await;
    assert!(call.header("x-identity-token").unwrap().starts_with("eyJ"), "{call:?}");
    assert_eq!(call.header("authorization"), None);
    set(&spine, &ready.organization, &ready.server, json!({"credentials": "none"})).await;
    let call = sent().await;
    assert_eq!((call.header("x-identity-token"), call.header("authorization")), (None, None));
    let all = format!("{:?}", call.headers);
    assert!(!all.contains("eyJ"), "a token went up: {all}");
    set(&spine, &ready.organization, &ready.server, json!({"credentials": null})).await;
    assert!(sent().await.header("authorization").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_given_back_as_they_were_set() {
    let spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let pem = format!("\n{}\r\n", Authority::new().pem());
    let settings = json!({
        "credentials": "header:x-identity-token", "ca": pem, "response_timeout_seconds": 0.1,
        "idle_timeout_seconds": 3_600.0,
    });
    let path = format!("{}/{}", ready.organization.path("servers"), ready.server);
    let change = Ask::new("PATCH", &*path).json(&json!({"settings": settings, "try_upstream": false}));
    let position = text(&spine.write(change).await, "position");
    let shown = spine.admin(Ask::get(format!("{path}?at_least={position}"))).await.expect(200).json();
    assert_eq!(shown["settings"], settings);
    let listed = spine.admin(Ask::get(ready.organization.path("servers"))).await.expect(200);
    assert_eq!(items(&listed)[0]["settings"], settings);
    for wrong in [
        json!({"credentials": "header:host"}),
        json!({"credentials": "header:mcp-session-id"}),
        json!({"credentials": "basic"}),
        json!({"ca": "none"}),
        json!({"ca": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"}),
        json!({"ca": Authority::new().pem().replace("CERTIFICATE", "PRIVATE KEY")}),
        json!({"response_timeout_seconds": 0}),
        json!({"response_timeout_ms": 500}),
        json!({"idle_timeout_seconds": 3_600.001}),
        json!({"redirects": true}),
    ] {
        let refused = spine.admin(Ask::new("PATCH", &*path).json(&json!({"settings": wrong}))).await;
        assert_eq!(refused.status, 400, "{wrong}: {refused:?}");
        assert!(text(&refused.json(), "field").starts_with("settings"), "{}", refused.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_authorities_are_believed_where_they_are_given() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, ours.pem()).unwrap();
    let spine = Spine::with(|config| config.upstreams.ca_file = Some(ca_file)).await;
    let upstream = Upstream::start(McpServer::default()).await;
    let (known, unknown) =
        (TlsFront::start(&ours, &upstream).await, TlsFront::start(&theirs, &upstream).await);
    let organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["mcp:*"]).await.secret;
    let known = spine.register(&organization, "known", &known.url()).await;
    let unknown = spine.register(&organization, "unknown", &unknown.url()).await;
    echo(&spine, &known.path, &key).await.expect(200);
    let refused = echo(&spine, &unknown.path, &key).await.expect(502);
    assert_eq!(refused.json()["error"]["data"]["reason"], "upstream_untrusted");
    // A server's own authority serves that server, and is the only one that does.
    set(&spine, &organization, &unknown.id, json!({"ca": theirs.pem()})).await;
    echo(&spine, &unknown.path, &key).await.expect(200);
    set(&spine, &organization, &known.id, json!({"ca": theirs.pem()})).await;
    echo(&spine, &known.path, &key).await.expect(502);
    set(&spine, &organization, &known.id, json!({"ca": null})).await;
    echo(&spine, &known.path, &key).await.expect(200);
}

/// Both are at one address: what was agreed on under one tenant's authority is no connection for another's call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_connection_is_shared_with_who_does_not_trust_it() {
    let spine = Spine::with(|config| config.listen.threads = 1).await;
    let upstream = Upstream::start(McpServer::default()).await;
    let authority = Authority::new();
    let front = TlsFront::start(&authority, &upstream).await;
    let organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["mcp:*"]).await.secret;
    let trusting = spine.register(&organization, "trusting", &front.url()).await;
    let other = spine.register(&organization, "other", &front.url()).await;
    set(&spine, &organization, &trusting.id, json!({"ca": authority.pem()})).await;
    for _ in 0..3 {
        echo(&spine, &trusting.path, &key).await.expect(200);
        echo(&spine, &other.path, &key).await.expect(502);
    }
    assert_eq!(upstream.calls("tools/call").len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_has_its_own_patience() {
    let spine = Spine::start().await;
    let upstream = Upstream::start(Hanging).await;
    let ready = spine.ready(&upstream).await;
    set(&spine, &ready.organization, &ready.server, json!({"response_timeout_seconds": 0.3})).await;
    let start = SystemClock.instant();
    echo(&spine, &ready.path, &ready.key.secret).await.expect(504);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}: the configuration's is 60 s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_is_told_who_calls() {
    let spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let ask =
        call(&ready.path, "echo", &json!({})).header("User-Agent", "client/7").bearer(&ready.key.secret);
    ask.send(spine.public).await.expect(200);
    let ours = upstream.calls("tools/call").pop().unwrap();
    assert!(ours.header("user-agent").unwrap().starts_with("keyledger/"), "{ours:?}");

    let spine = Spine::with(|config| config.upstreams.user_agent = gateway::config::UserAgent::Client).await;
    let ready = spine.ready(&upstream).await;
    let ask = call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret);
    ask.clone().header("User-Agent", "client/7").send(spine.public).await.expect(200);
    assert_eq!(upstream.calls("tools/call").pop().unwrap().header("user-agent"), Some("client/7"));
    ask.without("User-Agent").send(spine.public).await.expect(200);
    let ours = upstream.calls("tools/call").pop().unwrap();
    assert!(ours.header("user-agent").unwrap().starts_with("keyledger/"), "{ours:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_says_it_is_not_encoded_passes() {
    let spine = Spine::start().await;
    let body = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    for (coding, status) in
        [("none", 200), ("Identity", 200), ("identity, identity", 200), ("", 200), ("identity, gzip", 502)]
    {
        let upstream = Fixed::new(200, "application/json", body).with("Content-Encoding", coding);
        let upstream = Upstream::start(upstream).await;
        let ready = spine.ready(&upstream).await;
        let answer = echo(&spine, &ready.path, &ready.key.secret).await;
        assert_eq!(answer.status, status, "{coding:?}: {answer:?}");
        assert_eq!(answer.header("content-encoding"), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_found_at_an_upstream_is_said_when_it_is_registered() {
    let spine = Spine::with(|config| config.upstreams.allow = vec!["127.0.0.1/32".parse().unwrap()]).await;
    let organization = spine.organization("acme").await;
    let upstream = Upstream::start(McpServer::default()).await;
    let wants = Upstream::start(Fixed::new(401, "text/plain", "who?")).await;
    let redirects = Upstream::start(Redirecting { status: 308, to: upstream.url() }).await;
    let page = Upstream::start(Fixed::new(404, "text/html", "<h1>not here</h1>")).await;
    let hangs = Upstream::start(Hanging).await;
    let authority = Authority::new();
    let front = TlsFront::start(&authority, &upstream).await;
    let gone = {
        let gone = Upstream::start(McpServer::default()).await;
        gone.url()
    };
    let cases = [
        (upstream.url(), "answers", "2025-11-25"),
        (wants.url(), "wants_credentials", "401"),
        (redirects.url(), "redirects", "final URL"),
        (page.url(), "no_mcp", "404"),
        (hangs.url(), "timeout", "3 s"),
        (gone, "unreachable", "Nobody answers"),
        (front.url(), "untrusted", "upstreams.ca_file"),
        ("https://127.0.0.2:1/mcp".to_owned(), "address_refused", "upstreams.allow"),
        ("https://10.1.2.3/mcp".to_owned(), "address_refused", "upstreams.allow"),
    ];
    for (number, (url, outcome, word)) in cases.into_iter().enumerate() {
        let body = json!({"slug": format!("s-{number}"), "name": "Test", "upstream": url});
        let written = spine.admin(Ask::post(organization.path("servers"), &body)).await.expect(201).json();
        let found = &written["found"];
        assert_eq!(found["outcome"], outcome, "{url}: {written}");
        assert!(text(found, "detail").contains(word), "{url}: {found}");
    }
    // A change is tried as well, with the authority that it brings; what changes nothing of the way is not.
    let servers = items(&spine.admin(Ask::get(organization.path("servers"))).await.expect(200));
    let front = servers.iter().find(|server| server["slug"] == "s-6").unwrap();
    let path = format!("{}/{}", organization.path("servers"), text(front, "id"));
    let change = |body: Value| Ask::new("PATCH", &*path).json(&body);
    let written = spine.admin(change(json!({"settings": {"ca": authority.pem()}}))).await.expect(200).json();
    assert_eq!(written["found"]["outcome"], "answers", "{written}");
    let written = spine.admin(change(json!({"name": "Another"}))).await.expect(200).json();
    assert_eq!(written["found"], Value::Null, "{written}");
    // The trial's sessions are ended, and no token went with it.
    let seen = upstream.received();
    assert!(seen.iter().any(|call| call.method == "DELETE"), "{seen:#?}");
    assert!(seen.iter().all(|call| call.header("authorization").is_none()), "{seen:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn off_this_machine_nothing_is_called_without_tls_unless_that_is_opened() {
    let everywhere = vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
    let spine = Spine::with(|config| config.upstreams.allow = everywhere.clone()).await;
    let organization = spine.organization("acme").await;
    let register = |slug: &str, upstream: &str| {
        let body = json!({"slug": slug, "name": "Test", "upstream": upstream, "try_upstream": false});
        Ask::post(organization.path("servers"), &body)
    };
    for url in ["http://10.0.0.1/mcp", "http://tools.example.com/mcp", "http://[2001:db8::1]/mcp"] {
        let refused = spine.admin(register("refused", url)).await.expect(400).json();
        assert_eq!(refused["field"], "upstream");
        assert!(text(&refused, "detail").contains("upstreams.allow_http"), "{refused}");
    }
    for (slug, url) in
        [("v4", "http://127.0.0.1:1/mcp"), ("v6", "http://[::1]:1/mcp"), ("name", "http://localhost/")]
    {
        spine.admin(register(slug, url)).await.expect(201);
    }
    let server = spine.register(&organization, "tools", "https://tools.example.com/mcp").await;
    let path = format!("{}/{}", organization.path("servers"), server.id);
    let change = Ask::new("PATCH", path).json(&json!({"upstream": "http://tools.example.com/mcp"}));
    spine.admin(change).await.expect(400);
}

/// It was registered while that was allowed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_without_tls_is_not_called_any_more_once_that_is_closed() {
    let everywhere: Vec<_> = vec!["0.0.0.0/0".parse().unwrap()];
    let open = everywhere.clone();
    let mut spine = Spine::with(|config| {
        config.upstreams.allow = open.clone();
        config.upstreams.allow_http = open;
        config.upstreams.connect_timeout_ms = 300;
    })
    .await;
    let organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["mcp:*"]).await.secret;
    let path = spine.register(&organization, "tools", "http://192.0.2.1/mcp").await.path;
    spine.stop_node().await;
    spine.config.upstreams.allow_http.clear();
    spine.start_node().await;
    spine.becomes_ready().await;
    let refused = echo(&spine, &path, &key).await.expect(502);
    assert_eq!(refused.json()["error"]["data"]["reason"], "upstream_plain_http");
}
