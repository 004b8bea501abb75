//! What the client asks for, and how it shows that it is the one that asked.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, header};
use subtle::ConstantTimeEq;

/// The parameters of a query or a form; one that comes twice is as if it were not there.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub fn parse(encoded: &str) -> Self {
        Self(url::form_urlencoded::parse(encoded.as_bytes()).into_owned().collect())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(one, value)| one == name && !value.is_empty());
        let (_, value) = found.next()?;
        found.next().is_none().then_some(value)
    }
}

/// An authorization request that can be answered.
#[derive(Debug)]
pub(super) struct Ask {
    pub state: Option<String>,
    pub nonce: Option<String>,
    /// S256 (RFC 7636 §4.2).
    challenge: String,
}

/// RFC 6749 §4.1.2.1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub error: &'static str,
    pub description: &'static str,
}

impl Ask {
    pub fn read(form: &Form) -> Result<Self, Refused> {
        let refused = |error, description| Err(Refused { error, description });
        if form.get("response_type") != Some("code") {
            return refused("unsupported_response_type", "response_type is code here");
        }
        if !form.get("scope").unwrap_or_default().split(' ').any(|scope| scope == "openid") {
            return refused("invalid_scope", "openid is among the scopes of a sign-in");
        }
        let challenge = form.get("code_challenge");
        let (Some(challenge), Some("S256")) = (challenge, form.get("code_challenge_method")) else {
            return refused("invalid_request", "a code_challenge by S256 is required");
        };
        let given = |name: &str| form.get(name).map(str::to_owned);
        Ok(Self { state: given("state"), nonce: given("nonce"), challenge: challenge.to_owned() })
    }

    pub fn is_proved_by(&self, verifier: Option<&str>) -> bool {
        verifier.is_some_and(|verifier| {
            let shown = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
            shown.as_bytes().ct_eq(self.challenge.as_bytes()).into()
        })
    }
}

/// By `client_secret_basic` or `client_secret_post` (RFC 6749 §2.3.1).
pub(super) fn is_client(headers: &HeaderMap, form: &Form, id: &str, secret: &str) -> bool {
    let shown = match headers.get(header::AUTHORIZATION) {
        Some(value) => basic(value.as_bytes()),
        None => form
            .get("client_id")
            .zip(form.get("client_secret"))
            .map(|(id, secret)| (id.to_owned(), secret.to_owned())),
    };
    shown.is_some_and(|(shown_id, shown_secret)| {
        shown_id == id && bool::from(shown_secret.as_bytes().ct_eq(secret.as_bytes()))
    })
}

/// Id and secret, each form-encoded within.
fn basic(value: &[u8]) -> Option<(String, String)> {
    let encoded = std::str::from_utf8(value).ok()?.strip_prefix("Basic ")?;
    let both = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = both.split_once(':')?;
    let plain = |text: &str| Form::parse(&format!("v={text}")).get("v").map(str::to_owned);
    Some((plain(id)?, plain(secret)?))
}
