//! What a client may, as flags say it.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value};

use crate::cli::error::CliError;

#[derive(Debug, Args)]
#[command(next_help_heading = "What it may")]
pub struct Metadata {
    /// An address that answers go to, exactly; can be given more than once. https, http://localhost, http://127.0.0.1 or
    /// http://[::1] of any port, or an app's own address that `presets list` has
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// How it proves that it is this client: client_secret_basic, client_secret_post, private_key_jwt or none; of a new
    /// client client_secret_basic
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    /// Where its public keys are, for private_key_jwt
    #[arg(long, value_name = "URL", conflicts_with = "jwks")]
    jwks_uri: Option<String>,
    /// A file with its public keys, a JWK set, for private_key_jwt
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// What its assertions are signed with: RS256 or ES256; without it either
    #[arg(long, value_name = "ALGORITHM")]
    algorithm: Option<String>,
}

impl Metadata {
    pub fn is_empty(&self) -> bool {
        let Self { redirect_uris, method, jwks_uri, jwks, algorithm } = self;
        redirect_uris.is_empty()
            && method.is_none()
            && jwks_uri.is_none()
            && jwks.is_none()
            && algorithm.is_none()
    }

    /// All of it: what is said, and the rest as it was.
    pub fn over(self, before: &Value) -> Result<Value, CliError> {
        let mut all = before.as_object().cloned().unwrap_or_else(Map::new);
        let mut say = |name: &str, value: Value| {
            all.insert(name.to_owned(), value);
        };
        if !self.redirect_uris.is_empty() {
            say("redirect_uris", self.redirect_uris.into());
        }
        if let Some(method) = self.method {
            say("token_endpoint_auth_method", method.into());
        }
        if let Some(algorithm) = self.algorithm {
            say("token_endpoint_auth_signing_alg", algorithm.into());
        }
        // One of the two, so the other goes.
        if let Some(url) = self.jwks_uri {
            say("jwks_uri", url.into());
            all.remove("jwks");
        } else if let Some(file) = self.jwks {
            say("jwks", set(&file)?);
            all.remove("jwks_uri");
        }
        Ok(Value::Object(all))
    }
}

fn set(file: &Path) -> Result<Value, CliError> {
    let read = std::fs::read(file).map_err(|error| error.to_string());
    let read = read.and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
    read.map_err(|error| CliError::Usage(format!("--jwks {}: {error}", file.display())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_said_stays_and_keys_stand_in_one_place() {
        let metadata = |jwks_uri: Option<&str>| Metadata {
            redirect_uris: vec!["https://a.example/cb".to_owned()],
            method: None,
            jwks_uri: jwks_uri.map(str::to_owned),
            jwks: None,
            algorithm: None,
        };
        let before =
            json!({"redirect_uris": ["https://b.example/cb"], "jwks": {"keys": []}, "grant_types": ["x"]});
        assert_eq!(
            metadata(None).over(&before).unwrap(),
            json!({"redirect_uris": ["https://a.example/cb"], "jwks": {"keys": []}, "grant_types": ["x"]})
        );
        assert_eq!(
            metadata(Some("https://a.example/k")).over(&before).unwrap(),
            json!({"redirect_uris": ["https://a.example/cb"], "jwks_uri": "https://a.example/k", "grant_types": ["x"]})
        );
    }
}
