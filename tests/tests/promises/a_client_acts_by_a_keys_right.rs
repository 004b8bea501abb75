//! A client that speaks OAuth alone acts by the right of a key: registered by itself, allowed on a page, and never longer or
//! wider than the key.

use keyledger_tests::oauth::{Authorization, Client, Server};
use keyledger_tests::person::Browser;
use keyledger_tests::spine::{Ready, Spine};
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::{Answer, Ask};
use serde_json::{Value, json};

mod attacks;
mod attempts;

const REDIRECT: &str = "http://localhost:51234/callback";

struct World {
    spine: Spine,
    ready: Ready,
    server: Server,
    client: Client,
    _upstream: Upstream,
}

impl World {
    async fn new() -> Self {
        let upstream = Upstream::start(McpServer::default()).await;
        let spine = Spine::start().await;
        let ready = spine.ready(&upstream).await;
        let none = Ask::get("/.well-known/oauth-authorization-server").send(spine.public).await;
        assert_eq!(none.status, 404, "nobody can sign in: nothing speaks of it");
        let issuer = json!({
            "slug": "idp",
            "name": "Our people",
            "protocol": {"kind": "openid", "issuer": "https://idp.example.com"},
            "settings": {"client_id": "keyledger"},
        });
        let issuers = format!("/api/v1/organizations/{}/issuers", ready.organization.id);
        spine.write(Ask::post(issuers, &issuer)).await;
        let document =
            Ask::get("/.well-known/oauth-authorization-server").send(spine.public).await.expect(200);
        // What clients are told of is nowhere: its own address stands in its place.
        let here = format!("http://{}", spine.public);
        let server =
            Server(serde_json::from_str(&document.text().replace("https://mcp.example.com", &here)).unwrap());
        let body = json!({
            "client_name": "Test",
            "redirect_uris": ["http://localhost/callback"],
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
        });
        let client = Client::registered(&server.register(&body).await.expect(201).json(), REDIRECT);
        Self { spine, ready, server, client, _upstream: upstream }
    }

    fn resource(&self) -> String {
        format!("https://mcp.example.com{}", self.ready.path)
    }

    fn asked(&self) -> Authorization {
        self.client.authorization("").with("resource", &self.resource())
    }

    /// Signs in by the key and allows what is asked for; the code.
    async fn code(&self, browser: &mut Browser, authorization: &Authorization) -> String {
        let page = browser.open(&self.server.authorize(authorization)).await;
        let form =
            page.forms.iter().find(|form| form.action.path() == "/sign-in/key").expect("a form for a key");
        let page = browser.submit(&page, &form.clone().with("key", &self.ready.key.secret)).await;
        assert_eq!(page.url.path(), "/consent", "{}", page.answer.text());
        let text = page.answer.text();
        for shown in ["localhost", "Test", "Everything that this server offers", REDIRECT] {
            assert!(text.contains(shown), "{shown} is not in {text}");
        }
        let page = browser.press(&page, "allow").await;
        let query = page.query();
        assert_eq!(query.get("state").map(String::as_str), Some(authorization.state()), "{}", page.url);
        assert_eq!(query.get("iss").map(String::as_str), Some("https://mcp.example.com"));
        query.get("code").unwrap_or_else(|| panic!("no code: {} {}", page.url, page.answer.text())).clone()
    }

    async fn tokens(&self) -> Value {
        let authorization = self.asked();
        let code = self.code(&mut Browser::that_ends_at("http://localhost:51234/"), &authorization).await;
        self.server.redeem(&self.client, &authorization, &code, &[]).await.expect(200).json()
    }
}

fn error(answer: &Answer) -> String {
    answer.json()["error"].as_str().unwrap_or_default().to_owned()
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {tokens:#}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_becomes_tokens_once_and_a_replay_ends_them() {
    let world = World::new().await;
    let authorization = world.asked();
    let code = world.code(&mut Browser::that_ends_at("http://localhost:51234/"), &authorization).await;
    let redeem = |more: &'static [(&'static str, &'static str)]| {
        world.server.redeem(&world.client, &authorization, &code, more)
    };
    for (more, wanted) in [
        (&[("code_verifier", "")][..], "invalid_request"),
        (&[("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")][..], "invalid_grant"),
        (&[("redirect_uri", "http://localhost:51234/other")][..], "invalid_grant"),
        (&[("resource", "https://mcp.example.com/mcp/other/tools")][..], "invalid_target"),
        (&[("client_secret", "x")][..], "invalid_client"),
    ] {
        assert_eq!(error(&redeem(more).await), wanted, "{more:?}");
    }
    let answer = redeem(&[]).await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let tokens = answer.json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert!(text(&tokens, "scope").starts_with("mcp:"), "{tokens}");
    let refreshed =
        world.server.refresh(&world.client, text(&tokens, "refresh_token"), &[]).await.expect(200).json();
    // A second time: what the first gave is over.
    assert_eq!(error(&redeem(&[]).await), "invalid_grant");
    let after = world.server.refresh(&world.client, text(&refreshed, "refresh_token"), &[]).await;
    assert_eq!(error(&after), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_has_one_successor_and_an_old_one_ends_the_grant() {
    let world = World::new().await;
    let tokens = world.tokens().await;
    let first = text(&tokens, "refresh_token");
    let (one, other) = tokio::join!(
        world.server.refresh(&world.client, first, &[]),
        world.server.refresh(&world.client, first, &[]),
    );
    let (one, other) = (one.expect(200).json(), other.expect(200).json());
    let second = text(&one, "refresh_token");
    assert_eq!(second, text(&other, "refresh_token"), "two at once get the same");
    let third = world.server.refresh(&world.client, second, &[]).await.expect(200).json();
    // Its successor was used: whoever brings the first one now has stolen it, or was robbed.
    assert_eq!(error(&world.server.refresh(&world.client, first, &[]).await), "invalid_grant");
    let last = world.server.refresh(&world.client, text(&third, "refresh_token"), &[]).await;
    assert_eq!(error(&last), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_key_gave_falls_with_the_key() {
    let world = World::new().await;
    let tokens = world.tokens().await;
    let revoked = world.spine.change_key(&world.ready.organization, &world.ready.key.id, "revoke").await;
    world.spine.follows(revoked["position"].as_str().unwrap()).await;
    let refused = world.server.refresh(&world.client, text(&tokens, "refresh_token"), &[]).await;
    assert_eq!(error(&refused), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_decides_for_somebody_else() {
    let world = World::new().await;
    let authorization = world.asked();
    let mut browser = Browser::that_ends_at("http://localhost:51234/");
    let page = browser.open(&world.server.authorize(&authorization)).await;
    let form = page.forms.iter().find(|form| form.action.path() == "/sign-in/key").unwrap().clone();
    let form = form.with("key", &world.ready.key.secret);
    // Another browser, which has not been shown the form (login CSRF).
    let elsewhere = Browser::default().submit(&page, &form).await;
    assert_eq!(elsewhere.answer.status, 400);
    let before = browser.clone();
    let page = browser.submit(&page, &form).await;
    let decision = page.forms.iter().find(|form| form.action.path() == "/consent").unwrap().clone();
    let decision = decision.with("decision", "allow");
    let denied = before.clone().submit(&page, &decision).await;
    assert_ne!(denied.url.host_str(), Some("localhost"), "nobody is signed in there: {}", denied.url);
    let forged = browser.submit(&page, &decision.clone().with("token", "x")).await;
    assert_eq!(forged.answer.status, 400, "{}", forged.answer.text());
    let policy = page.answer.header("content-security-policy").unwrap_or_default();
    assert!(
        policy.contains("frame-ancestors 'none'")
            && policy.contains("form-action 'self' http://localhost:51234"),
        "{policy}"
    );
    // Loaded twice, the page's form works; decided once, it is over.
    browser.open(page.url.as_str()).await;
    let allowed = browser.submit(&page, &decision).await;
    assert!(allowed.query().contains_key("code"), "{}", allowed.url);
    let again = browser.submit(&page, &decision).await;
    assert_eq!(again.answer.status, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_told_to_the_client_only_where_its_address_is_known() {
    let world = World::new().await;
    let open = async |authorization: &Authorization| {
        Browser::that_ends_at("http://localhost:51234/").open(&world.server.authorize(authorization)).await
    };
    for wrong in [
        world.asked().with("redirect_uri", "https://evil.example/cb"),
        world.asked().with("redirect_uri", "http://localhost:51234/callback/../x"),
        world.asked().with("client_id", "0190f1a8-0000-7000-8000-000000000001"),
        world.asked().without("client_id"),
        world.asked().without("redirect_uri"),
    ] {
        let page = open(&wrong).await;
        assert_eq!(page.answer.status, 400, "{:?}", wrong.parameters);
        assert!(page.answer.header("location").is_none());
    }
    for (wrong, code) in [
        (world.asked().without("code_challenge"), "invalid_request"),
        (world.asked().with("code_challenge_method", "plain"), "invalid_request"),
        (world.asked().with("response_type", "token"), "unsupported_response_type"),
        (world.asked().with("resource", "https://evil.example/mcp"), "invalid_target"),
        (world.asked().with("scope", "mcp:another"), "invalid_scope"),
        (world.asked().with("prompt", "none"), "login_required"),
    ] {
        let query = open(&wrong).await.query();
        assert_eq!(query.get("error").map(String::as_str), Some(code), "{query:?}");
        assert_eq!(query.get("iss").map(String::as_str), Some("https://mcp.example.com"));
        assert_eq!(query.get("state").map(String::as_str), Some(wrong.state()));
    }
}
