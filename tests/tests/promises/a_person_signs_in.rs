//! A person signs in at an identity provider and lets a client in: from the first 401 to a call, and no further once either
//! is over.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use issuer::{CLIENT, Issuer, SECRET};
use keyledger_tests::oauth::{Client, Server};
use keyledger_tests::person::Browser;
use keyledger_tests::spine::Spine;
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::{Answer, Ask};
use serde_json::{Value, json};

const PUBLIC: &str = "https://mcp.example.com";
const REDIRECT: &str = "http://localhost:51234/callback";

fn call(path: &str) -> Ask {
    let params = json!({"name": "echo", "arguments": {}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    Ask::post(path, &body).header("Accept", "application/json, text/event-stream")
}

fn reason(answer: &Answer) -> String {
    answer.json()["error"]["data"]["reason"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_first_401_to_a_call_until_the_person_ends() {
    let provider = Issuer::start().await.unwrap();
    provider.allow_redirect(CLIENT, &format!("{PUBLIC}/sign-in/callback"));
    provider.signs_in(Some("anna"));
    let upstream = Upstream::start(McpServer::default()).await;
    let spine = Spine::start().await;
    let ready = spine.ready(&upstream).await;
    let issuer = json!({
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
    let issuer = spine.write(Ask::post(issuers, &issuer)).await;

    // What a client is told first leads it all the way.
    let first = call(&ready.path).send(spine.public).await.expect(401);
    let challenge = first.header("www-authenticate").unwrap_or_default();
    let metadata =
        format!("resource_metadata=\"{PUBLIC}/.well-known/oauth-protected-resource{}\"", ready.path);
    assert!(challenge.contains(&metadata), "{challenge}");
    let here = format!("http://{}", spine.public);
    let document = Ask::get("/.well-known/oauth-authorization-server").send(spine.public).await.expect(200);
    let server = Server(serde_json::from_str(&document.text().replace(PUBLIC, &here)).unwrap());
    let body = json!({
        "redirect_uris": ["http://localhost/callback"],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
    });
    let client = Client::registered(&server.register(&body).await.expect(201).json(), REDIRECT);
    let asked = client.authorization("").with("resource", &format!("{PUBLIC}{}", ready.path));

    // The provider sends the browser to the public address, which is here.
    let mut away = Browser::that_ends_at(PUBLIC);
    let page = away.open(&server.authorize(&asked)).await;
    let id = issuer["id"].as_str().unwrap();
    let link = page.links.iter().find(|link| link.path().ends_with(id)).expect("a way to the provider");
    let back = away.open(link.as_str()).await.url;
    assert_eq!(back.path(), "/sign-in/callback", "{back}");
    let callback = back.as_str().replace(PUBLIC, &here);
    // Another browser that brings the answer is signed in nowhere (login CSRF).
    let mut stranger = Browser::that_ends_at("http://localhost:51234/");
    let refused = stranger.open(&callback).await;
    assert!(refused.forms.is_empty() && refused.answer.status >= 400, "{}", refused.answer.text());

    // It was used up by that: the person begins anew.
    let back = away.open(link.as_str()).await.url;
    let mut browser = Browser::that_ends_at("http://localhost:51234/");
    browser.cookies = away.cookies.clone();
    let page = browser.open(&back.as_str().replace(PUBLIC, &here)).await;
    assert_eq!(page.url.path(), "/consent", "{}", page.answer.text());
    let end = browser.press(&page, "allow").await;
    let query = end.query();
    assert_eq!(query.get("state").map(String::as_str), Some(asked.state()), "{}", end.url);
    assert_eq!(query.get("iss").map(String::as_str), Some(PUBLIC));
    let tokens = server.redeem(&client, &asked, &query["code"], &[]).await.expect(200).json();
    let token = tokens["access_token"].as_str().unwrap();
    call(&ready.path).bearer(token).send(spine.public).await.expect(200);

    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    let person = claims["sub"].as_str().unwrap().strip_prefix("user:").unwrap();
    let end = Ask::post(format!("/api/v1/people/{person}/end?wait=fleet"), &json!({}));
    spine.write(end).await;
    let over = call(&ready.path).bearer(token).send(spine.public).await.expect(401);
    assert_eq!(reason(&over), "grant_holder");
    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(server.refresh(&client, refresh, &[]).await.json()["error"], "invalid_grant");
}
