//! A client that somebody let in, for the tests of what becomes of that.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use issuer::{CLIENT, Issuer, SECRET};
use keyledger_tests::mcp::stateless_call;
use keyledger_tests::oauth::{Authorization, Client, Server};
use keyledger_tests::person::{Browser, Page};
use keyledger_tests::poll;
use keyledger_tests::spine::{Organization, Spine, text};
use keyledger_tests::wire::{Answer, Ask};
use serde_json::{Value, json};

pub const PUBLIC: &str = "https://mcp.example.com";
const REDIRECT: &str = "http://localhost:51234/callback";
const BOUND: Duration = Duration::from_secs(20);

/// A client, and the server that lets it in.
pub struct Connecting {
    pub server: Server,
    pub client: Client,
    /// The server's path at the door.
    path: String,
    pub here: String,
}

/// What a client holds.
pub struct Tokens(pub Value);

impl Connecting {
    /// One that registers itself, where somebody can sign in already.
    pub async fn new(spine: &Spine, path: &str) -> Self {
        let here = format!("http://{}", spine.public);
        let document = Ask::get("/.well-known/oauth-authorization-server").send(spine.public).await;
        let server =
            Server(serde_json::from_str(&document.expect(200).text().replace(PUBLIC, &here)).unwrap());
        let body = json!({
            "redirect_uris": ["http://localhost/callback"],
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
        });
        let client = Client::registered(&server.register(&body).await.expect(201).json(), REDIRECT);
        Self { server, client, path: path.to_owned(), here }
    }

    pub fn asked(&self) -> Authorization {
        self.client.authorization("").with("resource", &format!("{PUBLIC}{}", self.path))
    }

    /// By the right of whoever holds a key.
    pub async fn by_key(&self, key: &str) -> Tokens {
        let asked = self.asked();
        let mut browser = Browser::that_ends_at("http://localhost:51234/");
        let page = browser.open(&self.server.authorize(&asked)).await;
        let form =
            page.forms.iter().find(|form| form.action.path() == "/sign-in/key").expect("a form for a key");
        let page = browser.submit(&page, &form.clone().with("key", key)).await;
        self.allowed(&mut browser, &page, &asked).await
    }

    /// By a person, who is signed in at the provider; the browser stays signed in here.
    pub async fn by_person(&self, issuer: &str) -> (Tokens, Browser) {
        let asked = self.asked();
        let (mut browser, page) = self.signed_in(&self.server.authorize(&asked), issuer).await;
        let tokens = self.allowed(&mut browser, &page, &asked).await;
        (tokens, browser)
    }

    /// Whoever is signed in at the provider comes back from there, from a page that asks who they are.
    pub async fn signed_in(&self, page: &str, issuer: &str) -> (Browser, Page) {
        let mut away = Browser::that_ends_at(PUBLIC);
        let page = away.open(page).await;
        let link =
            page.links.iter().find(|link| link.path().ends_with(issuer)).expect("a way to the provider");
        // The provider sends the browser to the public address, which is here.
        let back = away.open(link.as_str()).await.url;
        let mut browser = Browser::that_ends_at("http://localhost:51234/");
        browser.cookies = away.cookies.clone();
        let page = browser.open(&back.as_str().replace(PUBLIC, &self.here)).await;
        (browser, page)
    }

    async fn allowed(&self, browser: &mut Browser, page: &Page, asked: &Authorization) -> Tokens {
        assert_eq!(page.url.path(), "/consent", "{}", page.answer.text());
        let query = browser.press(page, "allow").await.query();
        let code = query.get("code").unwrap_or_else(|| panic!("no code: {query:?}"));
        Tokens(self.server.redeem(&self.client, asked, code, &[]).await.expect(200).json())
    }

    pub async fn refresh(&self, tokens: &Tokens) -> Answer {
        let refresh = tokens.0["refresh_token"].as_str().expect("a refresh token");
        self.server.refresh(&self.client, refresh, &[]).await
    }

    /// A call with an access token.
    pub async fn call(&self, spine: &Spine, tokens: &Tokens) -> Answer {
        self.tool(tokens, "echo", &json!({})).send(spine.public).await
    }

    pub fn tool(&self, tokens: &Tokens, name: &str, arguments: &Value) -> Ask {
        let ask = stateless_call(&self.path, name, arguments);
        ask.bearer(tokens.0["access_token"].as_str().expect("an access token"))
    }
}

impl Tokens {
    pub fn claims(&self) -> Value {
        let token = self.0["access_token"].as_str().expect("an access token");
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        serde_json::from_slice(&claims).unwrap()
    }

    pub fn person(&self) -> String {
        self.claims()["sub"].as_str().unwrap().strip_prefix("user:").expect("a person").to_owned()
    }

    /// The id of the key that signed.
    pub fn key(&self) -> String {
        let token = self.0["access_token"].as_str().expect("an access token");
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        text(&serde_json::from_slice(&header).unwrap(), "kid")
    }
}

/// Why a call is refused.
pub fn reason(answer: &Answer) -> String {
    answer.json()["error"]["data"]["reason"].as_str().unwrap_or_default().to_owned()
}

/// An identity provider at which Anna is signed in, and which makes her a member; the issuer's id.
pub async fn provider(spine: &Spine, organization: &Organization) -> (Issuer, String) {
    let provider = Issuer::start().await.unwrap();
    provider.allow_redirect(CLIENT, &format!("{PUBLIC}/sign-in/callback"));
    provider.signs_in(Some("anna"));
    let group = issuer::Person::cast()[0].groups[0].clone();
    let issuer = json!({
        "slug": "idp",
        "name": "Our people",
        "protocol": {"kind": "openid", "issuer": provider.url()},
        "settings": {
            "client_id": CLIENT,
            "rules": [{"claim": "groups", "value": group, "role": "developer", "scopes": ["mcp:*"]}],
        },
        "credential": {"secret": SECRET},
    });
    let registered = spine.write(Ask::post(organization.path("issuers"), &issuer)).await;
    (provider, text(&registered, "id"))
}

/// What a list has, once it has something.
pub async fn listed(spine: &Spine, path: &str) -> Vec<Value> {
    poll::until(path, BOUND, async || {
        let items = spine.admin(Ask::get(path)).await.expect(200).json()["items"].as_array().unwrap().clone();
        if items.is_empty() { Err(()) } else { Ok(items) }
    })
    .await
    .0
}
