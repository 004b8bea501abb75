use proptest::prelude::*;

use super::*;
use crate::oauth::presets::Presets;

fn parse(text: &str) -> Result<RedirectUri, RedirectFault> {
    RedirectUri::parse(text, &Presets::new(&[]).unwrap().private())
}

fn admits(registered: &str, asked: &str) -> bool {
    parse(registered).unwrap().admits(&parse(asked).unwrap())
}

#[test]
fn the_addresses_of_real_clients_are_taken_as_they_are() {
    for text in [
        "https://claude.ai/api/mcp/auth_callback",
        "http://localhost/callback",
        "http://127.0.0.1/callback",
        "http://[::1]/oauth_callback",
        "http://127.0.0.1:33418/",
        "http://127.0.0.1/",
        "http://localhost:6274/oauth/callback/debug",
        "https://vscode.dev/redirect",
        "https://oauth-redirect.googleusercontent.com/r/user_bound_abc-123",
        "https://grok.com/connectors-oauth-exchange-code/",
        "https://n8n.example.com:8443/rest/oauth2-credential/callback?x=1",
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "https://localhost:8443/callback",
    ] {
        assert_eq!(parse(text).map(|uri| uri.to_string()), Ok(text.to_owned()), "{text}");
    }
}

#[test]
fn only_a_loopback_port_is_free_and_each_host_stands_for_itself() {
    assert!(admits("http://localhost/callback", "http://localhost:51234/callback"));
    assert!(admits("http://127.0.0.1:33418/", "http://127.0.0.1:5/"));
    assert!(admits("http://[::1]/oauth_callback", "http://[::1]:80/oauth_callback"));
    for (registered, asked) in [
        ("http://localhost/callback", "http://127.0.0.1/callback"),
        ("http://127.0.0.1/callback", "http://[::1]/callback"),
        ("http://localhost/callback", "http://localhost:1/callback/"),
        ("http://localhost/callback", "http://localhost:1/Callback"),
        ("http://localhost/callback", "http://localhost:1/callback?x=1"),
        ("http://localhost/callback", "https://localhost/callback"),
        ("http://127.0.0.1", "http://127.0.0.1/"),
        ("https://localhost/callback", "https://localhost:1/callback"),
        ("https://a.example/cb", "https://a.example:443/cb"),
        ("https://a.example/cb", "https://a.example/cb/"),
        ("https://a.example/cb", "https://a.example/cb?x"),
        ("https://a.example/cb", "https://b.a.example/cb"),
    ] {
        assert!(!admits(registered, asked), "{registered} {asked}");
    }
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    use RedirectFault as F;
    for (text, fault) in [
        ("https://user@a.example/cb", F::UserInfo),
        ("https://a.example@evil.example/cb", F::UserInfo),
        ("https://user:pass@a.example/", F::UserInfo),
        ("https://a.example/cb#x", F::Fragment),
        ("https://a.example/cb#", F::Fragment),
        ("https://a.example/../cb", F::Traversal),
        ("https://a.example/a/./b", F::Traversal),
        ("https://a.example/a/%2e%2E/b", F::Traversal),
        ("https://a.example/a%2fb", F::Traversal),
        ("https://a.example/a%5Cb", F::Traversal),
        ("https://a.example\\@evil.example/", F::Characters),
        ("https://a.example/cb\n", F::Characters),
        (" https://a.example/cb", F::Characters),
        ("https://a.exa\u{0301}mple/cb", F::Characters),
        ("https://\u{ff41}.example/cb", F::Characters),
        ("https://a\u{3002}example/cb", F::Characters),
        ("https://a.example/%zz", F::Characters),
        ("https://A.example/cb", F::Host),
        ("https://a.example./cb", F::Host),
        ("https://a.example:/cb", F::Host),
        ("https://a.example:0443/cb", F::Host),
        ("https://a.example:0/cb", F::Host),
        ("https://a.example:99999/cb", F::Host),
        ("https://a%2eexample/cb", F::Host),
        ("http://127.1/cb", F::Host),
        ("http://2130706433/cb", F::Host),
        ("http://0x7f000001/cb", F::Host),
        ("http://[::ffff:127.0.0.1]/cb", F::Host),
        ("http://[0:0:0:0:0:0:0:1]/cb", F::Host),
        ("http://LOCALHOST/cb", F::Host),
        ("http://a.example/cb", F::PlainHttp),
        ("http://127.0.0.2/cb", F::PlainHttp),
        ("http://localhost.evil.example/cb", F::PlainHttp),
        ("http://10.0.0.1/cb", F::PlainHttp),
        ("https:///cb", F::Host),
        ("https:a.example/cb", F::NotAbsolute),
        ("//a.example/cb", F::NotAbsolute),
        ("/cb", F::NotAbsolute),
        ("", F::NotAbsolute),
        ("HTTPS://a.example/cb", F::NotAbsolute),
        ("javascript:alert(1)", F::Scheme),
        ("data:text/html,x", F::Scheme),
        ("file:///etc/passwd", F::Scheme),
        ("vbscript:x", F::Scheme),
        ("blob:https://a.example/x", F::Scheme),
        ("Javascript:alert(1)", F::NotAbsolute),
        ("java\tscript:alert(1)", F::Characters),
        ("evil://callback", F::Private),
        ("cursor://anysphere.cursor-mcp/oauth/callback/x", F::Private),
        ("cursor://anysphere.cursor-mcp/oauth/callback?x", F::Private),
    ] {
        assert_eq!(parse(text), Err(fault), "{text}");
    }
    assert_eq!(parse(&format!("https://a.example/{}", "x".repeat(2_048))), Err(F::TooLong));
}

#[test]
fn an_answer_is_added_to_the_query_that_an_address_has() {
    let with = |text: &str| parse(text).unwrap().with([("code", "a b"), ("iss", "https://x")]);
    assert_eq!(with("https://a.example/cb"), "https://a.example/cb?code=a+b&iss=https%3A%2F%2Fx");
    assert_eq!(with("https://a.example/cb?"), "https://a.example/cb?code=a+b&iss=https%3A%2F%2Fx");
    assert_eq!(with("https://a.example/cb?x=1"), "https://a.example/cb?x=1&code=a+b&iss=https%3A%2F%2Fx");
}

#[test]
fn a_form_may_lead_to_the_addresss_origin() {
    let source = |text: &str| parse(text).unwrap().source();
    assert_eq!(source("https://a.example/cb"), "https://a.example");
    assert_eq!(source("http://127.0.0.1:5123?x"), "http://127.0.0.1:5123");
    assert_eq!(source("cursor://anysphere.cursor-mcp/oauth/callback"), "cursor:");
}

proptest! {
    /// Whatever is taken, a browser reads as we do: the same host, and a second parse changes nothing.
    #[test]
    fn what_is_taken_has_one_reading(text in "(https?|cursor|data)://[a-z0-9.\\[\\]:@%\\\\A-F-]{0,20}[/?#a-z.%2e]{0,12}") {
        if let Ok(uri) = parse(&text) {
            let url = Url::parse(&text).unwrap();
            prop_assert!(url.username().is_empty() && url.fragment().is_none());
            let read = format!("{}://{}", url.scheme(), url.host_str().unwrap());
            let starts = text.starts_with(&read);
            prop_assert!(starts);
            prop_assert_eq!(parse(uri.as_str()).unwrap(), uri.clone());
            prop_assert!(uri.admits(&uri));
        }
    }
}
