//! Sign-in in `dev`: the local provider, and the demo organization's issuer that is it.

use std::sync::Arc;

use events::clock::{Clock, Random};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::Error;
use super::provider::{CLIENT_ID, Provider, ProviderOptions};
use crate::config::Config;

/// The issuer's slug in the demo organization.
pub(super) const ISSUER: &str = "local";

/// What the provider needs to be the same one at the next start: an issuer's address never changes.
#[derive(Serialize, Deserialize)]
pub(super) struct KeptProvider {
    port: u16,
    secret: String,
}

/// The provider that was kept, or a new one.
pub(super) async fn start(
    kept: &mut Option<KeptProvider>,
    config: &Config,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn Random>,
) -> Result<Provider, Error> {
    let mut redirect = config.public_url.clone();
    redirect.set_path("/sign-in/callback");
    let (port, secret) = match kept.as_ref() {
        Some(kept) => (kept.port, Some(Zeroizing::new(kept.secret.clone()))),
        None => (0, None),
    };
    let options = ProviderOptions { port, secret, redirect };
    let provider = Provider::start(options, Arc::clone(clock), Arc::clone(random)).await?;
    *kept = Some(KeptProvider { port: provider.port(), secret: provider.secret().to_owned() });
    Ok(provider)
}

/// The issuer as the admin API takes it. Who administers at the provider does so in the demo organization; all may use
/// its servers.
pub(super) fn issuer(provider: &Provider) -> Value {
    json!({
        "slug": ISSUER,
        "name": "keyledger dev",
        "protocol": { "kind": "openid", "issuer": provider.issuer() },
        "settings": {
            "client_id": CLIENT_ID,
            "algorithms": ["ES256"],
            "rules": [
                { "claim": "groups", "value": "administrators", "role": "admin" },
                { "claim": "groups", "value": "staff", "role": "developer", "scopes": ["mcp:*"] },
            ],
        },
        "credential": { "secret": provider.secret() },
    })
}
