//! The issuer as its clients meet it, over HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use events::clock::{Clock, ManualClock};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Http;
use hyper_util::rt::TokioExecutor;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm as Alg, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};
use url::Url;

use crate::{Algorithm, CLIENT, CONTOSO, Client, Endpoint, Fault, Issuer, SECRET, Settings, Signing};

const REDIRECT: &str = "http://127.0.0.1:9/sign-in/callback";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-long";

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// The query of where it sends people.
    fn sent_back(&self) -> BTreeMap<String, String> {
        assert_eq!(self.status, StatusCode::FOUND, "{}", self.text);
        let address = Url::parse(self.headers["location"].to_str().unwrap()).unwrap();
        address.query_pairs().into_owned().collect()
    }
}

async fn send(request: Request<Full<Bytes>>) -> Answer {
    let answer = Http::builder(TokioExecutor::new()).build_http().request(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, text }
}

async fn get(address: &str) -> Answer {
    send(Request::get(address).body(Full::default()).unwrap()).await
}

async fn post(address: &str, form: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    send(Request::post(address).body(body.into()).unwrap()).await
}

fn challenge() -> String {
    URL_SAFE_NO_PAD
        .encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, VERIFIER.as_bytes()).as_ref())
}

async fn issuer() -> Issuer {
    let issuer = Issuer::start().await.unwrap();
    issuer.allow_redirect(CLIENT, REDIRECT);
    issuer
}

/// An address to authorize at, as a gateway asks; parameters here replace those of the same name, empty ones go.
async fn asking(discovery: &str, parameters: &[(&str, &str)]) -> String {
    let document = get(&format!("{discovery}/.well-known/openid-configuration")).await.json();
    let challenge = challenge();
    let mut all: BTreeMap<&str, &str> = BTreeMap::from([
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", REDIRECT),
        ("scope", "openid profile email"),
        ("state", "s1"),
        ("nonce", "n1"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ]);
    all.extend(parameters.iter().copied());
    all.retain(|_, value| !value.is_empty());
    let mut address = Url::parse(document["authorization_endpoint"].as_str().unwrap()).unwrap();
    address.query_pairs_mut().extend_pairs(all);
    address.to_string()
}

/// A person's tokens at a provider, by a code.
async fn tokens(discovery: &str, parameters: &[(&str, &str)]) -> Value {
    let answer = get(&asking(discovery, parameters).await).await;
    let back = answer.sent_back();
    let code = back.get("code").unwrap_or_else(|| panic!("no code: {back:?}"));
    let answer = redeem(discovery, code, &[]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.json()
}

async fn redeem(discovery: &str, code: &str, more: &[(&str, &str)]) -> Answer {
    let document = get(&format!("{discovery}/.well-known/openid-configuration")).await.json();
    let mut form: BTreeMap<&str, &str> = BTreeMap::from([
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("client_id", CLIENT),
        ("client_secret", SECRET),
    ]);
    form.extend(more.iter().copied());
    form.retain(|_, value| !value.is_empty());
    post(document["token_endpoint"].as_str().unwrap(), &form.into_iter().collect::<Vec<_>>()).await
}

/// The claims of an id token that the provider's published keys verify.
async fn verified(discovery: &str, token: &Value) -> Result<Value, String> {
    let document = get(&format!("{discovery}/.well-known/openid-configuration")).await.json();
    let set: JwkSet =
        serde_json::from_value(get(document["jwks_uri"].as_str().unwrap()).await.json()).unwrap();
    let token = token["id_token"].as_str().unwrap();
    let header = jsonwebtoken::decode_header(token).map_err(|error| error.to_string())?;
    let key = set.find(&header.kid.unwrap()).ok_or("unknown kid")?;
    let named = document["id_token_signing_alg_values_supported"][0].as_str().unwrap();
    let mut rules = Validation::new(named.parse().unwrap());
    rules.set_audience(&[CLIENT]);
    let key = DecodingKey::from_jwk(key).unwrap();
    let claims =
        jsonwebtoken::decode::<Value>(token, &key, &rules).map_err(|error| error.to_string())?.claims;
    Ok(claims)
}

mod entra;

#[tokio::test]
async fn a_person_signs_in_on_the_page_at_the_openid_provider() {
    let issuer = issuer().await;
    let page = get(&asking(issuer.url(), &[]).await).await;
    assert!(page.text.contains("Anna Adler") && !page.text.contains("<script"));
    let request = page.text.split("name=\"request\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let at = format!("{}/sign-in", issuer.url());
    let back = post(&at, &[("request", request), ("user", "anna")]).await.sent_back();
    assert_eq!((back["state"].as_str(), back["iss"].as_str()), ("s1", issuer.url()));
    let answer = redeem(issuer.url(), &back["code"], &[]).await.json();
    let claims = verified(issuer.url(), &answer).await.unwrap();
    assert_eq!(claims["iss"], issuer.url());
    assert_eq!(claims["sub"], "subject-of-anna");
    assert_eq!(claims["nonce"], "n1");
    assert_eq!(claims["email_verified"], true);
    // Neither the sign-in nor the code works again.
    assert!(post(&at, &[("request", request), ("user", "ben")]).await.text.contains("this sign-in is over"));
    let again = redeem(issuer.url(), &back["code"], &[]).await;
    assert_eq!(
        (again.status, again.json()["error"].clone()),
        (StatusCode::BAD_REQUEST, json!("invalid_grant"))
    );
}

#[tokio::test]
async fn who_signs_in_can_be_chosen_without_the_page() {
    let issuer = issuer().await;
    let by_query = tokens(issuer.url(), &[("mock_user", "ben")]).await;
    assert_eq!(verified(issuer.url(), &by_query).await.unwrap()["sub"], "subject-of-ben");
    issuer.signs_in(Some("una"));
    let by_handle = verified(issuer.url(), &tokens(issuer.url(), &[]).await).await.unwrap();
    assert_eq!(
        (&by_handle["email"], &by_handle["email_verified"]),
        (&json!("anna@contoso.example"), &json!(false))
    );
    let asked = asking(issuer.url(), &[]).await;
    let by_cookie = Request::get(asked).header("cookie", "a=b; mock_user=noe").body(Full::default()).unwrap();
    let code = send(by_cookie).await.sent_back()["code"].clone();
    let claims = verified(issuer.url(), &redeem(issuer.url(), &code, &[]).await.json()).await.unwrap();
    assert_eq!((&claims["sub"], &claims["email"]), (&json!("subject-of-noe"), &Value::Null));
}

#[tokio::test]
async fn forged_tokens_are_forged() {
    let issuer = Issuer::with(Settings { algorithm: Algorithm::Es256, ..Settings::default() }).await.unwrap();
    issuer.allow_redirect(CLIENT, REDIRECT);
    issuer.signs_in(Some("anna"));
    let honest = tokens(issuer.url(), &[]).await;
    assert_eq!(verified(issuer.url(), &honest).await.unwrap()["name"], "Anna Adler");
    for (signing, algorithm) in
        [(Signing::Unsigned, "none"), (Signing::PublicKeyAsSecret, "HS256"), (Signing::Foreign, "ES256")]
    {
        issuer.behave(|behaviour| behaviour.signing = signing);
        let forged = tokens(issuer.url(), &[]).await;
        let header = forged["id_token"].as_str().unwrap().split('.').next().unwrap();
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
        assert_eq!(header["alg"], algorithm);
        verified(issuer.url(), &forged).await.unwrap_err();
    }
    issuer.behave(|behaviour| {
        behaviour.signing = Signing::Own;
        behaviour.claims = json!({"aud": "another", "nonce": null}).as_object().unwrap().clone();
        behaviour.header = json!({"jku": "https://attacker.example/keys"}).as_object().unwrap().clone();
        behaviour.discovery = json!({"issuer": "https://attacker.example"}).as_object().unwrap().clone();
    });
    let bent = tokens(issuer.url(), &[]).await;
    assert_eq!(verified(issuer.url(), &bent).await, Err("InvalidAudience".to_owned()));
    let header = jsonwebtoken::decode_header(bent["id_token"].as_str().unwrap()).unwrap();
    assert_eq!(header.jku.as_deref(), Some("https://attacker.example/keys"));
    let document = get(&format!("{}/.well-known/openid-configuration", issuer.url())).await.json();
    assert_eq!(document["issuer"], "https://attacker.example");
}

#[tokio::test]
async fn a_code_is_bound_to_its_verifier_client_and_redirect() {
    let issuer = issuer().await;
    issuer.register(Client { secret: Some("other".to_owned()), ..Client::public("other") });
    issuer.signs_in(Some("anna"));
    for wrong in [
        vec![("code_verifier", "another-verifier-of-at-least-43-characters-long")],
        vec![("code_verifier", "")],
        vec![("redirect_uri", "http://127.0.0.1:9/other")],
        vec![("client_id", "other"), ("client_secret", "other")],
    ] {
        let code = get(&asking(issuer.url(), &[]).await).await.sent_back()["code"].clone();
        let answer = redeem(issuer.url(), &code, &wrong).await;
        assert_eq!(answer.json()["error"], "invalid_grant", "{wrong:?}");
    }
    for wrong in [("client_secret", "guessed"), ("client_secret", ""), ("client_id", "nobody")] {
        let code = get(&asking(issuer.url(), &[]).await).await.sent_back()["code"].clone();
        let answer = redeem(issuer.url(), &code, &[wrong]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{wrong:?}");
    }
    let without =
        get(&asking(issuer.url(), &[("code_challenge", ""), ("code_challenge_method", "")]).await).await;
    let code = without.sent_back()["code"].clone();
    assert_eq!(
        redeem(issuer.url(), &code, &[]).await.json()["error"],
        "invalid_grant",
        "a verifier of nothing"
    );
}

#[tokio::test]
async fn a_client_shows_who_it_is_by_basic_or_by_a_signed_assertion() {
    let clock = Arc::new(ManualClock::new(events::clock::SystemClock.now()));
    let issuer = Issuer::with(Settings { clock, ..Settings::default() }).await.unwrap();
    let pair = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&pair).unwrap();
    let client = Client { certificate: Some(certificate.pem()), ..Client::confidential().redirect(REDIRECT) };
    issuer.register(client);
    issuer.signs_in(Some("anna"));
    let code = get(&asking(issuer.url(), &[]).await).await.sent_back()["code"].clone();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}")));
    let at = format!("{}/token", issuer.url());
    let request = Request::post(&at).header("authorization", basic).body(body.into()).unwrap();
    assert_eq!(send(request).await.status, StatusCode::OK);

    let entra = issuer.entra(CONTOSO);
    let endpoint = format!("{}/{CONTOSO}/oauth2/v2.0/token", issuer.url());
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate.der());
    let assertion = |audience: &str, once: &str, thumb: Option<String>| {
        let mut header = Header::new(Alg::ES256);
        header.x5t_s256 = thumb;
        let until = events::clock::SystemClock.now().unix_seconds() + 60;
        let claims = json!({"iss": CLIENT, "sub": CLIENT, "aud": audience, "exp": until, "jti": once});
        let key = EncodingKey::from_ec_der(&pair.serialize_der());
        jsonwebtoken::encode(&header, &claims, &key).unwrap()
    };
    let thumb = Some(URL_SAFE_NO_PAD.encode(digest.as_ref()));
    let right = assertion(&endpoint, "1", thumb.clone());
    for (shown, status) in [
        (right.clone(), StatusCode::OK),
        (right, StatusCode::UNAUTHORIZED),
        (assertion("https://elsewhere.example", "2", thumb), StatusCode::UNAUTHORIZED),
        (assertion(&endpoint, "3", None), StatusCode::UNAUTHORIZED),
    ] {
        let code = get(&asking(&entra, &[]).await).await.sent_back()["code"].clone();
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let more =
            [("client_secret", ""), ("client_assertion", shown.as_str()), ("client_assertion_type", kind)];
        let answer = redeem(&entra, &code, &more).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
}

#[tokio::test]
async fn refresh_tokens_are_used_once_at_the_openid_provider_and_often_at_entra() {
    let issuer = issuer().await;
    for (at, again) in [(issuer.url().to_owned(), false), (issuer.entra(CONTOSO), true)] {
        let asked = [("mock_user", "anna"), ("scope", "openid offline_access")];
        let first = tokens(&at, &asked).await["refresh_token"].as_str().unwrap().to_owned();
        let form = [("grant_type", "refresh_token"), ("refresh_token", first.as_str())];
        let refresh = || redeem(&at, "", &form);
        let answer = refresh().await;
        assert_eq!(verified(&at, &answer.json()).await.unwrap()["nonce"], Value::Null);
        assert_eq!(refresh().await.status == StatusCode::OK, again);
    }
}

#[tokio::test]
async fn it_goes_wrong_and_slow_on_demand_and_tells_what_it_saw() {
    let issuer = issuer().await;
    issuer.behave(|behaviour| {
        behaviour.faults.insert(Endpoint::Keys, Fault::status(503).times(1));
        behaviour.faults.insert(Endpoint::Discovery, Fault::slow(30));
        behaviour.answers = Some("access_denied".to_owned());
    });
    let keys = format!("{}/jwks", issuer.url());
    assert_eq!(get(&keys).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get(&keys).await.status, StatusCode::OK);
    let discovery = format!("{}/.well-known/openid-configuration", issuer.url());
    let soon = tokio::time::timeout(Duration::from_millis(5), get(&discovery)).await;
    assert!(soon.is_err(), "it was to be slow");
    let back = get(&asking(issuer.url(), &[("prompt", "consent")]).await).await.sent_back();
    assert_eq!(back["error"], "access_denied");
    let seen = issuer.seen();
    assert_eq!(seen.iter().filter(|seen| seen.endpoint == Endpoint::Keys).count(), 2);
    assert_eq!(seen.last().unwrap().parameters["prompt"], "consent");

    let control = format!("{}/control", issuer.url());
    let change = json!({"rotate": true, "forget_seen": true, "behaviour": {"signs_in": "ben"}});
    let request = Request::post(&control).header("content-type", "application/json");
    let told = send(request.body(change.to_string().into()).unwrap()).await.json();
    assert_eq!((&told["kid"], &told["seen"]), (&json!(issuer.kid()), &json!([])));
    let ben = verified(issuer.url(), &tokens(issuer.url(), &[]).await).await.unwrap();
    assert_eq!(ben["sub"], "subject-of-ben");
    let secret = issuer.seen().into_iter().find(|seen| seen.endpoint == Endpoint::Token).unwrap();
    assert_eq!(secret.parameters["client_secret"], "…");
}
