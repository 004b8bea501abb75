//! Official clients, unmodified, sign a person in through a gateway, at its own authorization server: from the first 401 by
//! discovery, registration, a browser and consent to a call, then a refresh and a wider scope. One that sends a key opens no
//! browser for what the key may not do.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use keyledger_tests::clients::signing_in::{self, SignIn};
use keyledger_tests::clients::{Sdk, Told};
use keyledger_tests::oauth::Server;
use keyledger_tests::person::Browser;
use keyledger_tests::poll;
use keyledger_tests::sign_in::SignIns;
use keyledger_tests::spine::{items, text};
use keyledger_tests::upstreams::{After, Behave, McpServer, Received, Reply, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::json;
use tokio::sync::Semaphore;
use url::Url;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_sdk() {
    let world = SignIns::start().await;
    registers_itself(&world, signing_in::PYTHON).await;
    has_a_document(&world, signing_in::PYTHON).await;
    is_given_a_secret(&world, signing_in::PYTHON).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fastmcps_client() {
    let world = SignIns::start().await;
    registers_itself(&world, signing_in::FASTMCP).await;
    has_a_document(&world, signing_in::FASTMCP).await;
    is_given_a_secret(&world, signing_in::FASTMCP).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_typescript_sdk() {
    let world = SignIns::start().await;
    registers_itself(&world, signing_in::TYPESCRIPT_1).await;
    has_a_document(&world, signing_in::TYPESCRIPT_1).await;
    is_given_a_secret(&world, signing_in::TYPESCRIPT_1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_typescript_sdk() {
    let world = SignIns::start().await;
    registers_itself(&world, signing_in::TYPESCRIPT_2).await;
    has_a_document(&world, signing_in::TYPESCRIPT_2).await;
    is_given_a_secret(&world, signing_in::TYPESCRIPT_2).await;
}

/// It knows no metadata documents.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mcp_remote() {
    let world = SignIns::start().await;
    registers_itself(&world, signing_in::MCP_REMOTE).await;
    is_given_a_secret(&world, signing_in::MCP_REMOTE).await;
}

/// Two calls, before each of which the client takes its token for expired.
async fn calls_twice(world: &SignIns, sdk: Sdk, change: impl FnOnce(SignIn) -> SignIn) -> (Told, Vec<Url>) {
    let plan = SignIn::new(&world.demo.url, "anna")
        .call("echo", json!({"text": "the first"}))
        .call("echo", json!({"text": "the second"}))
        .with_refresh();
    let told = change(plan).run(sdk).await;
    assert!(told.all("refused").is_empty(), "{told:#?}");
    assert!(told.tools().contains(&"echo"), "{told:#?}");
    let results: Vec<_> = told.all("result").iter().map(|line| text(line, "text")).collect();
    assert_eq!(results.len(), 2, "{told:#?}");
    assert!(results[0].contains("the first") && results[1].contains("the second"), "{told:#?}");
    let opened: Vec<Url> =
        told.all("opened").iter().map(|line| text(line, "url").parse().expect("a URL")).collect();
    assert_eq!(opened.len(), 1, "a refresh asks nobody: {told:#?}");
    let tokens = told.all("tokens");
    assert!(tokens.len() >= 2, "nothing was refreshed: {told:#?}");
    assert!(tokens.iter().all(|line| line["refresh"] == true), "{told:#?}");
    (told, opened)
}

fn parameter(opened: &Url, name: &str) -> String {
    let mut found = opened.query_pairs().filter(|(one, _)| one == name);
    let (_, value) = found.next().unwrap_or_else(|| panic!("no {name} in {opened}"));
    value.into_owned()
}

async fn registers_itself(world: &SignIns, sdk: Sdk) {
    let (told, opened) = calls_twice(world, sdk, |plan| plan).await;
    let client = parameter(&opened[0], "client_id");
    assert!(uuid::Uuid::try_parse(&client).is_ok(), "{client}: {told:#?}");
    assert_eq!(parameter(&opened[0], "resource"), world.demo.url);
    assert_eq!(parameter(&opened[0], "code_challenge_method"), "S256");
}

async fn has_a_document(world: &SignIns, sdk: Sdk) {
    let metadata = json!({
        "client_name": "Keyledger's tests",
        "redirect_uris": ["http://127.0.0.1/callback", "http://localhost/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    });
    let document = world.documents.client("/oauth/client.json", metadata);
    let (_, opened) = calls_twice(world, sdk, |plan| plan.with_document(&document)).await;
    assert_eq!(parameter(&opened[0], "client_id"), document);
}

/// Somebody has registered it, and its user has configured its id and secret.
async fn is_given_a_secret(world: &SignIns, sdk: Sdk) {
    let metadata = json!({
        "redirect_uris": ["http://127.0.0.1/callback", "http://localhost/callback", "http://localhost/oauth/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
    });
    let (server, _) = Server::of(&world.demo.url).await;
    let given = server.register(&metadata).await.expect(201).json();
    let (id, secret) = (text(&given, "client_id"), text(&given, "client_secret"));
    let (_, opened) = calls_twice(world, sdk, |plan| plan.with_client(&id, Some(&secret))).await;
    assert_eq!(parameter(&opened[0], "client_id"), id);
}

/// An MCP server whose tool `count` begins when the test lets it.
struct Gated {
    rest: McpServer,
    begins: Arc<Semaphore>,
}

#[async_trait]
impl Behave for Gated {
    async fn answer(&self, call: &Received, reply: &mut Reply) -> After {
        if call.message()["params"]["name"] == "count" {
            self.begins.acquire().await.expect("never closed").forget();
        }
        self.rest.answer(call, reply).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_403_leads_the_python_sdk_to_ask_for_more() {
    let world = SignIns::start().await;
    let (spine, organization) = (&world.spine, &world.demo.organization);
    let begins = Arc::new(Semaphore::new(0));
    let upstream = Upstream::start(Gated { rest: McpServer::default(), begins: Arc::clone(&begins) }).await;
    let server = spine.register(organization, "tools", &upstream.url()).await;

    // Anna is a member once she has signed in, and may use one tool for now.
    world.provider.signs_in(Some("anna"));
    let mut browser = Browser::default();
    let page = browser.open(&format!("{}/account", world.public)).await;
    let page = browser.open(page.links.first().expect("a way to the provider").as_str()).await;
    assert_eq!(page.url.path(), "/account", "{}", page.answer.text());
    let (anna, _) = poll::until("Anna is a member", spine.settle, async || {
        let members = items(&spine.admin(Ask::get(organization.path("members"))).await.expect(200));
        members.first().map(|member| text(member, "person")).ok_or(members)
    })
    .await;
    let anna = organization.path(&format!("members/{anna}"));
    let may = |scope: &str| Ask::new("PATCH", anna.clone()).json(&json!({"scopes": [scope]}));
    spine.write(may("mcp:tools:tools:count")).await;

    let signing_in = SignIn::new(&format!("{}{}", world.public, server.path), "anna")
        .call("count", json!({"to": 1}))
        .call("echo", json!({"text": "more"}));
    let widening = async {
        let bound = Duration::from_secs(60);
        poll::until("the first call is under way", bound, async || {
            let calls = upstream.calls("tools/call").len();
            if calls > 0 { Ok(()) } else { Err(calls) }
        })
        .await;
        spine.write(may("mcp:*")).await;
        begins.add_permits(1);
    };
    let (told, ()) = tokio::join!(signing_in.run(signing_in::PYTHON), widening);
    assert!(told.all("refused").is_empty(), "{told:#?}");
    assert_eq!(told.tools(), ["count"], "{told:#?}");
    assert_eq!(told.all("result").len(), 2, "{told:#?}");
    assert_eq!(told.all("registered").len(), 1, "{told:#?}");
    assert_eq!(told.all("opened").len(), 2, "{told:#?}");
    let asked = text(told.all("opened")[1], "url").parse().unwrap();
    assert!(parameter(&asked, "scope").contains("mcp:tools:tools:echo"), "{asked}");
    let tokens = told.all("tokens");
    assert_eq!(tokens[0]["scope"], "mcp:tools:tools:count", "{told:#?}");
    let challenged = told.all("http").into_iter().find(|line| line["status"] == 403).expect("a 403");
    assert!(text(challenged, "www_authenticate").contains("error=\"insufficient_scope\""), "{challenged}");
}

/// The key may use one tool. A sign-in could not widen it, and none is begun, although the client could.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_key_no_refusal_begins_a_sign_in() {
    let world = SignIns::start().await;
    let key = world.spine.key(&world.demo.organization, &["mcp:demo:tools:count"]).await;
    for sdk in [signing_in::PYTHON, signing_in::TYPESCRIPT_1, signing_in::TYPESCRIPT_2] {
        let plan = SignIn::new(&world.demo.url, "anna").call("echo", json!({"text": "never"}));
        let told = plan.with_key(&key.secret).run(sdk).await;
        assert!(told.all("opened").is_empty() && told.all("registered").is_empty(), "{told:#?}");
        assert_eq!(told.tools(), ["count"], "{told:#?}");
        assert!(told.all("result").is_empty(), "{told:#?}");
        assert!(told.statuses().contains(&("POST", 403)), "{told:#?}");
    }
}
