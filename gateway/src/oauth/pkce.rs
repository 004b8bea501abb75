//! Proof Key for Code Exchange (RFC 7636), by S256 alone: `plain` would show the verifier to whoever sees the request.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// BASE64URL(SHA-256(verifier)), §4.2.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Challenge(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PkceFault {
    #[error("`code_challenge` is missing: PKCE (RFC 7636) is required of every client")]
    Missing,
    #[error("`code_challenge_method` must be S256")]
    Method,
    #[error("`code_challenge` must be 43 characters of base64url, the SHA-256 of the verifier")]
    Challenge,
}

impl Challenge {
    /// As an authorization request has it. §4.3: without a method it would be `plain`.
    pub fn parse(challenge: Option<&str>, method: Option<&str>) -> Result<Self, PkceFault> {
        let challenge = challenge.ok_or(PkceFault::Missing)?;
        if method != Some("S256") {
            return Err(PkceFault::Method);
        }
        Self::try_from(challenge.to_owned())
    }

    /// Whether this verifier made it. §4.1: 43 to 128 unreserved characters.
    pub fn is_of(&self, verifier: &str) -> bool {
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
            return false;
        }
        let made = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        made.as_bytes().ct_eq(self.0.as_bytes()).into()
    }
}

impl TryFrom<String> for Challenge {
    type Error = PkceFault;

    fn try_from(text: String) -> Result<Self, PkceFault> {
        let is_digest =
            text.len() == 43 && URL_SAFE_NO_PAD.decode(&text).is_ok_and(|bytes| bytes.len() == 32);
        if is_digest { Ok(Self(text)) } else { Err(PkceFault::Challenge) }
    }
}

impl From<Challenge> for String {
    fn from(challenge: Challenge) -> Self {
        challenge.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_standards_example_holds_and_no_other_verifier() {
        let challenge = Challenge::parse(Some(CHALLENGE), Some("S256")).unwrap();
        assert!(challenge.is_of(VERIFIER));
        let other = format!("{}a", &VERIFIER[..42]);
        for verifier in [CHALLENGE, "", &other, &VERIFIER[..42], &"a".repeat(129), &format!("{VERIFIER}=")] {
            assert!(!challenge.is_of(verifier), "{verifier}");
        }
    }

    #[test]
    fn nothing_less_than_s256_is_taken() {
        let parse = Challenge::parse;
        assert_eq!(parse(None, Some("S256")), Err(PkceFault::Missing));
        assert_eq!(parse(Some(CHALLENGE), None), Err(PkceFault::Method));
        assert_eq!(parse(Some(VERIFIER), Some("plain")), Err(PkceFault::Method));
        assert_eq!(parse(Some(CHALLENGE), Some("s256")), Err(PkceFault::Method));
        for challenge in ["", "abc", &format!("{CHALLENGE}="), &CHALLENGE.replace('-', "+"), &CHALLENGE[..42]]
        {
            assert_eq!(parse(Some(challenge), Some("S256")), Err(PkceFault::Challenge), "{challenge}");
        }
        // A last character whose unused bits are set decodes to the same bytes: two texts of one challenge.
        assert_eq!(parse(Some(&format!("{}N", &CHALLENGE[..42])), Some("S256")), Err(PkceFault::Challenge));
    }
}
