//! What an issuer says of itself (OpenID Connect Discovery 1.0 §3): judged against what it was registered as. Pure.

use events::issuer::{Authentication, IssuerSettings, Protocol};
use serde_json::Value;
use url::{Host, Url};

use super::entra;

/// An issuer as its own documents tell.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Whose tokens they are, with `{tenantid}` in the tenant's place at Entra ID for several.
    pub issuer: String,
    /// Entra's version 1 names its issuer otherwise; `None`: no token of it counts.
    pub v1_issuer: Option<String>,
    pub authorization: Url,
    pub token: Url,
    pub jwks: Url,
    /// RFC 9207: each authorization answer names its issuer.
    pub names_itself: bool,
    /// How clients may show who they are; `None`: it does not say.
    pub authentication: Option<Vec<String>>,
    pub algorithms: Option<Vec<String>>,
    /// Where Microsoft Graph of this cloud is, without a slash at its end.
    pub graph: Option<String>,
}

/// What is wrong with a discovery document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    #[error("the discovery document names no `{0}`")]
    Missing(&'static str),
    #[error(
        "the discovery document is of the issuer `{found}`, and `{expected}` was registered: they must be the same to the \
         letter, a slash at the end included"
    )]
    OtherIssuer { found: String, expected: String },
    #[error("the discovery document's `{member}` is no https URL that can be called: {value}")]
    Address { member: &'static str, value: String },
}

/// Where an issuer's documents are.
pub fn documents(settings: &IssuerSettings) -> Vec<String> {
    match &settings.protocol {
        Protocol::OpenId { issuer } => {
            vec![format!("{}/.well-known/openid-configuration", issuer.as_str().trim_end_matches('/'))]
        }
        Protocol::Entra { authority, tenants, .. } => {
            let tenant = entra::place(tenants);
            ["/v2.0", ""]
                .map(|version| format!("{authority}/{tenant}{version}/.well-known/openid-configuration"))
                .to_vec()
        }
    }
}

impl Provider {
    /// Of its document, and at Entra ID of version 1's, if that could be had.
    pub fn of(
        settings: &IssuerSettings,
        document: &Value,
        v1: Option<&Value>,
    ) -> Result<Self, DiscoveryError> {
        let text = |member: &'static str| {
            document.get(member).and_then(Value::as_str).ok_or(DiscoveryError::Missing(member))
        };
        let plain = settings.protocol.is_plain();
        let address = |member: &'static str| {
            let value = text(member)?;
            let wrong = || DiscoveryError::Address { member, value: value.chars().take(200).collect() };
            callable(value, plain).ok_or_else(wrong)
        };
        let expected = match &settings.protocol {
            Protocol::OpenId { issuer } => issuer.to_string(),
            Protocol::Entra { authority, tenants, .. } => {
                format!("{authority}/{}/v2.0", entra::template(tenants))
            }
        };
        let found = text("issuer")?;
        if found != expected {
            let found = found.chars().take(300).collect();
            return Err(DiscoveryError::OtherIssuer { found, expected });
        }
        let v1_issuer = match &settings.protocol {
            Protocol::OpenId { .. } => None,
            Protocol::Entra { tenants, .. } => v1.and_then(|v1| entra::v1_issuer(v1, tenants, plain)),
        };
        let scheme = if plain { "http" } else { "https" };
        let graph = document.get("msgraph_host").and_then(Value::as_str);
        let graph = graph.and_then(|host| callable(&format!("{scheme}://{host}"), plain));
        Ok(Self {
            issuer: expected,
            v1_issuer,
            authorization: address("authorization_endpoint")?,
            token: address("token_endpoint")?,
            jwks: address("jwks_uri")?,
            names_itself: document.get("authorization_response_iss_parameter_supported")
                == Some(&Value::Bool(true)),
            authentication: texts(document, "token_endpoint_auth_methods_supported"),
            algorithms: texts(document, "id_token_signing_alg_values_supported"),
            graph: graph.map(|url| url.as_str().trim_end_matches('/').to_owned()),
        })
    }

    /// Whether it takes this way of showing who we are (OpenID Connect Discovery 1.0 §3: Basic where it does not say).
    pub fn takes(&self, authentication: Authentication) -> bool {
        match (&self.authentication, authentication) {
            // Public clients are often taken and seldom listed.
            (_, Authentication::None) => true,
            (None, other) => other == Authentication::ClientSecretBasic,
            (Some(listed), other) => listed.iter().any(|one| one == other.as_str()),
        }
    }
}

fn texts(document: &Value, member: &str) -> Option<Vec<String>> {
    let items = document.get(member)?.as_array()?;
    Some(items.iter().filter_map(Value::as_str).take(50).map(str::to_owned).collect())
}

/// An address that the gateway calls, or sends a browser to.
pub(super) fn callable(text: &str, plain: bool) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= 2_048)?;
    let loopback = match url.host()? {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(name) => name == "localhost",
    };
    let scheme = url.scheme() == "https" || (plain && loopback && url.scheme() == "http");
    let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (scheme && bare).then_some(url)
}
