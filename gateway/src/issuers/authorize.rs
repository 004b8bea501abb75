//! The question that a person's browser takes to an issuer (OpenID Connect Core 1.0 §3.1.2.1), and what is kept of it.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::clock::Random;
use events::issuer::{IssuerSettings, Overage, Protocol};
use events::{IssuerId, Timestamp};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use url::Url;
use zeroize::Zeroizing;

use super::callback::{Callback, CallbackError};
use super::discovery::Provider;
use super::secret_text::SecretText;

/// What is needed to finish a sign-in: to be kept sealed, and used once.
#[derive(Clone, Serialize, Deserialize)]
pub struct Kept {
    pub issuer: IssuerId,
    state: String,
    nonce: String,
    verifier: SecretText,
    begun: Timestamp,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Kept {
    /// A sign-in that takes longer is begun again.
    pub const LASTS: Duration = Duration::from_secs(15 * 60);

    /// Each of 256 bits.
    pub(super) fn drawn(issuer: IssuerId, now: Timestamp, random: &dyn Random) -> Self {
        let drawn = || {
            let mut bytes = Zeroizing::new([0; 32]);
            random.fill(&mut *bytes);
            URL_SAFE_NO_PAD.encode(*bytes)
        };
        Self { issuer, state: drawn(), nonce: drawn(), verifier: drawn().into(), begun: now }
    }

    /// What the issuer sends back: it names the sign-in among those that are kept.
    pub fn state(&self) -> &str {
        &self.state
    }

    pub(super) fn nonce(&self) -> &str {
        &self.nonce
    }

    /// RFC 7636 §4.1.
    pub(super) fn verifier(&self) -> &str {
        &self.verifier
    }

    /// Whether the answer is this sign-in's, and comes in time.
    pub(super) fn is_of(&self, callback: &Callback, now: Timestamp) -> Result<(), CallbackError> {
        let said = callback.state.as_deref().unwrap_or_default();
        if !bool::from(said.as_bytes().ct_eq(self.state.as_bytes())) {
            return Err(CallbackError::State);
        }
        if now.since(self.begun) > Self::LASTS { Err(CallbackError::TooLate) } else { Ok(()) }
    }
}

/// Where the browser goes. Nothing of what a client asked us is in it: neither `resource`, nor `prompt`, nor a scope.
pub(super) fn url(settings: &IssuerSettings, provider: &Provider, redirect: &Url, kept: &Kept) -> Url {
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, kept.verifier().as_bytes()));
    let mut url = provider.authorization.clone();
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", settings.client_id.as_str())
        .append_pair("redirect_uri", redirect.as_str())
        .append_pair("scope", &scopes(settings, provider))
        .append_pair("state", kept.state())
        .append_pair("nonce", kept.nonce())
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256");
    url
}

/// The issuer's own scopes. Where groups are read from Graph, a token for Graph is asked for.
pub(super) fn scopes(settings: &IssuerSettings, provider: &Provider) -> String {
    let mut scopes: Vec<&str> = settings.scopes.iter().map(|scope| scope.as_str()).collect();
    let entra = matches!(settings.protocol, Protocol::Entra { .. });
    let reads = format!("{}/User.Read", provider.graph.as_deref().unwrap_or("https://graph.microsoft.com"));
    if entra && settings.overage == Overage::Graph && !scopes.iter().any(|scope| scope.contains("://")) {
        scopes.push(&reads);
    }
    scopes.join(" ")
}
