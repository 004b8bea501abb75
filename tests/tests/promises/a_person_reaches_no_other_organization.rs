//! What an organization's own identity provider says of somebody counts within that organization alone, whoever they are
//! elsewhere; and nobody is found by an address.

use std::time::Duration;

use issuer::{CLIENT, Issuer, SECRET};
use keyledger_tests::oauth::{Client, Server};
use keyledger_tests::person::{Browser, Page};
use keyledger_tests::poll;
use keyledger_tests::spine::{Organization, Spine, items, text};
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::{Value, json};

const PUBLIC: &str = "https://mcp.example.com";
const HERE: &str = "http://localhost:51234/";
const BOUND: Duration = Duration::from_secs(20);

/// Registers the provider as one of this organization's own; its id.
async fn own_issuer(spine: &Spine, organization: &Organization, provider: &Issuer, rules: Value) -> String {
    let issuer = json!({
        "slug": "idp",
        "name": "Our people",
        "protocol": {"kind": "openid", "issuer": provider.url()},
        "settings": {"client_id": CLIENT, "rules": rules},
        "credential": {"secret": SECRET},
    });
    let path = format!("/api/v1/organizations/{}/issuers", organization.id);
    let written = spine.write(Ask::post(path, &issuer)).await;
    text(&written, "id")
}

/// Goes straight to this issuer, whatever the page offers, and comes back.
async fn signs_in(here: &str, authorize: &str, issuer: &str) -> (Browser, Page) {
    let mut away = Browser::that_ends_at(PUBLIC);
    let mut to = away.open(authorize).await.url;
    assert_eq!(to.path(), "/sign-in");
    to.set_path(&format!("/sign-in/{issuer}"));
    let back = away.open(to.as_str()).await.url;
    assert_eq!(back.path(), "/sign-in/callback", "{back}");
    let mut browser = Browser::that_ends_at(HERE);
    browser.cookies = away.cookies;
    let page = browser.open(&back.as_str().replace(PUBLIC, here)).await;
    (browser, page)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_signs_in_elsewhere() {
    let provider = Issuer::start().await.unwrap();
    provider.allow_redirect(CLIENT, &format!("{PUBLIC}/sign-in/callback"));
    provider.signs_in(Some("anna"));
    let upstream = Upstream::start(McpServer::default()).await;
    let spine = Spine::start().await;
    let ready = spine.ready(&upstream).await;
    let other = spine.organization("other").await;
    let rules = json!([{"claim": "groups", "value": issuer::Person::cast()[0].groups[0], "role": "developer", "scopes": ["mcp:*"]}]);
    let theirs = own_issuer(&spine, &other, &provider, rules).await;
    let ours = own_issuer(&spine, &ready.organization, &provider, json!([])).await;

    let here = format!("http://{}", spine.public);
    let document = Ask::get("/.well-known/oauth-authorization-server").send(spine.public).await.expect(200);
    let server = Server(serde_json::from_str(&document.text().replace(PUBLIC, &here)).unwrap());
    let body = json!({"redirect_uris": ["http://localhost/callback"], "token_endpoint_auth_method": "none"});
    let registered = server.register(&body).await.expect(201).json();
    let client = Client::registered(&registered, "http://localhost:51234/callback");
    let authorize =
        || server.authorize(&client.authorization("").with("resource", &format!("{PUBLIC}{}", ready.path)));

    // The page offers the server's own organization's issuers alone; the other one's word opens nothing here.
    let offered = Browser::default().open(&authorize()).await;
    assert!(offered.links.iter().any(|link| link.path().ends_with(&ours)));
    assert!(!offered.links.iter().any(|link| link.path().ends_with(&theirs)));
    let (_, page) = signs_in(&here, &authorize(), &theirs).await;
    assert_eq!(page.answer.status, 403, "{}", page.answer.text());
    let people = async || items(&spine.admin(Ask::get("/api/v1/people")).await.expect(200));
    let (anna, _) = poll::until("the person is listed", BOUND, async || {
        let found = people().await;
        if found.len() == 1 { Ok(text(&found[0], "id")) } else { Err(found) }
    })
    .await;
    // Also as a member of both: the other organization's issuer could speak for anybody.
    let member = json!({"person": anna, "role": "developer", "scopes": ["mcp:*"]});
    let written = spine.write(Ask::post(ready.organization.path("members"), &member)).await;
    spine.follows(&text(&written, "position")).await;
    let (mut browser, page) = signs_in(&here, &authorize(), &theirs).await;
    assert_eq!(page.answer.status, 403, "{}", page.answer.text());
    // Nor by a decision that is sent all the same.
    let request = page.url.query_pairs().find(|(name, _)| name == "request").unwrap().1.into_owned();
    let forced = keyledger_tests::person::Form {
        action: page.url.join("/consent").unwrap(),
        is_post: true,
        fields: [("request", request.as_str()), ("decision", "allow"), ("token", "")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        buttons: Vec::new(),
    };
    let forced = browser.submit(&page, &forced).await;
    assert!(matches!(forced.answer.status, 400 | 403), "{}", forced.answer.text());

    // The same verified address at another issuer is another person, of whom nobody knows anything.
    let (_, page) = signs_in(&here, &authorize(), &ours).await;
    assert_eq!(page.answer.status, 400);
    assert!(page.answer.text().contains("You have no account here"), "{}", page.answer.text());
    assert_eq!(people().await.len(), 1);
}
