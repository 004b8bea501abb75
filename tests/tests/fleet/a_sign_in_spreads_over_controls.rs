//! A person signs in at one process, comes back to another and decides at a third; codes and refresh tokens are used at two
//! at once; and what ends is over at every node, with its open streams.

use std::time::Duration;

use issuer::{CLIENT, Issuer, SECRET};
use keyledger_tests::fleet::{Fleet, Plan};
use keyledger_tests::mcp::{call, stateless_call};
use keyledger_tests::oauth::{Authorization, Client, Server};
use keyledger_tests::person::Browser;
use keyledger_tests::poll;
use keyledger_tests::spine::{Ready, text};
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::{Answer, Ask};
use serde_json::{Value, json};

const PUBLIC: &str = "https://mcp.example.com";
const REDIRECT: &str = "http://localhost:51234/callback";
const BOUND: Duration = Duration::from_secs(20);
/// An open stream ends by what wakes it; a look (1 s) where nothing does. The rest is what two busy cores may need.
const STREAM: Duration = Duration::from_secs(5);

struct World {
    fleet: Fleet,
    ready: Ready,
    issuer: String,
    metadata: String,
    _provider: Issuer,
    _upstream: Upstream,
}

impl World {
    async fn new() -> Self {
        let provider = Issuer::start().await.unwrap();
        provider.allow_redirect(CLIENT, &format!("{PUBLIC}/sign-in/callback"));
        provider.signs_in(Some("anna"));
        let upstream = Upstream::start(McpServer::every(Duration::from_millis(50))).await;
        let fleet = Fleet::with(Plan { set: &[("issuers.allow", "127.0.0.0/8")], ..Plan::default() }).await;
        let ready = fleet.ready(&upstream).await;
        let settings = json!({
            "slug": "idp",
            "name": "Our people",
            "protocol": {"kind": "openid", "issuer": provider.url()},
            "settings": {
                "client_id": CLIENT,
                "rules": [{"claim": "groups", "value": issuer::Person::cast()[0].groups[0], "role": "developer", "scopes": ["mcp:*"]}],
            },
            "credential": {"secret": SECRET},
        });
        let issuers = format!("/api/v1/organizations/{}/issuers", ready.organization.id);
        let registered = fleet.write(0, Ask::post(format!("{issuers}?wait=fleet"), &settings)).await;
        let metadata = Ask::get("/.well-known/oauth-authorization-server");
        let metadata = metadata.send(fleet.nodes[0].public).await.expect(200).text();
        let issuer = text(&registered, "id");
        Self { fleet, ready, issuer, metadata, _provider: provider, _upstream: upstream }
    }

    fn here(&self, node: usize) -> String {
        format!("http://{}", self.fleet.nodes[node].public)
    }

    /// The authorization server, as that process serves it.
    fn at(&self, node: usize) -> Server {
        Server(serde_json::from_str(&self.metadata.replace(PUBLIC, &self.here(node))).unwrap())
    }

    async fn client(&self) -> Client {
        let body = json!({
            "redirect_uris": ["http://localhost/callback"],
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
        });
        Client::registered(&self.at(0).register(&body).await.expect(201).json(), REDIRECT)
    }

    fn asked(&self, client: &Client) -> Authorization {
        client.authorization("").with("resource", &format!("{PUBLIC}{}", self.ready.path))
    }

    /// The browser leaves one process for the provider; where the provider sends it back to.
    async fn leaves(&self, node: usize, asked: &Authorization) -> (Browser, String) {
        let mut browser = Browser::that_ends_at(PUBLIC);
        let page = browser.open(&self.at(node).authorize(asked)).await;
        let link = page.links.iter().find(|link| link.path().ends_with(&self.issuer));
        let back = browser.open(link.expect("a way to the provider").as_str()).await.url;
        assert_eq!(back.path(), "/sign-in/callback", "{back}");
        (browser, back.to_string())
    }

    /// It comes back to one process, and its person decides at another; the code, and the browser.
    async fn comes_back(&self, left: Browser, back: &str, to: usize, decides: usize) -> (Browser, String) {
        let mut browser = Browser::that_ends_at("http://localhost:51234/");
        browser.cookies = left.cookies;
        let page = browser.open(&back.replace(PUBLIC, &self.here(to))).await;
        assert_eq!(page.url.path(), "/consent", "{}", page.answer.text());
        // The person may be known there a moment later.
        let address = page.url.as_str().replace(&self.here(to), &self.here(decides));
        let (page, _) = poll::until("the consent is asked for", BOUND, async || {
            let page = browser.open(&address).await;
            if page.answer.status == 200 && page.url.path() == "/consent" {
                Ok(page)
            } else {
                Err(page.answer.text())
            }
        })
        .await;
        let end = browser.press(&page, "allow").await;
        let code = end.query().get("code").cloned();
        (browser, code.unwrap_or_else(|| panic!("no code: {} {}", end.url, end.answer.text())))
    }

    async fn code(&self, client: &Client) -> (Browser, Authorization, String) {
        let asked = self.asked(client);
        let (left, back) = self.leaves(0, &asked).await;
        let (browser, code) = self.comes_back(left, &back, 1, 2).await;
        (browser, asked, code)
    }

    async fn tokens(&self, client: &Client) -> (Browser, Value) {
        let (browser, asked, code) = self.code(client).await;
        let tokens = self.at(0).redeem(client, &asked, &code, &[]).await.expect(200).json();
        for node in 0..self.fleet.nodes.len() {
            self.calls(node, &text(&tokens, "access_token")).await.expect(200);
        }
        (browser, tokens)
    }

    async fn calls(&self, node: usize, token: &str) -> Answer {
        call(&self.ready.path, "echo", &json!({})).bearer(token).send(self.fleet.nodes[node].public).await
    }

    /// Refused at every node, at once, for this reason.
    async fn is_over(&self, token: &str, reason: &str) {
        for node in 0..self.fleet.nodes.len() {
            let refused = self.calls(node, token).await;
            assert_eq!(refused.status, 401, "node {node}");
            assert_eq!(refused.json()["error"]["data"]["reason"], reason, "node {node}");
        }
    }
}

fn error(answer: &Answer) -> String {
    answer.json()["error"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_back_leads_to_another_process_while_the_first_is_restarted() {
    let mut world = World::new().await;
    let client = world.client().await;
    let asked = world.asked(&client);
    let (left, back) = world.leaves(0, &asked).await;
    world.fleet.nodes[0].kill();
    let (_, code) = world.comes_back(left, &back, 1, 2).await;
    world.fleet.nodes[0].start().await;
    world.fleet.nodes[0].becomes_ready().await;
    // The one that was restarted redeems what the others gave, and lets the client in.
    let tokens = world.at(0).redeem(&client, &asked, &code, &[]).await.expect(200).json();
    for node in 0..3 {
        world.calls(node, &text(&tokens, "access_token")).await.expect(200);
    }
    // What came back once comes back nowhere again.
    let mut again = Browser::that_ends_at("http://localhost:51234/");
    let page = again.open(&back.replace(PUBLIC, &world.here(2))).await;
    assert!(page.answer.status == 400 && page.forms.is_empty(), "{}", page.answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_and_a_refresh_token_are_used_at_two_processes_at_once() {
    let world = World::new().await;
    let client = world.client().await;
    // Whoever brings it second ends what the first got (RFC 6749 §4.1.2).
    for _ in 0..3 {
        let (_, asked, code) = world.code(&client).await;
        let (first, second) = (world.at(1), world.at(2));
        let (one, other) = tokio::join!(
            first.redeem(&client, &asked, &code, &[]),
            second.redeem(&client, &asked, &code, &[])
        );
        let given: Vec<&Answer> = [&one, &other].into_iter().filter(|answer| answer.status == 200).collect();
        assert!(given.len() <= 1, "{one:?} {other:?}");
        for answer in [&one, &other].into_iter().filter(|answer| answer.status != 200) {
            assert_eq!(error(answer), "invalid_grant");
        }
        for answer in given {
            let tokens = answer.json();
            for node in 0..3 {
                poll::until("what it gave is over", BOUND, async || {
                    match world.calls(node, &text(&tokens, "access_token")).await {
                        answer if answer.status == 401 => Ok(()),
                        answer => Err(answer),
                    }
                })
                .await;
            }
            let refused = world.at(0).refresh(&client, &text(&tokens, "refresh_token"), &[]).await;
            assert_eq!(error(&refused), "invalid_grant");
        }
    }

    let (_, tokens) = world.tokens(&client).await;
    let refresh = text(&tokens, "refresh_token");
    let servers = [world.at(0), world.at(1), world.at(2)];
    let all = servers.iter().map(|server| server.refresh(&client, &refresh, &[]));
    let all: Vec<Value> =
        futures::future::join_all(all).await.into_iter().map(|answer| answer.expect(200).json()).collect();
    let successors: Vec<String> = all.iter().map(|answer| text(answer, "refresh_token")).collect();
    assert!(successors.iter().all(|one| *one == successors[0] && *one != refresh), "{successors:?}");
    for (node, answer) in all.iter().enumerate() {
        world.calls(node, &text(answer, "access_token")).await.expect(200);
    }
    // The successor is used at one, and the old one comes to another: the grant ends everywhere.
    world.at(1).refresh(&client, &successors[0], &[]).await.expect(200);
    assert_eq!(error(&world.at(2).refresh(&client, &refresh, &[]).await), "invalid_grant");
    world.is_over(&text(&all[0], "access_token"), "grant_ended").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_is_over_at_every_node_with_its_streams() {
    let world = World::new().await;
    let client = world.client().await;
    // One after the other: each leaves the next one possible.
    for ends in ["grant", "client", "issuer", "person"] {
        let (mut browser, tokens) = world.tokens(&client).await;
        let token = text(&tokens, "access_token");
        let mut streams = Vec::new();
        for node in 0..3 {
            let ask = stateless_call(&world.ready.path, "count", &json!({"to": 1_000_000}));
            let mut stream = ask.bearer(&token).open(world.fleet.nodes[node].public).await;
            assert_eq!(stream.status, 200, "node {node}");
            stream.frame(BOUND).await.expect("a first message");
            streams.push(stream);
        }
        let (reason, told) = world.end(ends, &mut browser, &client, &token).await;
        world.is_over(&token, reason).await;
        for stream in &mut streams {
            stream.to_end(STREAM).await;
        }
        let refused = world.at(1).refresh(&client, &text(&tokens, "refresh_token"), &[]).await;
        assert_eq!(error(&refused), told, "{ends}");
        world.undo(ends, &client).await;
    }
}

impl World {
    /// Ends it, and waits until that holds everywhere: why tokens are refused then, and what a refresh is told.
    async fn end(
        &self,
        what: &str,
        browser: &mut Browser,
        client: &Client,
        token: &str,
    ) -> (&'static str, &'static str) {
        match what {
            "grant" => {
                let page = browser.open(&format!("{}/account", self.here(1))).await;
                let ends =
                    |form: &&keyledger_tests::person::Form| form.action.path() == "/account/grants/end";
                let form = page.forms.iter().find(ends).expect("a grant that can be ended").clone();
                browser.submit(&page, &form).await;
                ("grant_ended", "invalid_grant")
            }
            "client" => {
                let path = format!("/api/v1/clients/{}/disable?wait=fleet", client.id);
                self.fleet.write(1, Ask::post(path, &json!({}))).await;
                ("client_disabled", "invalid_client")
            }
            "issuer" => {
                self.issuer_is(false).await;
                ("grant_issuer", "invalid_grant")
            }
            "person" => {
                let person = person(token);
                let path = format!("/api/v1/people/{person}/end?wait=fleet");
                self.fleet.write(1, Ask::post(path, &json!({}))).await;
                ("grant_holder", "invalid_grant")
            }
            other => panic!("{other} does not end"),
        }
    }

    /// What can be taken back is, so that the next can sign in.
    async fn undo(&self, what: &str, client: &Client) {
        match what {
            "client" => {
                let path = format!("/api/v1/clients/{}/enable?wait=fleet", client.id);
                self.fleet.write(1, Ask::post(path, &json!({}))).await;
            }
            "issuer" => self.issuer_is(true).await,
            _ => {}
        }
    }

    async fn issuer_is(&self, enabled: bool) {
        let path = format!("{}/{}?wait=fleet", self.ready.organization.path("issuers"), self.issuer);
        self.fleet.write(1, Ask::new("PATCH", path).json(&json!({"enabled": enabled}))).await;
    }
}

/// Whose right a token is used by.
fn person(token: &str) -> String {
    use base64::Engine;
    let claims = token.split('.').nth(1).expect("claims");
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    text(&claims, "sub").strip_prefix("user:").expect("a person").to_owned()
}
