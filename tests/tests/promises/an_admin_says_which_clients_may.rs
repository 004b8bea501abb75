//! An operator registers a client, and an organization says whether its people may use it: each of these holds for what was
//! granted before, at once.

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use events::clock::{Clock, SystemClock};
use issuer::{CLIENT, Issuer, SECRET};
use keyledger_tests::oauth::{self, Client, Server};
use keyledger_tests::person::{Browser, Page};
use keyledger_tests::poll;
use keyledger_tests::spine::{Ready, Spine, items, text};
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::{Answer, Ask};
use serde_json::{Value, json};

use crate::the_command_line_speaks_the_api::Shell;

const PUBLIC: &str = "https://mcp.example.com";
const REDIRECT: &str = "http://localhost:51234/callback";

/// A person who is signed in, before a server that clients may be let in to.
struct World {
    spine: Spine,
    ready: Ready,
    server: Server,
    browser: Browser,
    _provider: Issuer,
    _upstream: Upstream,
}

fn redirects() -> Value {
    json!(["http://localhost/callback"])
}

impl World {
    async fn new() -> Self {
        let provider = Issuer::start().await.unwrap();
        provider.allow_redirect(CLIENT, &format!("{PUBLIC}/sign-in/callback"));
        provider.signs_in(Some("anna"));
        let upstream = Upstream::start(McpServer::default()).await;
        let spine = Spine::start().await;
        let ready = spine.ready(&upstream).await;
        let group = issuer::Person::cast()[0].groups[0].clone();
        let rules = json!([{"claim": "groups", "value": group, "role": "developer", "scopes": ["mcp:*"]}]);
        let issuer = json!({
            "slug": "idp",
            "name": "Our people",
            "protocol": {"kind": "openid", "issuer": provider.url()},
            "settings": {"client_id": CLIENT, "rules": rules},
            "credential": {"secret": SECRET},
        });
        spine.write(Ask::post(ready.organization.path("issuers"), &issuer)).await;
        let here = format!("http://{}", spine.public);
        let document = Ask::get("/.well-known/oauth-authorization-server").send(spine.public).await;
        let server =
            Server(serde_json::from_str(&document.expect(200).text().replace(PUBLIC, &here)).unwrap());
        // The provider sends the browser to the public address, which is here.
        let mut away = Browser::that_ends_at(PUBLIC);
        let page = away.open(&format!("{here}/account")).await;
        let link = page.links.iter().find(|link| link.path().starts_with("/sign-in/")).expect("a provider");
        let back = away.open(link.as_str()).await.url.as_str().replace(PUBLIC, &here);
        let mut browser = Browser::that_ends_at("http://localhost:51234/");
        browser.cookies = away.cookies;
        let account = browser.open(&back).await;
        assert_eq!(account.url.path(), "/account", "{}", account.answer.text());
        Self { spine, ready, server, browser, _provider: provider, _upstream: upstream }
    }

    /// A client of the installation that an operator registers.
    async fn registered(&self, name: &str, mut metadata: Value) -> (Client, Value) {
        metadata["redirect_uris"] = redirects();
        let body = json!({"name": name, "metadata": metadata});
        let written = self.spine.write(Ask::post("/api/v1/clients", &body)).await;
        let secret = written["secret"].as_str().map(str::to_owned);
        (Client { id: text(&written, "id"), secret, redirect: REDIRECT.to_owned() }, written)
    }

    /// The page that a person is shown when the client asks.
    async fn asked(&mut self, client: &Client) -> (oauth::Authorization, Page) {
        let resource = format!("{PUBLIC}{}", self.ready.path);
        let asked = client.authorization("").with("resource", &resource);
        let page = self.browser.open(&self.server.authorize(&asked)).await;
        (asked, page)
    }

    /// A code that the person lets the client have.
    async fn code(&mut self, client: &Client) -> (oauth::Authorization, String) {
        let (asked, page) = self.asked(client).await;
        let end = self.browser.press(&page, "allow").await;
        (asked, end.query()["code"].clone())
    }

    /// What the client comes to, and how the call is refused where it is.
    async fn call(&self, token: &str) -> Result<(), String> {
        let params = json!({"name": "echo", "arguments": {}});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let ask = Ask::post(&*self.ready.path, &body).header("Accept", "application/json, text/event-stream");
        let answer = ask.bearer(token).send(self.spine.public).await;
        if answer.status == 200 {
            return Ok(());
        }
        Err(answer.json()["error"]["data"]["reason"].as_str().unwrap_or_default().to_owned())
    }

    async fn fleet(&self, method: &'static str, path: &str, body: &Value) -> Value {
        self.spine.write(Ask::new(method, format!("{path}?wait=fleet")).json(body)).await
    }
}

fn error(answer: Answer, status: u16) -> String {
    text(&answer.expect(status).json(), "error")
}

fn token(tokens: &Answer) -> String {
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    text(&tokens.json(), "access_token")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_its_registration_to_its_end() {
    let mut world = World::new().await;
    let method = json!({"token_endpoint_auth_method": "client_secret_post"});
    let (client, written) = world.registered("Desk", method).await;
    let path = format!("/api/v1/clients/{}", client.id);
    let read = format!("{path}?at_least={}", text(&written, "position"));
    let shown = world.spine.admin(Ask::get(read)).await.expect(200).json();
    assert_eq!((&shown["name"], &shown["origin"]), (&"Desk".into(), &"given".into()));
    let secret = client.secret.clone().unwrap();
    assert!(secret.starts_with("kl_client_") && !shown.to_string().contains(&secret), "{shown}");

    let (asked, page) = world.asked(&client).await;
    let said = page.answer.text();
    assert!(said.contains("calls itself") && said.contains("Desk"), "{said}");
    let end = world.browser.press(&page, "allow").await;
    let code = end.query()["code"].clone();
    let wrong = Client { secret: Some(format!("{secret}x")), ..client.clone() };
    let refused = world.server.redeem(&wrong, &asked, &code, &[]).await;
    assert_eq!(error(refused, 401), "invalid_client");
    let tokens = world.server.redeem(&client, &asked, &code, &[]).await;
    let (access, refresh) = (token(&tokens), text(&tokens.json(), "refresh_token"));
    world.call(&access).await.unwrap();
    let account = world.browser.open(&format!("http://{}/account", world.spine.public)).await;
    assert!(account.answer.text().contains("Desk"), "{}", account.answer.text());

    // Where its people need an approval, what was granted rests until there is one.
    let organization = world.ready.organization.clone();
    let requirement = organization.path("client-approval");
    let required = world.fleet("PUT", &requirement, &json!({"required": true})).await;
    assert_eq!(world.call(&access).await, Err("client_not_approved".to_owned()));
    let seen = format!("/api/v1/organizations/{}?at_least={}", organization.id, text(&required, "position"));
    assert_eq!(world.spine.admin(Ask::get(seen)).await.json()["client_approval_required"], true);
    let (_, page) = world.asked(&client).await;
    let give = format!("keyledger approvals give {} --organization {}", client.id, organization.slug);
    assert!(page.answer.status == 403 && page.answer.text().contains(&give), "{}", page.answer.text());
    let shell = Shell::of(&world.spine);
    let give: Vec<&str> = give.split(' ').skip(1).chain(["--wait", "fleet"]).collect();
    let given: Value = serde_json::from_str(&shell.done(&[&give[..], &["--json"]].concat()).await).unwrap();
    world.call(&access).await.unwrap();
    let since = text(&given, "position");
    let list = ["approvals", "list", "--organization", organization.slug.as_str(), "--at-least", &since];
    let listed = shell.done(&list).await;
    assert!(listed.contains(&client.id), "{listed}");
    // Also one that nobody has used is named, by its document.
    let document = "https://client.example.com/oauth/client.json";
    let given = shell.run(&["approvals", "give", document, "--organization", &organization.slug]).await;
    assert!(given.code == 0 && given.err.contains("Nobody here has used"), "{}{}", given.out, given.err);
    drop(shell);
    let approval = format!("{}/{}", organization.path("approvals"), client.id);
    world.fleet("DELETE", &approval, &json!({"reason": "a test"})).await;
    assert_eq!(world.call(&access).await, Err("client_not_approved".to_owned()));
    world.fleet("PUT", &requirement, &json!({"required": false})).await;
    world.call(&access).await.unwrap();

    // A second secret, and the first no more.
    let second = world.fleet("POST", &format!("{path}/secrets"), &json!({})).await;
    let changed = Client { secret: Some(text(&second, "secret")), ..client.clone() };
    world.fleet("DELETE", &format!("{path}/secrets/{}", text(&written, "secret_id")), &json!({})).await;
    let refused = world.server.refresh(&client, &refresh, &[]).await;
    assert_eq!(error(refused, 401), "invalid_client");
    let tokens = world.server.refresh(&changed, &refresh, &[]).await;
    let (access, refresh) = (token(&tokens), text(&tokens.json(), "refresh_token"));

    world.fleet("POST", &format!("{path}/disable"), &json!({"reason": "a test"})).await;
    assert_eq!(world.call(&access).await, Err("client_disabled".to_owned()));
    let refused = world.server.refresh(&changed, &refresh, &[]).await;
    assert_eq!(error(refused, 401), "invalid_client");
    let (_, page) = world.asked(&client).await;
    assert!(page.answer.status >= 400 && page.url.path() != "/consent", "{}", page.url);
    world.fleet("POST", &format!("{path}/enable"), &json!({})).await;
    world.call(&access).await.unwrap();

    let removed = world.fleet("DELETE", &path, &json!({})).await;
    assert_eq!(world.call(&access).await, Err("client_gone".to_owned()));
    let refused = world.server.refresh(&changed, &refresh, &[]).await;
    assert_eq!(error(refused, 401), "invalid_client");
    let listed = format!("/api/v1/clients?at_least={}", text(&removed, "position"));
    let listed = items(&world.spine.admin(Ask::get(listed)).await.expect(200));
    assert_eq!((&listed[0]["state"], &listed[0]["secrets"]), (&"removed".into(), &json!([])));
    let again = Ask::post(format!("{path}/enable"), &json!({}));
    assert!(text(&world.spine.admin(again).await.expect(409).json(), "type").ends_with("client-removed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_method_by_which_a_registered_client_proves_who_it_is_works() {
    let mut world = World::new().await;
    let of = |method: &str| json!({"token_endpoint_auth_method": method});

    let (client, written) = world.registered("Public", of("none")).await;
    assert!(written["secret"].is_null() && written["notice"].is_null(), "{written}");
    let (asked, code) = world.code(&client).await;
    world.call(&token(&world.server.redeem(&client, &asked, &code, &[]).await)).await.unwrap();

    // RFC 7591 §2: what is left out is client_secret_basic.
    let (client, _) = world.registered("Basic", json!({})).await;
    let (asked, code) = world.code(&client).await;
    let basic = STANDARD.encode(format!("{}:{}", client.id, client.secret.as_deref().unwrap()));
    let form = format!(
        "grant_type=authorization_code&code={code}&code_verifier={}&redirect_uri=http%3A%2F%2Flocalhost%3A51234%2Fcallback",
        asked.verifier
    );
    let ask = Ask::new("POST", "/oauth/token")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("Authorization", format!("Basic {basic}"))
        .body(form);
    world.call(&token(&ask.send(world.spine.public).await)).await.unwrap();

    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).unwrap();
    let point = pair.public_key().as_ref();
    let [x, y] = [1..33, 33..65].map(|half| URL_SAFE_NO_PAD.encode(&point[half]));
    let mut metadata = of("private_key_jwt");
    metadata["jwks"] = json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "1", "x": x, "y": y}]});
    let (client, written) = world.registered("Signing", metadata).await;
    assert!(written["secret"].is_null(), "{written}");
    let (asked, code) = world.code(&client).await;
    let refused = world.server.redeem(&client, &asked, &code, &[]).await;
    assert_eq!(error(refused, 401), "invalid_client");
    let now = SystemClock.now().unix_seconds();
    let claims = json!({
        "iss": client.id, "sub": client.id, "aud": PUBLIC, "iat": now, "exp": now + 60, "jti": "once",
    });
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "ES256", "kid": "1", "typ": "JWT"})), part(&claims));
    let signature = pair.sign(&random, signed.as_bytes()).unwrap();
    let assertion = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()));
    let proof = [
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion.as_str()),
    ];
    world.call(&token(&world.server.redeem(&client, &asked, &code, &proof).await)).await.unwrap();
    let (asked, code) = world.code(&client).await;
    let replayed = world.server.redeem(&client, &asked, &code, &proof).await;
    assert_eq!(error(replayed, 401), "invalid_client", "an assertion counts once");

    // What could never work is refused with what is wrong, and where.
    for (metadata, field) in [
        (json!({"redirect_uris": []}), "metadata.redirect_uris"),
        (json!({"redirect_uris": ["http://a.example/cb"]}), "metadata.redirect_uris"),
        (json!({"redirect_uris": ["evil://cb"]}), "metadata.redirect_uris"),
        (
            json!({"redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "tls_client_auth"}),
            "metadata.token_endpoint_auth_method",
        ),
        (
            json!({"redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "private_key_jwt"}),
            "metadata.jwks",
        ),
        (
            json!({"redirect_uris": ["https://a.example/cb"], "grant_types": ["password"]}),
            "metadata.grant_types",
        ),
    ] {
        let body = json!({"name": "Wrong", "metadata": metadata});
        let problem = world.spine.admin(Ask::post("/api/v1/clients", &body)).await.expect(400).json();
        assert_eq!(problem["field"], field, "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_registered_itself_manages_itself_before_and_after_its_first_consent() {
    let mut world = World::new().await;
    let body = json!({
        "client_name": "Own",
        "redirect_uris": redirects(),
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["authorization_code", "refresh_token"],
    });
    let registered = world.server.register(&body).await.expect(201).json();
    let client = Client::registered(&registered, REDIRECT);
    let uri = text(&registered, "registration_client_uri").replace(PUBLIC, "");
    let management = text(&registered, "registration_access_token");
    let public = world.spine.public;
    let manage = async |ask: Ask, token: &str| ask.bearer(token).send(public).await;
    assert_eq!(manage(Ask::get(uri.as_str()), &management).await.expect(200).json()["client_name"], "Own");
    assert_eq!(manage(Ask::get(uri.as_str()), "x").await.status, 401);

    let (asked, code) = world.code(&client).await;
    let tokens = world.server.redeem(&client, &asked, &code, &[]).await;
    let (access, refresh) = (token(&tokens), text(&tokens.json(), "refresh_token"));
    poll::until("it is listed", Duration::from_secs(20), async || {
        let listed = items(&world.spine.admin(Ask::get("/api/v1/clients")).await.expect(200));
        let is_there =
            listed.iter().any(|item| item["id"] == client.id.as_str() && item["origin"] == "dynamic");
        if is_there { Ok(()) } else { Err(listed) }
    })
    .await;
    // It is an event by now, and its secret came along.
    assert_eq!(world.server.refresh(&client, &refresh, &[]).await.status, 200);
    let read = manage(Ask::get(uri.as_str()), &management).await.expect(200).json();
    assert_eq!((&read["client_name"], &read["redirect_uris"]), (&"Own".into(), &redirects()));
    assert_eq!(manage(Ask::get(uri.as_str()), "x").await.status, 401);

    let mut body = body;
    body["redirect_uris"] = json!(["http://localhost/callback", "http://127.0.0.1/other"]);
    let changed = manage(Ask::new("PUT", uri.as_str()).json(&body), &management).await.expect(200).json();
    assert_eq!(changed["redirect_uris"], body["redirect_uris"]);
    let other = Client { redirect: "http://127.0.0.1:9/other".to_owned(), ..client.clone() };
    let (_, page) = world.asked(&other).await;
    assert_eq!(page.url.path(), "/consent", "{}", page.answer.text());
    // An operator has the last word, and does not write into what it says of itself.
    let path = format!("/api/v1/clients/{}", client.id);
    let patch = Ask::new("PATCH", path.as_str()).json(&json!({"name": "Mine"}));
    let refused = world.spine.admin(patch).await.expect(409).json();
    assert!(text(&refused, "type").ends_with("client-speaks-for-itself"), "{refused}");
    world.fleet("POST", &format!("{path}/disable"), &json!({})).await;
    assert_eq!(manage(Ask::get(uri.as_str()), &management).await.status, 403);
    world.fleet("POST", &format!("{path}/enable"), &json!({})).await;

    manage(Ask::new("DELETE", uri.as_str()), &management).await.expect(204);
    assert_eq!(world.call(&access).await, Err("client_gone".to_owned()));
    assert_eq!(manage(Ask::get(uri.as_str()), &management).await.status, 401);
}
