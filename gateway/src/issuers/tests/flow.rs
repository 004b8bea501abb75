//! Signing in over real HTTP, at an issuer that does what it is told.

use std::sync::Arc;
use std::time::Duration;

use events::OrganizationId;
use events::clock::{Clock, ManualClock, SystemClock};
use events::issuer::{CredentialKind, MappedRole};
use http::Request;
use http_body_util::Full;
use hyper_util::client::legacy::Client as Browser;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use issuer::{CLIENT, CONTOSO, Endpoint, FABRIKAM, Fault, Issuer, Signing};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::{ID, REDIRECT, settings, sign_in, sign_in_at, sign_in_by};
use crate::issuers::error::SignInError;
use crate::issuers::token::TokenError;
use crate::issuers::{Callback, CallbackError, Identity, SignIn};

async fn started() -> Issuer {
    let issuer = Issuer::start().await.unwrap();
    issuer.allow_redirect(CLIENT, REDIRECT);
    issuer.signs_in(Some("anna"));
    issuer
}

fn openid(issuer: &Issuer) -> Value {
    json!({"kind": "openid", "issuer": issuer.url()})
}

fn entra(issuer: &Issuer, tenants: &[&str], guests: bool) -> Value {
    json!({"kind": "entra", "authority": issuer.url(), "tenants": tenants, "guests": guests})
}

/// Where the issuer sends a browser back to.
async fn sent_back(to: &Url) -> String {
    let browser: Browser<HttpConnector, Full<bytes::Bytes>> =
        Browser::builder(TokioExecutor::new()).build_http();
    let request = Request::get(to.as_str()).body(Full::default()).unwrap();
    let answer = browser.request(request).await.unwrap();
    let location = answer.headers().get("location").unwrap_or_else(|| panic!("{} {to}", answer.status()));
    let back = Url::parse(location.to_str().unwrap()).unwrap();
    assert!(back.as_str().starts_with(REDIRECT), "{back}");
    back.query().unwrap().to_owned()
}

async fn signed_in(by: &SignIn) -> Result<Identity, SignInError> {
    let begun = by.begin(ID).await?;
    let query = sent_back(&begun.redirect).await;
    by.finish(&begun.kept, &Callback::parse(&query).unwrap()).await
}

#[tokio::test]
async fn a_person_signs_in_by_openid_and_is_what_the_rules_say() {
    let issuer = started().await;
    let organization = OrganizationId::new(Uuid::from_u128(7));
    let engineering = issuer::Person::cast()[0].groups[0].clone();
    let rules = json!([
        {"claim": "groups", "value": "nobody", "organization": organization, "role": "admin"},
        {"claim": "groups", "value": engineering, "organization": organization, "role": "developer",
            "scopes": ["mcp:docs"]},
        {"claim": "roles", "value": "Keyledger.Developer", "organization": organization, "role": "viewer",
            "scopes": ["mcp:tools:tools:get_*"]},
    ]);
    let restrictions =
        json!({"domains": ["contoso.example"], "required": [{"claim": "groups", "any_of": [engineering]}]});
    let by =
        sign_in(settings(openid(&issuer), CLIENT, json!({"rules": rules, "restrictions": restrictions})))
            .await;
    let begun = by.begin(ID).await.unwrap();
    let asked: std::collections::HashMap<_, _> = begun.redirect.query_pairs().into_owned().collect();
    assert_eq!(
        (asked["scope"].as_str(), asked["code_challenge_method"].as_str()),
        ("email openid profile", "S256")
    );
    assert!(!asked.contains_key("resource") && !asked.contains_key("prompt"));
    assert!(!format!("{:?}", begun.kept).contains(&asked["nonce"]));
    // It is kept sealed elsewhere, and read back.
    let kept = serde_json::from_str(&serde_json::to_string(&begun.kept).unwrap()).unwrap();
    let query = sent_back(&begun.redirect).await;
    let identity = by.finish(&kept, &Callback::parse(&query).unwrap()).await.unwrap();
    assert_eq!((identity.issuer, identity.tenant, identity.subject.as_str()), (ID, None, "subject-of-anna"));
    assert_eq!((identity.email.as_deref(), identity.email_verified), (Some("anna@contoso.example"), true));
    assert_eq!(identity.name.as_deref(), Some("Anna Adler"));
    let [granted] = &identity.granted[..] else { panic!("{identity:?}") };
    assert_eq!((granted.organization, granted.role), (organization, Some(MappedRole::Developer)));
    assert_eq!(granted.scopes, Some("mcp:docs mcp:tools:tools:get_*".parse().unwrap()));
    // A code is used once.
    let again = by.finish(&kept, &Callback::parse(&query).unwrap()).await.unwrap_err();
    assert!(matches!(again, SignInError::Refused { .. }), "{again}");
}

#[tokio::test]
async fn restrictions_refuse_in_words() {
    let issuer = started().await;
    let only = |restrictions: Value| settings(openid(&issuer), CLIENT, json!({"restrictions": restrictions}));
    let of_domain = sign_in(only(json!({"domains": ["contoso.example"], "required": []}))).await;
    for (user, expected) in [("wim", "OtherDomain"), ("una", "UnverifiedEmail"), ("noe", "NoEmail")] {
        issuer.signs_in(Some(user));
        let told = format!("{:?}", signed_in(&of_domain).await.unwrap_err());
        assert!(told.contains(expected), "{user}: {told}");
    }
    issuer.signs_in(Some("anna"));
    let of_group = only(json!({"domains": [], "required": [{"claim": "groups", "any_of": ["admins"]}]}));
    let told = signed_in(&sign_in(of_group).await).await.unwrap_err();
    assert!(matches!(&told, SignInError::Required(claim) if claim == "groups"), "{told}");
}

#[tokio::test]
async fn what_an_issuer_or_somebody_between_does_wrong_is_refused() {
    let issuer = started().await;
    let by = sign_in(settings(openid(&issuer), CLIENT, json!({}))).await;
    for signing in [Signing::Unsigned, Signing::PublicKeyAsSecret, Signing::Foreign] {
        issuer.behave(|behaviour| behaviour.signing = signing.clone());
        let told = signed_in(&by).await.unwrap_err();
        assert!(
            matches!(told, SignInError::Token(TokenError::Algorithm(_) | TokenError::Signature)),
            "{told}"
        );
    }
    issuer.behave(|behaviour| behaviour.signing = Signing::Own);
    for (iss, good) in [(None, true), (Some("https://evil.example"), false), (Some(""), false)] {
        issuer.behave(|behaviour| behaviour.answer_issuer = iss.map(str::to_owned));
        let told = signed_in(&by).await;
        assert_eq!(told.is_ok(), good, "{iss:?}: {told:?}");
    }
    issuer.behave(|behaviour| behaviour.answer_issuer = None);
    issuer.behave(|behaviour| behaviour.answers = Some("access_denied".to_owned()));
    let told = signed_in(&by).await.unwrap_err();
    assert!(told.is_the_persons(), "{told}");
    issuer.behave(|behaviour| behaviour.answers = None);
    // Another browser's answer.
    let (one, other) = (by.begin(ID).await.unwrap(), by.begin(ID).await.unwrap());
    let query = sent_back(&other.redirect).await;
    let told = by.finish(&one.kept, &Callback::parse(&query).unwrap()).await.unwrap_err();
    assert!(matches!(told, SignInError::Callback(CallbackError::State)), "{told}");
    for bad in ["code=a&code=b", "state=a&state=b", &format!("code={}", "x".repeat(9_000))] {
        assert!(matches!(Callback::parse(bad), Err(CallbackError::Form(_))), "{bad}");
    }
}

#[tokio::test]
async fn a_new_key_is_found_and_an_issuer_that_is_away_is_remembered() {
    let issuer = started().await;
    let by = sign_in(settings(openid(&issuer), CLIENT, json!({}))).await;
    signed_in(&by).await.unwrap();
    let fetches =
        |issuer: &Issuer| issuer.seen().iter().filter(|seen| format!("{seen:?}").contains("Keys")).count();
    // Its keys turn right after they were fetched: they are not fetched again within half a minute.
    issuer.rotate();
    issuer.withdraw_old_keys();
    let before = fetches(&issuer);
    for _ in 0..3 {
        let told = signed_in(&by).await.unwrap_err();
        assert!(matches!(told, SignInError::Token(TokenError::UnknownKey)), "{told}");
    }
    assert_eq!(fetches(&issuer), before, "unknown keys make no fetches");
    // Somebody who knew nothing before knows the new key; what it knows lasts while documents and keys are away.
    let fresh = sign_in(settings(openid(&issuer), CLIENT, json!({}))).await;
    signed_in(&fresh).await.unwrap();
    for endpoint in [Endpoint::Discovery, Endpoint::Keys] {
        issuer.behave(|behaviour| behaviour.faults.insert(endpoint, Fault::status(503)));
    }
    signed_in(&fresh).await.unwrap();
    let unknown = sign_in(settings(openid(&issuer), CLIENT, json!({}))).await;
    let told = unknown.begin(ID).await.err().unwrap().to_string();
    assert!(told.contains("503"), "{told}");
}

#[tokio::test]
async fn an_unknown_key_is_looked_for_after_half_a_minute_and_not_before() {
    let issuer = started().await;
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let shown = Some((CredentialKind::Secret, issuer::SECRET));
    let by = sign_in_at(settings(openid(&issuer), CLIENT, json!({})), shown, true, clock.clone()).await;
    signed_in(&by).await.unwrap();
    let fetches =
        |issuer: &Issuer| issuer.seen().iter().filter(|seen| format!("{seen:?}").contains("Keys")).count();
    let before = fetches(&issuer);
    issuer.rotate();
    clock.advance(Duration::from_secs(29));
    let told = signed_in(&by).await.unwrap_err();
    assert!(matches!(told, SignInError::Token(TokenError::UnknownKey)), "{told}");
    assert_eq!(fetches(&issuer), before);
    clock.advance(Duration::from_secs(1));
    signed_in(&by).await.unwrap();
    assert_eq!(fetches(&issuer), before + 1);
    // A forged key id causes one fetch in half a minute, however often it comes.
    issuer.behave(|behaviour| behaviour.header.insert("kid".to_owned(), "forged".into()));
    clock.advance(Duration::from_secs(30));
    for _ in 0..3 {
        signed_in(&by).await.unwrap_err();
    }
    assert_eq!(fetches(&issuer), before + 2);
}

#[tokio::test]
async fn entra_lets_in_the_tenants_that_are_listed() {
    let issuer = started().await;
    let both = sign_in(settings(entra(&issuer, &[CONTOSO, FABRIKAM], false), CLIENT, json!({}))).await;
    let anna = signed_in(&both).await.unwrap();
    let person = &issuer::Person::cast()[0];
    assert_eq!(anna.tenant.unwrap().to_string(), CONTOSO);
    assert_eq!((anna.subject, anna.email_verified), (person.object(CONTOSO), true));
    issuer.signs_in(Some("wim"));
    assert_eq!(signed_in(&both).await.unwrap().tenant.unwrap().to_string(), FABRIKAM);
    let other = "a0000000-0000-4000-8000-000000000009";
    let listed = sign_in(settings(entra(&issuer, &[CONTOSO, other], false), CLIENT, json!({}))).await;
    let told = signed_in(&listed).await.unwrap_err().to_string();
    assert!(told.contains(FABRIKAM), "{told}");
    issuer.signs_in(Some("gus"));
    for (guests, good) in [(true, true), (false, false)] {
        let one = sign_in(settings(entra(&issuer, &[CONTOSO], guests), CLIENT, json!({}))).await;
        assert_eq!(signed_in(&one).await.is_ok(), good);
    }
}

#[tokio::test]
async fn too_many_groups_are_refused_or_read_from_graph() {
    let issuer = started().await;
    issuer.signs_in(Some("olga"));
    let last = issuer::Person::cast().into_iter().find(|person| person.user == "olga").unwrap().groups.pop();
    let restrictions = json!({"domains": [], "required": [{"claim": "groups", "any_of": [last]}]});
    let protocol = entra(&issuer, &[CONTOSO], false);
    let refuses = settings(protocol.clone(), CLIENT, json!({"restrictions": restrictions}));
    let told = signed_in(&sign_in(refuses).await).await.unwrap_err();
    assert!(matches!(told, SignInError::TooManyGroups), "{told}");
    let host = issuer.graph().strip_prefix("http://").unwrap().to_owned();
    issuer.behave(|behaviour| behaviour.discovery.insert("msgraph_host".to_owned(), host.into()));
    let scopes = json!(["openid", "https://graph.microsoft.com/User.Read"]);
    let over = json!({"restrictions": restrictions, "overage": "graph", "scopes": scopes});
    let reads = sign_in(settings(protocol, CLIENT, over)).await;
    signed_in(&reads).await.unwrap();
    issuer.behave(|behaviour| behaviour.faults.insert(Endpoint::Graph, Fault::status(500)));
    let told = signed_in(&reads).await.unwrap_err();
    assert!(matches!(told, SignInError::Graph(_)), "{told}");
}

#[tokio::test]
async fn a_certificate_shows_who_we_are() {
    let issuer = started().await;
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["keyledger".to_owned()]).unwrap().self_signed(&key).unwrap();
    let pem = format!("{}{}", key.serialize_pem(), certificate.pem());
    let client = issuer::Client { certificate: Some(certificate.pem()), ..issuer::Client::public(CLIENT) };
    issuer.register(client.redirect(REDIRECT));
    for protocol in [openid(&issuer), entra(&issuer, &[CONTOSO], false)] {
        let over = json!({"authentication": "private_key_jwt"});
        let shown = Some((CredentialKind::Certificate, pem.as_str()));
        let by = sign_in_by(settings(protocol, CLIENT, over), shown, true).await;
        signed_in(&by).await.unwrap();
    }
}

#[tokio::test]
async fn no_closed_address_is_asked_and_no_redirect_is_followed() {
    let issuer = started().await;
    let closed = sign_in_by(settings(openid(&issuer), CLIENT, json!({})), None, false).await;
    let told = closed.begin(ID).await.err().unwrap().to_string();
    assert!(told.contains("issuers.allow") && told.contains("loopback"), "{told}");
    let mut fault = Fault::status(302);
    fault.headers.insert("location".to_owned(), "http://169.254.169.254/".to_owned());
    issuer.behave(|behaviour| behaviour.faults.insert(Endpoint::Discovery, fault));
    let open = sign_in(settings(openid(&issuer), CLIENT, json!({}))).await;
    let told = open.begin(ID).await.err().unwrap().to_string();
    assert!(told.contains("redirect"), "{told}");
}
