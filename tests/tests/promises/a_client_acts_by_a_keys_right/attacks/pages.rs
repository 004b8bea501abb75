//! Pages and forms: what a browser can be made to send, and when nobody is asked.

use keyledger_tests::oauth::Client;
use keyledger_tests::person::{Browser, Form, Page};
use keyledger_tests::wire::Ask;
use serde_json::json;

use super::super::World;
use super::{FORM, HERE};

fn form<'a>(page: &'a Page, action: &str) -> &'a Form {
    let found = page.forms.iter().find(|form| form.action.path() == action);
    found.unwrap_or_else(|| panic!("no form for {action}: {}", page.answer.text()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_form_is_sent_for_somebody_and_no_page_leads_elsewhere() {
    let world = World::new().await;
    let authorization = world.asked();
    let mut browser = Browser::that_ends_at(HERE);
    let page = browser.open(&world.server.authorize(&authorization)).await;
    let key = form(&page, "/sign-in/key").clone().with("key", &world.ready.key.secret);
    // A session that somebody planted before is not the one that the sign-in begins (session fixation).
    let host = page.url.host_str().unwrap().to_owned();
    let session = (host, "__Host-kl-session".to_owned());
    browser.cookies.insert(session.clone(), "A".repeat(43));
    let page = browser.submit(&page, &key).await;
    assert_eq!(page.url.path(), "/consent", "{}", page.answer.text());
    assert_ne!(browser.cookies[&session], "A".repeat(43));
    let mut planted = Browser::that_ends_at(HERE);
    planted.cookies.insert(session.clone(), "A".repeat(43));
    assert_eq!(planted.open(page.url.as_str()).await.url.path(), "/sign-in");

    let decision = form(&page, "/consent").clone().with("decision", "allow");
    let token = decision.fields.iter().find(|(name, _)| name == "token").unwrap().1.clone();
    let cookies: Vec<_> =
        browser.cookies.iter().map(|((_, name), value)| format!("{name}={value}")).collect();
    let sends = async |path: &str, fields: &[(&str, &str)], site: &str| {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let ask = Ask::new("POST", path)
            .header("Content-Type", FORM)
            .header("Cookie", cookies.join("; "))
            .header("Sec-Fetch-Site", site)
            .body(body);
        ask.send(world.spine.public).await
    };
    let request = decision.fields.iter().find(|(name, _)| name == "request").unwrap().1.clone();
    let allow =
        |token: &'static str| [("request", request.as_str()), ("decision", "allow"), ("token", token)];
    for (fields, site) in [
        (&allow("")[..], "same-origin"),
        (&allow("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), "same-origin"),
        (&[("request", request.as_str()), ("decision", "allow"), ("token", token.as_str())], "cross-site"),
        (&[("request", request.as_str()), ("decision", "allow"), ("token", token.as_str())], "same-site"),
        (&[("request", request.as_str()), ("decision", ""), ("token", token.as_str())], "same-origin"),
        (&[("request", "another"), ("decision", "allow"), ("token", token.as_str())], "same-origin"),
    ] {
        let refused = sends("/consent", fields, site).await;
        assert!(refused.status == 400 && refused.header("location").is_none(), "{fields:?} {site}");
    }
    // A token of one form is none of another's.
    for path in ["/account/grants/end", "/account/sessions/end", "/sign-out", "/invitations/accept"] {
        let refused = sends(path, &[("token", token.as_str())], "same-origin").await;
        assert_eq!(refused.status, 400, "{path}");
    }
    // Two cookies of one name: neither is believed.
    let twice = format!("{}; {}", cookies.join("; "), cookies.join("; "));
    let doubtful = Ask::get(page.url.path().to_owned() + "?" + page.url.query().unwrap_or_default());
    let doubtful = doubtful.header("Cookie", twice).send(world.spine.public).await;
    assert!(doubtful.header("location").unwrap_or_default().starts_with("/sign-in"), "{doubtful:?}");
    // No page leads to an address that its link names.
    for query in ["next=https%3A%2F%2Fevil.example", "next=%2F%2Fevil.example", "request=%2F%2Fevil.example"]
    {
        let answer = Ask::get(format!("/sign-in?{query}")).send(world.spine.public).await;
        assert!(
            !answer.text().contains("href=\"//evil") && !answer.text().contains("href=\"https://evil"),
            "{query}"
        );
        assert!(!answer.header("location").unwrap_or_default().contains("evil"), "{query}");
    }
    // After all that the person still decides, once.
    assert!(browser.submit(&page, &decision).await.query().contains_key("code"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consent_is_assumed_for_a_host_that_is_proved_and_a_sign_in_for_nobody() {
    let world = World::new().await;
    let redirects = json!({"redirect_uris": ["https://vscode.dev/redirect", "http://127.0.0.1/"]});
    let client = world.registered(redirects).await;
    let ask = |redirect: &str| {
        let client = Client { redirect: redirect.to_owned(), ..client.clone() };
        client.authorization("").with("resource", &world.resource())
    };
    let mut browser = Browser::that_ends_at("https://vscode.dev/redirect");
    let page = browser.open(&world.server.authorize(&ask("https://vscode.dev/redirect"))).await;
    let key = form(&page, "/sign-in/key").clone().with("key", &world.ready.key.secret);
    let page = browser.submit(&page, &key).await;
    assert!(browser.press(&page, "allow").await.query().contains_key("code"));
    let again = browser.open(&world.server.authorize(&ask("https://vscode.dev/redirect"))).await;
    assert!(again.query().contains_key("code"), "the same host again: {}", again.url);
    // Whoever listens on this machine says that it is that client.
    let shown = browser.open(&world.server.authorize(&ask("http://127.0.0.1:49152/"))).await;
    assert_eq!(shown.url.path(), "/consent", "{}", shown.url);
    assert!(shown.answer.text().contains("Nobody can tell which program"), "{}", shown.answer.text());
    let silent = ask("http://127.0.0.1:49152/").with("prompt", "none");
    let mut listening = Browser::that_ends_at("http://127.0.0.1:49152/");
    listening.cookies = browser.cookies.clone();
    let refused = listening.open(&world.server.authorize(&silent)).await;
    assert_eq!(refused.query().get("error").map(String::as_str), Some("consent_required"), "{}", refused.url);
    // More than was allowed, and another person's consent, are asked for as well.
    let anew = ask("https://vscode.dev/redirect").with("prompt", "consent");
    assert_eq!(browser.open(&world.server.authorize(&anew)).await.url.path(), "/consent");

    // Who must sign in anew can't be let off by opening the next page.
    let login = ask("https://vscode.dev/redirect").with("prompt", "login");
    let page = browser.open(&world.server.authorize(&login)).await;
    assert_eq!(page.url.path(), "/sign-in");
    let mut past = page.url.clone();
    past.set_path("/consent");
    let back = browser.open(past.as_str()).await;
    assert_eq!(back.url.path(), "/sign-in", "{}", back.answer.text());
    let key = form(&back, "/sign-in/key").clone().with("key", &world.ready.key.secret);
    assert!(browser.submit(&back, &key).await.query().contains_key("code"));
}
