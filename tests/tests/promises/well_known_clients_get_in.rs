//! What well-known clients say of themselves, as they publish it, and how each asks: from registration, or its document, by
//! sign-in and consent to tokens, a call and a refresh. Their programs were not run; those that were are in
//! `official_clients_sign_in`.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as Rsa, KeySize};
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::clock::{Clock, SystemClock, SystemRandom as Drawn, uuid_v7};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::Jwk;
use keyledger_tests::mcp::stateless_call;
use keyledger_tests::oauth::{Client, Server};
use keyledger_tests::person::Browser;
use keyledger_tests::sign_in::SignIns;
use keyledger_tests::spine::text;
use serde_json::{Value, json};
use url::Url;

const DOCUMENTS: &str = include_str!("../../../gateway/src/oauth/client_metadata/documents.jsonl");
const REGISTRATIONS: &str = include_str!("../../../gateway/src/oauth/client_metadata/registrations.jsonl");
/// Of these the addresses alone are known, from what others say of them (2026-11-23).
const DESCRIBED: &str = include_str!("well_known_clients_get_in/described.jsonl");

/// How it spells the server's URL (RFC 8707).
#[derive(Clone, Copy)]
enum Resource {
    AsTyped,
    WithSlash,
    Origin,
    None,
}

/// How a client asks: where it is answered, and what else its request has.
struct Asks {
    client: &'static str,
    redirect: &'static str,
    resource: Resource,
    scope: &'static str,
    prompt: Option<&'static str>,
}

const fn asks(client: &'static str, redirect: &'static str) -> Asks {
    Asks { client, redirect, resource: Resource::AsTyped, scope: "mcp:demo", prompt: None }
}

const BY_DOCUMENT: &[Asks] = &[
    Asks {
        // The first of its scopes is empty, by a report.
        scope: " offline_access",
        prompt: Some("consent"),
        ..asks("Claude", "https://claude.ai/api/mcp/auth_callback")
    },
    Asks { resource: Resource::WithSlash, ..asks("Claude Code", "http://localhost:54545/callback") },
    asks("Visual Studio Code", "http://127.0.0.1:51000/"),
    asks("Visual Studio Code", "https://vscode.dev/redirect"),
    asks("Zed", "http://127.0.0.1:27523/callback"),
    asks("goose", "http://[::1]:50123/oauth_callback"),
    asks("ChatGPT", "https://chatgpt.com/connector_platform_oauth_redirect"),
];

const BY_REGISTRATION: &[Asks] = &[
    Asks { scope: "openid", ..asks("Visual Studio Code", "https://vscode.dev/redirect") },
    asks("Visual Studio Code", "http://127.0.0.1:60123/"),
    asks("Zed", "http://127.0.0.1:49152/callback"),
    Asks { scope: "", ..asks("MCP Inspector", "http://localhost:6274/oauth/callback") },
    asks("Cursor", "cursor://anysphere.cursor-mcp/oauth/callback"),
    asks("Claude", "https://claude.ai/api/mcp/auth_callback"),
    Asks { resource: Resource::Origin, ..asks("Claude Code", "http://localhost:3118/callback") },
    asks("ChatGPT", "https://chatgpt.com/connector/oauth/Ab3-x_9"),
    asks("Codex", "http://127.0.0.1:1455/callback/0f3a9c"),
    Asks {
        scope: "",
        ..asks("Microsoft Copilot Studio", "https://global.consent.azure-apim.net/redirect/crm-2dtool-5f1a2b")
    },
    asks("Devin", "https://api.devin.ai/mcp/oauth/callback"),
    asks("Gemini CLI", "http://localhost:41234/oauth/callback"),
    asks("Gemini", "https://oauth-redirect.googleusercontent.com/r/user_bound_4f2a"),
    asks("Antigravity", "https://antigravity.google/oauth-callback"),
    asks("goose", "http://127.0.0.1:50123/oauth_callback"),
    Asks { resource: Resource::None, scope: "", ..asks("n8n", "https://oauth.n8n.cloud/oauth2/callback") },
    asks("mcp-remote", "http://localhost:3335/oauth/callback"),
    asks("opencode", "http://127.0.0.1:19876/mcp/oauth/callback"),
    asks("Cline", "http://127.0.0.1:1461/mcp/oauth/callback"),
    asks("Le Chat", "https://callback.mistral.ai/v1/integrations_auth/oauth2_callback"),
    asks("Perplexity", "https://enterprise.perplexity.ai/rest/connections/oauth_callback"),
    asks("Grok", "https://grok.com/connectors-oauth-exchange-code/"),
    asks("Slack", "https://oauth2.slack.com/external/auth/callback"),
];

struct World {
    installation: SignIns,
    server: Server,
    /// Somebody who has signed in.
    person: Browser,
}

impl World {
    async fn new() -> Self {
        let installation = SignIns::with(|config| config.oauth.registrations_per_minute = 600).await;
        installation.provider.signs_in(Some("anna"));
        let (server, _) = Server::of(&installation.demo.url).await;
        let mut person = Browser::default();
        let page = person.open(&format!("{}/account", installation.public)).await;
        let page = person.open(page.links.first().expect("a way to the provider").as_str()).await;
        assert_eq!(page.url.path(), "/account", "{}", page.answer.text());
        Self { installation, server, person }
    }

    /// From the request to a call and a refresh. `proof`: what the client shows at the token endpoint each time.
    async fn gets_in(&self, id: &str, asks: &Asks, proof: impl Fn() -> Vec<(&'static str, String)>) {
        let what = asks.client;
        let typed = &self.installation.demo.url;
        let client = Client { id: id.to_owned(), secret: None, redirect: asks.redirect.to_owned() };
        let asked = client.authorization(asks.scope);
        let asked = match asks.resource {
            Resource::AsTyped => asked.with("resource", typed),
            Resource::WithSlash => asked.with("resource", &format!("{typed}/")),
            Resource::Origin => asked.with("resource", &self.installation.public),
            Resource::None => asked,
        };
        let asked = match asks.prompt {
            Some(prompt) => asked.with("prompt", prompt),
            None => asked,
        };
        let mut browser = Browser::that_ends_at(asks.redirect);
        browser.cookies.clone_from(&self.person.cookies);
        let page = browser.open(&self.server.authorize(&asked)).await;
        let end = if page.url.path() == "/consent" {
            let shown = page.answer.text();
            assert!(shown.contains(asks.redirect), "{what}: where the answer goes is not in {shown}");
            browser.press(&page, "allow").await
        } else {
            page
        };
        assert!(end.url.as_str().starts_with(asks.redirect), "{what}: {} {}", end.url, end.answer.text());
        let query = end.query();
        assert_eq!(query.get("state").map(String::as_str), Some(asked.state()), "{what}: {query:?}");
        assert_eq!(query.get("iss"), Some(&self.installation.public), "{what}: {query:?}");

        let shown = proof();
        let more: Vec<_> = shown.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let tokens = self.server.redeem(&client, &asked, &query["code"], &more).await.expect(200).json();
        self.calls(what, &tokens).await;
        let shown = proof();
        let more: Vec<_> = shown.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let refresh = text(&tokens, "refresh_token");
        let tokens = self.server.refresh(&client, &refresh, &more).await.expect(200).json();
        self.calls(what, &tokens).await;
    }

    async fn calls(&self, what: &str, tokens: &Value) {
        let ask = stateless_call(&self.installation.demo.path, "echo", &json!({"text": what}));
        let answer = ask.bearer(&text(tokens, "access_token")).send(self.installation.spine.public).await;
        assert!(answer.expect(200).text().contains(what), "{what}");
    }

    /// Publishes a client's document at a host of ours: the rest of its address, and what it says, are the client's.
    fn publish(&self, mut document: Value, keys: &Value) -> String {
        let url: Url = text(&document, "client_id").parse().expect("a URL");
        if document.get("jwks_uri").is_some() {
            document["jwks_uri"] =
                self.installation.documents.publish("/oauth/jwks.json", keys.clone()).into();
        }
        // Each at a path of its own: documents are kept for a while.
        let host = url.host_str().expect("a host");
        self.installation.documents.client(&format!("/{host}{}", url.path()), document)
    }
}

fn lines(of: &str) -> Vec<Value> {
    of.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn none() -> Vec<(&'static str, String)> {
    Vec::new()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_their_documents() {
    let world = Box::pin(World::new()).await;
    let key = Rsa::generate(KeySize::Rsa2048).expect("a key");
    let keys = published(&key);
    for document in lines(DOCUMENTS) {
        let name = text(&document, "client_name");
        let all: Vec<_> = BY_DOCUMENT.iter().filter(|asks| asks.client == name).collect();
        assert!(!all.is_empty(), "how does {name} ask?");
        let id = world.publish(document, &keys);
        for asks in all {
            world.gets_in(&id, asks, none).await;
            if name == "ChatGPT" {
                let audience = world.server.endpoint("token_endpoint");
                world.gets_in(&id, asks, || assertion(&key, &id, audience)).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_registering_themselves() {
    let world = Box::pin(World::new()).await;
    for body in [lines(REGISTRATIONS), lines(DESCRIBED)].concat() {
        let name = text(&body, "client_name");
        let all: Vec<_> = BY_REGISTRATION.iter().filter(|asks| asks.client == name).collect();
        assert!(!all.is_empty(), "how does {name} ask?");
        for asks in all {
            let registered = world.server.register(&body).await.expect(201).json();
            world.gets_in(&text(&registered, "client_id"), asks, none).await;
        }
    }
}

/// opencode's document names another path than opencode sends: its people learn why it is refused, and the client registers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_a_document_does_not_name_is_told_to_the_person() {
    let world = Box::pin(World::new()).await;
    let metadata = json!({
        "client_name": "opencode",
        "redirect_uris": ["http://127.0.0.1/oauth/callback"],
        "token_endpoint_auth_method": "none",
    });
    let id = world.installation.documents.client("/oauth/client.json", metadata);
    let sent = "http://127.0.0.1:19876/mcp/oauth/callback";
    let client = Client { id, secret: None, redirect: sent.to_owned() };
    let asked = client.authorization("").with("resource", &world.installation.demo.url);
    let page = Browser::that_ends_at(sent).open(&world.server.authorize(&asked)).await;
    assert_eq!(page.answer.status, 400);
    let shown = page.answer.text();
    assert!(shown.contains(sent) && shown.contains("has not registered it"), "{shown}");
}

/// Its public key as a JWK set (RFC 7517 §5).
fn published(key: &Rsa) -> Value {
    let public = DecodingKey::from_rsa_der(key.public_key().as_ref());
    let mut jwk = json!(Jwk::from_decoding_key(&public, None).expect("a public key"));
    jwk["kid"] = "one".into();
    jwk["use"] = "sig".into();
    json!({"keys": [jwk]})
}

/// A proof of this client for one request (RFC 7523 §3).
fn assertion(key: &Rsa, client: &str, audience: &str) -> Vec<(&'static str, String)> {
    let now = SystemClock.now().unix_seconds();
    let jti = uuid_v7(&SystemClock, &Drawn).to_string();
    let header = json!({"typ": "JWT", "alg": "RS256", "kid": "one"});
    let claims =
        json!({"iss": client, "sub": client, "aud": audience, "iat": now, "exp": now + 60, "jti": jti});
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = format!("{header}.{claims}");
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
        .expect("a signature");
    let signed = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    vec![("client_assertion_type", kind.to_owned()), ("client_assertion", signed)]
}
