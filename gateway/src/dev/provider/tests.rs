use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use events::clock::{ManualClock, SystemClock, SystemRandom as Chance};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

use super::*;

const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-long";
const REDIRECT: &str = "http://127.0.0.1:9/sign-in/callback";

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn sent_back(&self) -> BTreeMap<String, String> {
        let address = self.headers.get("location").unwrap_or_else(|| panic!("no redirect: {}", self.text));
        Url::parse(address.to_str().unwrap()).unwrap().query_pairs().into_owned().collect()
    }
}

async fn send(request: Request<Full<Bytes>>) -> Answer {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let (parts, body) = client.request(request).await.unwrap().into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, text }
}

async fn get(address: String) -> Answer {
    send(Request::get(address).body(Full::default()).unwrap()).await
}

async fn post(address: String, form: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    send(Request::post(address).body(body.into()).unwrap()).await
}

async fn started(clock: Arc<ManualClock>) -> Provider {
    crate::crypto::install();
    let options = ProviderOptions { port: 0, secret: None, redirect: REDIRECT.parse().unwrap() };
    Provider::start(options, clock, Arc::new(Chance)).await.unwrap()
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(SystemClock.now()))
}

/// With these instead of what a good client sends; an empty one is left out.
fn ask(provider: &Provider, more: &[(&str, &str)]) -> String {
    let challenge =
        URL_SAFE_NO_PAD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, VERIFIER.as_bytes()));
    let mut all = BTreeMap::from([
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", REDIRECT),
        ("scope", "openid profile email"),
        ("state", "s"),
        ("nonce", "n"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ]);
    all.extend(more.iter().copied());
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish();
    format!("{}/authorize?{query}", provider.issuer())
}

/// A code of this person's click.
async fn clicked(provider: &Provider, person: &str) -> String {
    let page = get(ask(provider, &[])).await.text;
    let name = page.split("name=\"request\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let at = format!("{}/sign-in", provider.issuer());
    let back = post(at.clone(), &[("request", name), ("person", person)]).await.sent_back();
    assert_eq!((&*back["state"], &*back["iss"]), ("s", &*provider.issuer()));
    let again = post(at, &[("request", name), ("person", person)]).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST, "a click counts once");
    back["code"].clone()
}

async fn redeemed(provider: &Provider, code: &str, more: &[(&str, &str)]) -> Answer {
    let mut all = BTreeMap::from([
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("client_id", CLIENT_ID),
        ("client_secret", provider.secret()),
    ]);
    all.extend(more.iter().copied());
    post(format!("{}/token", provider.issuer()), &all.into_iter().collect::<Vec<_>>()).await
}

#[tokio::test]
async fn one_click_signs_a_person_in() {
    let provider = started(clock()).await;
    for (subject, email) in [("ada", "ada@dev.test"), ("sam", "sam@dev.test")] {
        let code = clicked(&provider, subject).await;
        let answer = redeemed(&provider, &code, &[]).await;
        let answer: Value = serde_json::from_str(&answer.text).unwrap();
        let keys = get(format!("{}/keys", provider.issuer())).await.text;
        let keys: JwkSet = serde_json::from_str(&keys).unwrap();
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_audience(&[CLIENT_ID]);
        rules.set_issuer(&[provider.issuer()]);
        let key = DecodingKey::from_jwk(&keys.keys[0]).unwrap();
        let token = answer["id_token"].as_str().unwrap();
        let claims = jsonwebtoken::decode::<Value>(token, &key, &rules).unwrap().claims;
        assert_eq!(
            (&claims["sub"], &claims["email"], &claims["nonce"]),
            (&json!(subject), &json!(email), &json!("n"))
        );
        assert_eq!(
            redeemed(&provider, &code, &[]).await.status,
            StatusCode::BAD_REQUEST,
            "a code is used once"
        );
    }
    let document = get(format!("{}/.well-known/openid-configuration", provider.issuer())).await.text;
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["issuer"], provider.issuer());
}

#[tokio::test]
async fn what_is_not_asked_as_it_should_be_is_refused() {
    let clock = clock();
    let provider = started(Arc::clone(&clock)).await;
    for wrong in [("client_id", "another"), ("redirect_uri", "http://127.0.0.1:9/elsewhere")] {
        let answer = get(ask(&provider, &[wrong])).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong:?} is sent nowhere");
    }
    for (wrong, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("scope", "profile"), "invalid_scope"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
    ] {
        let back = get(ask(&provider, &[wrong])).await.sent_back();
        assert_eq!((&*back["error"], &*back["state"]), (error, "s"), "{wrong:?}");
    }
    let nobody = get(ask(&provider, &[])).await.text;
    let name = nobody.split("name=\"request\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let back = post(format!("{}/sign-in", provider.issuer()), &[("request", name), ("person", "eve")]).await;
    assert_eq!(back.sent_back()["error"], "access_denied");

    for (wrong, error) in [
        (("client_secret", "guessed"), "invalid_client"),
        (("grant_type", "password"), "unsupported_grant_type"),
        (("code_verifier", "another"), "invalid_grant"),
        (("redirect_uri", "http://127.0.0.1:9/elsewhere"), "invalid_grant"),
        (("code", "guessed"), "invalid_grant"),
    ] {
        let code = clicked(&provider, "ada").await;
        let answer = redeemed(&provider, &code, &[wrong]).await;
        assert_eq!(answer.text, json!({ "error": error }).to_string(), "{wrong:?}");
    }
    let code = clicked(&provider, "ada").await;
    clock.advance(Duration::from_secs(61));
    assert_eq!(redeemed(&provider, &code, &[]).await.status, StatusCode::BAD_REQUEST, "the code is too old");
}

#[tokio::test]
async fn the_client_is_known_by_basic_too_and_a_kept_secret_stays() {
    crate::crypto::install();
    let options = ProviderOptions {
        port: 0,
        secret: Some(Zeroizing::new("kept & odd".to_owned())),
        redirect: REDIRECT.parse().unwrap(),
    };
    let provider = Provider::start(options, clock(), Arc::new(Chance)).await.unwrap();
    assert!(!format!("{provider:?}").contains("kept"));
    let code = clicked(&provider, "sam").await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{CLIENT_ID}:kept+%26+odd"));
    let request = Request::post(format!("{}/token", provider.issuer()))
        .header("authorization", format!("Basic {basic}"))
        .body(body.into());
    assert_eq!(send(request.unwrap()).await.status, StatusCode::OK);
}
