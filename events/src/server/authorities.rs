//! Certificate authorities as people have them: PEM (RFC 7468 §5).

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::token::text_serde;

/// PEM certificates, 1 to 8 in at most 16 KiB, and nothing beside them: an event is for ever, so no private key and no
/// note may slip in with them. The text stays as it was given.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorities {
    text: String,
    certificates: Vec<Vec<u8>>,
}

/// The text is not PEM certificates alone; says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("certificate authorities are PEM certificates: {reason}")]
pub struct AuthoritiesError {
    reason: &'static str,
}

const MAX_BYTES: usize = 16 * 1024;
const MAX_CERTIFICATES: usize = 8;
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

impl Authorities {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Each certificate's DER.
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }
}

impl FromStr for Authorities {
    type Err = AuthoritiesError;

    fn from_str(text: &str) -> Result<Self, AuthoritiesError> {
        let refuse = |reason| Err(AuthoritiesError { reason });
        if text.len() > MAX_BYTES {
            return refuse("longer than 16384 bytes");
        }
        let mut certificates = Vec::new();
        let mut inside: Option<String> = None;
        for line in text.split('\n').map(|line| line.trim_matches(['\r', ' ', '\t'])) {
            match (&mut inside, line) {
                (None, "") => {}
                (None, BEGIN) => inside = Some(String::new()),
                (None, _) => return refuse("there is more than CERTIFICATE blocks"),
                (Some(body), END) => {
                    match STANDARD.decode(&*body) {
                        Ok(der) if !der.is_empty() => certificates.push(der),
                        Ok(_) | Err(_) => return refuse("a block is no base64"),
                    }
                    inside = None;
                }
                (Some(body), line) => body.push_str(line),
            }
        }
        if inside.is_some() {
            return refuse("the last block has no end");
        }
        match certificates.len() {
            0 => refuse("there is none"),
            1..=MAX_CERTIFICATES => Ok(Self { text: text.to_owned(), certificates }),
            _ => refuse("more than 8"),
        }
    }
}

impl fmt::Display for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} certificate authorities", self.certificates.len())
    }
}

text_serde!(Authorities, "Authorities", "PEM certificates", {
    "pattern": format!(
        r"^(?:[ \t\r\n]*{BEGIN}[ \t\r]*\n(?:[ \t\r]*[A-Za-z0-9+/=]*[ \t\r]*\n)+[ \t\r]*{END}[ \t\r]*(?:\n|$)){{1,{MAX_CERTIFICATES}}}[ \t\r\n]*$"
    ),
    "maxLength": MAX_BYTES,
});

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\nAQID\n-----END CERTIFICATE-----\n";

    #[test]
    fn certificates_stay_as_they_were_given() {
        for text in [ONE.to_owned(), ONE.repeat(8), ONE.replace('\n', "\r\n"), format!("\n {ONE}\n")] {
            let read: Authorities = text.parse().unwrap();
            assert_eq!(read.to_string(), text);
            assert!(read.certificates().iter().all(|der| *der == [48, 130, 1, 1, 2, 3]));
        }
    }

    #[test]
    fn nothing_stands_beside_certificates() {
        for bad in [
            String::new(),
            "MIIB".to_owned(),
            format!("a note\n{ONE}"),
            ONE.replace("CERTIFICATE", "PRIVATE KEY"),
            format!("{ONE}{}", ONE.replace("CERTIFICATE", "PRIVATE KEY")),
            ONE.replace("MIIB", "MI?B"),
            ONE.replace("MIIB\nAQID\n", ""),
            ONE.replace("-----END CERTIFICATE-----\n", ""),
            ONE.repeat(9),
            format!("{}{ONE}", " ".repeat(16 * 1024)),
        ] {
            bad.parse::<Authorities>().unwrap_err();
        }
    }
}
