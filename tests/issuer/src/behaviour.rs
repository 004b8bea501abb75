//! What the issuer does that another would not, or not today: its faults, on demand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The beginning is an issuer that is well.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Whoever comes is this person, without a page.
    pub signs_in: Option<String>,
    /// The authorization endpoint sends people back with this OAuth error (`access_denied`).
    pub answers: Option<String>,
    pub faults: BTreeMap<Endpoint, Fault>,
    /// Laid over the claims of each id token; null takes a claim away.
    pub claims: Map<String, Value>,
    /// Laid over the header of each id token.
    pub header: Map<String, Value>,
    /// Laid over each discovery document.
    pub discovery: Map<String, Value>,
    pub signing: Signing,
    /// `iss` in the authorization answer (RFC 9207) of the OpenID provider instead of its own; `""`: none.
    pub answer_issuer: Option<String>,
    /// How long an id token and an access token live.
    pub lifetime_seconds: i64,
    /// More groups than these are told as an overage (`_claim_names`).
    pub most_groups: usize,
    /// Before March 2026, Entra ID refused every `resource` (AADSTS901002); since then one that is not the app's
    /// (AADSTS9010010).
    pub refuses_every_resource: bool,
    /// Whether refresh tokens are used once.
    pub rotates_refresh: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            signs_in: None,
            answers: None,
            faults: BTreeMap::new(),
            claims: Map::new(),
            header: Map::new(),
            discovery: Map::new(),
            signing: Signing::Own,
            answer_issuer: None,
            lifetime_seconds: 3600,
            most_groups: 200,
            refuses_every_resource: false,
            rotates_refresh: true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    Discovery,
    Keys,
    Authorize,
    SignIn,
    Token,
    Userinfo,
    Graph,
}

/// What an endpoint does instead of its work, or before it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    /// It waits so long first.
    pub delay_ms: u64,
    /// Then it answers this instead; without it, as ever.
    pub status: Option<u16>,
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// So many requests meet it, then it is over; without it, all do.
    pub times: Option<u32>,
}

impl Fault {
    /// Answers this status with an empty body, always.
    pub fn status(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// Answers as ever, so much later.
    pub fn slow(delay_ms: u64) -> Self {
        Self { delay_ms, ..Self::default() }
    }

    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }
}

/// By what id tokens are signed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signing {
    #[default]
    Own,
    /// `alg: none` and no signature.
    Unsigned,
    /// `alg: HS256` with the public key's PEM for a secret.
    PublicKeyAsSecret,
    /// A key that was never published, under the id of the one that signs.
    Foreign,
    /// The published key with this id.
    Kid(String),
}

/// Lays members over an object; null takes one away.
pub(crate) fn lay(over: &Map<String, Value>, object: &mut Map<String, Value>) {
    for (name, value) in over {
        if value.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
}
