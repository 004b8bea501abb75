//! What the gateway is to an issuer: a client, with a way to show who it is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CredentialKind;
use super::words::{WORD, is_word, set_type, text_type};

text_type!(
    /// As what the issuer knows the gateway (RFC 6749 §2.2): printable ASCII without spaces, 1 to 255 bytes.
    IssuerClientId, IssuerClientIdError("a client id is 1 to 255 printable ASCII characters without spaces"),
    |text| is_word(text, 255), { "pattern": WORD, "maxLength": 255 }
);

crate::named! {
    /// How the gateway shows the issuer who it is (OpenID Connect Core 1.0 §9).
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Authentication {
        /// Not at all: a public client, which PKCE protects.
        None = "none",
        ClientSecretBasic = "client_secret_basic",
        ClientSecretPost = "client_secret_post",
        /// A token that the private key of a certificate signs.
        PrivateKeyJwt = "private_key_jwt",
    }
}

impl Authentication {
    /// The credential that it needs.
    pub fn needs(self) -> Option<CredentialKind> {
        match self {
            Self::None => None,
            Self::ClientSecretBasic | Self::ClientSecretPost => Some(CredentialKind::Secret),
            Self::PrivateKeyJwt => Some(CredentialKind::Certificate),
        }
    }
}

crate::named! {
    /// How an issuer signs (RFC 7518 §3.1, RFC 8037 §3.1). There is no `none`, and none with a shared secret: whoever
    /// knows that could speak for everybody.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
    pub enum Algorithm {
        #[serde(rename = "RS256")]
        Rs256 = "RS256",
        #[serde(rename = "RS384")]
        Rs384 = "RS384",
        #[serde(rename = "RS512")]
        Rs512 = "RS512",
        #[serde(rename = "PS256")]
        Ps256 = "PS256",
        #[serde(rename = "PS384")]
        Ps384 = "PS384",
        #[serde(rename = "PS512")]
        Ps512 = "PS512",
        #[serde(rename = "ES256")]
        Es256 = "ES256",
        #[serde(rename = "ES384")]
        Es384 = "ES384",
        #[serde(rename = "EdDSA")]
        EdDsa = "EdDSA",
    }
}

set_type!(
    /// The algorithms that an issuer's tokens may be signed with.
    Algorithms of Algorithm as "Vec<Algorithm>", (1..=16), AlgorithmsError("1 to 16 algorithms")
);
