//! The public keys by which a client signs its assertions (RFC 7517). Private members are not read, so none is kept.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::text::{Bounded, Uri, Word};
use crate::token::object;

/// A JWK set (RFC 7517 §5).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, JsonSchema)]
pub struct ClientKeys {
    pub keys: Bounded<ClientKey, 16>,
}

/// A public JWK (RFC 7517 §4, RFC 7518 §6): the members that a signature is judged by.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, JsonSchema)]
pub struct ClientKey {
    /// Such as `EC` or `RSA`.
    pub kty: Word,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<Word>,
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub usage: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<Word>,
    /// An RSA modulus in base64url: 1,366 digits at 8,192 bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<Uri>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<Word>,
}

impl<'de> Deserialize<'de> for ClientKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Members {
            keys: Bounded<ClientKey, 16>,
        }
        let Members { keys } = object(deserializer)?;
        Ok(Self { keys })
    }
}

impl<'de> Deserialize<'de> for ClientKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Members {
            kty: Word,
            kid: Option<Word>,
            alg: Option<Word>,
            #[serde(rename = "use")]
            usage: Option<Word>,
            crv: Option<Word>,
            x: Option<Word>,
            y: Option<Word>,
            n: Option<Uri>,
            e: Option<Word>,
        }
        let Members { kty, kid, alg, usage, crv, x, y, n, e } = object(deserializer)?;
        Ok(Self { kty, kid, alg, usage, crv, x, y, n, e })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_private_member_is_kept() {
        let given = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AQ","d":"c2VjcmV0","kid":"1"}]}"#;
        let keys: ClientKeys = serde_json::from_str(given).unwrap();
        let kept = serde_json::to_string(&keys).unwrap();
        assert_eq!(kept, r#"{"keys":[{"kty":"EC","kid":"1","crv":"P-256","x":"AA","y":"AQ"}]}"#);
        assert_eq!(serde_json::from_str::<ClientKeys>(&kept).unwrap(), keys);
    }

    #[test]
    fn a_set_holds_sixteen_keys() {
        let of = |count| format!(r#"{{"keys":[{}]}}"#, vec![r#"{"kty":"EC"}"#; count].join(","));
        serde_json::from_str::<ClientKeys>(&of(16)).unwrap();
        serde_json::from_str::<ClientKeys>(&of(17)).unwrap_err();
        serde_json::from_str::<ClientKeys>(r#"[[{"kty":"EC"}]]"#).unwrap_err();
    }
}
