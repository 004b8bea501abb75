use issuer::{CLIENT, Issuer, SECRET};

use super::*;
use crate::oauth::{Client, Server};

const BACK: &str = "http://127.0.0.1:9/callback";

#[tokio::test]
async fn a_person_presses_a_button_and_comes_back_with_a_code() {
    let issuer = Issuer::start().await.unwrap();
    issuer.allow_redirect(CLIENT, BACK);
    let server = Server::at(&format!("{}/.well-known/openid-configuration", issuer.url())).await;
    let client = Client { id: CLIENT.into(), secret: Some(SECRET.into()), redirect: BACK.into() };
    let asking = client.authorization("openid");
    let mut browser = Browser::that_ends_at(BACK);
    let page = browser.open(&server.authorize(&asking)).await;
    assert_eq!(page.forms.len(), 1);
    assert_eq!(page.forms[0].fields[0].0, "request");
    let back = browser.press(&page, "anna").await;
    let query = back.query();
    assert_eq!((query["state"].as_str(), query["iss"].as_str()), (asking.state(), issuer.url()));
    let tokens = server.redeem(&client, &asking, &query["code"], &[]).await.expect(200).json();
    assert!(tokens["id_token"].is_string(), "{tokens:#}");
    server.redeem(&client, &asking, &query["code"], &[]).await.expect(400);
    // By the label as well; and what was pressed once is over.
    let cancelled = browser.press(&page, "Cancel").await;
    assert!(cancelled.answer.text().contains("this sign-in is over"), "{}", cancelled.answer.text());
}

#[tokio::test]
async fn cookies_are_kept_for_their_host_until_they_end() {
    let mut browser = Browser::default();
    browser.keep("a.test", "one=1; Path=/; HttpOnly");
    browser.keep("a.test", "two=2");
    browser.keep("b.test", "one=3");
    browser.keep("a.test", "two=; Max-Age=0");
    let kept: Vec<_> =
        browser.cookies.iter().map(|((host, name), value)| (&**host, &**name, &**value)).collect();
    assert_eq!(kept, [("a.test", "one", "1"), ("b.test", "one", "3")]);
}

#[test]
fn a_page_is_read_as_a_person_reads_it() {
    let html = r#"<a class="button" href="/sign-in/entra?r=1&amp;s=2">Sign in with Entra</a>
        <form method="post" action="/consent"><input type="hidden" name="token" value="t&quot;k">
        <p><input id="key" name="key" type="password"></p>
        <button class="main" name="decision" value="allow">Allow <b>it</b></button><button>Else</button></form>"#;
    let answer = Answer { status: 200, headers: crate::wire::Headers::default(), body: html.into() };
    let page = Page::read("http://127.0.0.1:1/a/b".parse().unwrap(), answer);
    assert_eq!(page.links[0].as_str(), "http://127.0.0.1:1/sign-in/entra?r=1&s=2");
    let form = &page.forms[0];
    assert_eq!((form.action.path(), form.is_post), ("/consent", true));
    let fields: Vec<_> = form.fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(fields, [("token", "t\"k"), ("key", "")]);
    assert_eq!(page.button("allow").1.2, "Allow it");
    assert_eq!(page.button("Else").1.0, "");
}
