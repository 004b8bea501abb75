//! The apps that are registered here, and how they prove who they are at the token endpoint.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, header};
use jsonwebtoken::{DecodingKey, Validation};
use serde::{Deserialize, Serialize};
use x509_parser::pem::parse_x509_pem;

use crate::parameters::Parameters;
use crate::realm::Realm;
use crate::refusal::Refusal;
use crate::state::{Shared, State};

/// The client that [`crate::Settings::default`] has, and its secret.
pub const CLIENT: &str = "11111111-1111-4111-8111-111111111111";
pub const SECRET: &str = "the-mock-clients-secret";

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Client {
    pub id: String,
    #[serde(default)]
    pub secret: Option<String>,
    /// X.509 in PEM, whose key signs client assertions (RFC 7523 §2.2). Entra ID also wants its digest in the header.
    #[serde(default)]
    pub certificate: Option<String>,
    #[serde(default)]
    pub redirects: Vec<String>,
    /// The Application ID URI, by which its scopes are qualified at Entra ID.
    pub app_uri: String,
    /// The scopes of its own API, short.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Whether id tokens tell groups.
    #[serde(default)]
    pub tells_groups: bool,
    /// The one tenant whose people may sign in; without it, every organization's.
    #[serde(default)]
    pub tenant: Option<String>,
}

impl Client {
    /// Public (PKCE alone), of every organization, with the scope `access` of its own.
    pub fn public(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            secret: None,
            certificate: None,
            redirects: Vec::new(),
            app_uri: format!("api://{id}"),
            scopes: vec!["access".to_owned()],
            tells_groups: true,
            tenant: None,
        }
    }

    /// [`CLIENT`] with [`SECRET`].
    pub fn confidential() -> Self {
        Self { secret: Some(SECRET.to_owned()), ..Self::public(CLIENT) }
    }

    pub fn redirect(mut self, address: &str) -> Self {
        self.redirects.push(address.to_owned());
        self
    }

    pub(crate) fn is_public(&self) -> bool {
        self.secret.is_none() && self.certificate.is_none()
    }
}

/// The client that a request to the token endpoint is of: `client_secret_basic`, `client_secret_post`,
/// `private_key_jwt`, or none for a public one. Two at once are refused (RFC 6749 §2.3).
pub(crate) fn authenticate(
    shared: &Shared,
    state: &mut State,
    realm: &Realm,
    headers: &HeaderMap,
    form: &Parameters,
) -> Result<Client, Refusal> {
    let basic = headers.get(header::AUTHORIZATION).map(|value| basic(value.as_bytes())).transpose()?;
    let (post, assertion) = (form.get("client_secret"), form.get("client_assertion"));
    if usize::from(basic.is_some()) + usize::from(post.is_some()) + usize::from(assertion.is_some()) > 1 {
        return Err(Refusal::request("a client proves who it is in one way at a time"));
    }
    let id = match (&basic, assertion, form.get("client_id")) {
        (Some((id, _)), _, None) => id.clone(),
        (Some((id, _)), _, Some(other)) if id == other => id.clone(),
        (Some(_), _, Some(_)) => return Err(Refusal::request("two different client ids")),
        (None, Some(assertion), None) => subject(assertion)?,
        (None, _, Some(id)) => id.to_owned(),
        (None, None, None) => return Err(Refusal::missing("client_id")),
    };
    let client = state.client(&id).cloned().ok_or_else(|| Refusal::unknown_client(&id))?;
    if let Some(assertion) = assertion {
        if form.get("client_assertion_type") != Some(JWT_BEARER) {
            return Err(Refusal::client("client_assertion_type is not the JWT's"));
        }
        check_assertion(shared, state, realm, &client, assertion)?;
    } else if let Some(secret) = basic.as_ref().map(|(_, secret)| secret.as_str()).or(post) {
        if client.secret.as_deref() != Some(secret) {
            return Err(Refusal::entra("invalid_client", "AADSTS7000215", "Invalid client secret provided."));
        }
    } else if !client.is_public() {
        let needed =
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
        return Err(Refusal::entra("invalid_client", "AADSTS7000218", needed));
    }
    Ok(client)
}

/// Id and secret, each form-encoded within (RFC 6749 §2.3.1).
fn basic(value: &[u8]) -> Result<(String, String), Refusal> {
    let bad = || Refusal::client("the Authorization header is no Basic credential");
    let text =
        std::str::from_utf8(value).ok().and_then(|text| text.strip_prefix("Basic ")).ok_or_else(bad)?;
    let decoded =
        STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(bad)?;
    let (id, secret) = decoded.split_once(':').ok_or_else(bad)?;
    let plain = |text: &str| {
        url::form_urlencoded::parse(format!("v={text}").as_bytes())
            .next()
            .map(|(_, value)| value.into_owned())
    };
    Ok((plain(id).ok_or_else(bad)?, plain(secret).ok_or_else(bad)?))
}

#[derive(Deserialize)]
struct Assertion {
    sub: String,
    #[serde(default)]
    jti: Option<String>,
}

/// Whose the assertion says it is; it is checked after.
fn subject(assertion: &str) -> Result<String, Refusal> {
    jsonwebtoken::dangerous::insecure_decode::<Assertion>(assertion)
        .map(|token| token.claims.sub)
        .map_err(|_| Refusal::client("the client assertion is no JWT"))
}

fn check_assertion(
    shared: &Shared,
    state: &mut State,
    realm: &Realm,
    client: &Client,
    assertion: &str,
) -> Result<(), Refusal> {
    let refused = |why: String| {
        Refusal::entra("invalid_client", "AADSTS700027", format!("The client assertion is refused: {why}."))
    };
    let pem =
        client.certificate.as_deref().ok_or_else(|| refused("no certificate is registered".to_owned()))?;
    let (_, pem) = parse_x509_pem(pem.as_bytes()).map_err(|error| refused(error.to_string()))?;
    let certificate = pem.parse_x509().map_err(|error| refused(error.to_string()))?;
    let header = jsonwebtoken::decode_header(assertion).map_err(|error| refused(error.to_string()))?;
    use jsonwebtoken::Algorithm::{ES256, PS256, RS256};
    let public = &certificate.public_key().subject_public_key.data;
    let is_curve = certificate.public_key().algorithm.algorithm.to_id_string() == "1.2.840.10045.2.1";
    let (key, algorithms) = if is_curve {
        (DecodingKey::from_ec_der(public), vec![ES256])
    } else {
        (DecodingKey::from_rsa_der(public), vec![RS256, PS256])
    };
    if realm.is_entra() {
        let sha256 = URL_SAFE_NO_PAD.encode(digest(&SHA256, &pem.contents));
        if header.x5t_s256.as_deref() != Some(&sha256) {
            return Err(refused("x5t#S256 in its header is not the registered certificate's".to_owned()));
        }
    }
    let mut rules = Validation::new(header.alg);
    if !algorithms.contains(&header.alg) {
        return Err(refused(format!("{:?} is not an algorithm of its key", header.alg)));
    }
    rules.algorithms = algorithms;
    rules.set_audience(&[realm.token_endpoint(&shared.base), realm.issuer(&shared.base, &shared.sts, None)]);
    rules.set_issuer(&[&client.id]);
    rules.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
    rules.sub = Some(client.id.clone());
    let claims = jsonwebtoken::decode::<Assertion>(assertion, &key, &rules)
        .map_err(|error| refused(error.to_string()))?
        .claims;
    let once = claims.jti.ok_or_else(|| refused("it has no jti".to_owned()))?;
    if state.assertions.insert(format!("{} {once}", client.id), ()).is_some() {
        return Err(refused("its jti was used before".to_owned()));
    }
    Ok(())
}
