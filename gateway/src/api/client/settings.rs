//! What a client may, as requests say it: members of RFC 7591 §2. `oauth::client_metadata` judges them.

use domain::key::secret::{PlainKey, Prefix};
use events::SecretId;
use events::client::{ClientMetadata, SecretIssued};
use events::clock::uuid_v7;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::api::ApiState;
use crate::api::moment::Moment;
use crate::oauth::client_metadata::{self, Authentication, Source};
use crate::oauth::clients::SECRET_PREFIX;
use crate::oauth::presets::Presets;
use crate::problem::Problem;

/// All that a client may (RFC 7591 §2).
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SetClientMetadata)]
pub struct SetMetadata {
    /// Where its answers go: exact addresses, https, loopback of any port, or an app's own scheme that the presets or
    /// `oauth.redirects` name.
    #[schema(min_items = 1, max_items = 32, example = json!(["https://app.example.com/oauth/callback"]))]
    redirect_uris: Vec<String>,
    /// How it proves that it is this client: `client_secret_basic`, where nothing is said, `client_secret_post`,
    /// `private_key_jwt` or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token_endpoint_auth_method: Option<String>,
    /// Beside `private_key_jwt` also `none`: it comes without an assertion too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// `RS256` or `ES256`; absent: either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token_endpoint_auth_signing_alg: Option<String>,
    /// Where its public keys are, for `private_key_jwt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<String>,
    /// Its public keys themselves (RFC 7517 §5), in place of `jwks_uri`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    jwks: Option<serde_json::Value>,
    /// Absent: `authorization_code` and `refresh_token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grant_types: Option<Vec<String>>,
    /// Absent: `code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    response_types: Option<Vec<String>>,
}

/// What was found good.
pub struct Judged {
    pub metadata: ClientMetadata,
    /// Whether it proves by a secret that it is this client.
    pub has_secret: bool,
}

impl SetMetadata {
    pub fn judged(&self, presets: &Presets) -> Result<Judged, Problem> {
        let mut said = serde_json::to_value(self).map_err(|_| Problem::internal())?;
        if self.grant_types.is_none() {
            said["grant_types"] = json!(["authorization_code", "refresh_token"]);
        }
        let json = said.to_string();
        let judged = client_metadata::ClientMetadata::parse(json.as_bytes(), Source::Given, presets);
        let judged = judged.map_err(|fault| {
            let member = if fault.field == "metadata" { String::new() } else { format!(".{}", fault.field) };
            Problem::invalid(format!("metadata{member}"), format!("{}.", fault.problem.trim_end_matches('.')))
        })?;
        let has_secret = matches!(judged.authentication, Authentication::Secret { .. });
        let metadata = serde_json::from_value(judged.json());
        let metadata = metadata.map_err(|error| Problem::invalid("metadata", format!("{error}.")))?;
        Ok(Judged { metadata, has_secret })
    }
}

/// A secret for a client, and the event of it. It is kept nowhere but with whoever is shown it.
pub fn drawn(api: &ApiState, expires_at: Option<Moment>) -> Result<(PlainKey, SecretIssued), Problem> {
    let prefix: Prefix = SECRET_PREFIX.parse().map_err(|_| Problem::internal())?;
    let secret = PlainKey::draw(&prefix, &*api.random);
    let issued = SecretIssued {
        secret_id: SecretId::new(uuid_v7(&*api.clock, &*api.random)),
        digest: api.peppers.issuing().digest(&secret.parsed()),
        expires_at: expires_at.map(|Moment(at)| at),
    };
    Ok((secret, issued))
}
