//! Readers of the log beside Keyledger: a team each, and what of the log it may read.

use std::fmt;
use std::str::FromStr;

use events::{AggregateType, OrganizationId};
use serde::Deserialize;

use super::secret::Secret;
use super::{ConfigError, Nats, check, lenient};

/// Each is an account of nats-server's, and dozens of lines of its configuration.
const AT_MOST: usize = 64;

/// What a reader is called: 1 to 32 lower-case letters, digits and single inner hyphens, a letter first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct ReaderName(String);

/// The text names no reader.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no reader's name: 1 to 32 lower-case letters, digits and single inner hyphens, a letter first"
)]
pub struct ReaderNameError(String);

impl ReaderName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ReaderName {
    type Err = ReaderNameError;

    fn from_str(text: &str) -> Result<Self, ReaderNameError> {
        let letters = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let good = (1..=32).contains(&text.len())
            && letters
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && !text.ends_with('-')
            && !text.contains("--");
        if good { Ok(Self(text.to_owned())) } else { Err(ReaderNameError(text.chars().take(64).collect())) }
    }
}

impl TryFrom<String> for ReaderName {
    type Error = ReaderNameError;

    fn try_from(text: String) -> Result<Self, ReaderNameError> {
        text.parse()
    }
}

/// A bcrypt hash of a password, as `nats server passwd` prints it: for nats-server, which is given it as it is.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Secret")]
pub struct PasswordHash(String);

/// The text is no hash. It is not repeated: it may be the password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no bcrypt hash, such as `nats server passwd` prints")]
pub struct PasswordHashError;

impl PasswordHash {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

impl TryFrom<Secret> for PasswordHash {
    type Error = PasswordHashError;

    /// `$2a$`, a cost of two digits, `$`, and 53 letters of salt and hash.
    fn try_from(text: Secret) -> Result<Self, PasswordHashError> {
        let hash = text.expose();
        let is_letter = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'/';
        let rest = ["$2a$", "$2b$", "$2x$", "$2y$"].iter().find_map(|kind| hash.strip_prefix(kind));
        let parts = rest.and_then(|rest| rest.split_once('$'));
        let good = parts.is_some_and(|(cost, rest)| {
            cost.len() == 2
                && cost.bytes().all(|b| b.is_ascii_digit())
                && rest.len() == 53
                && rest.bytes().all(is_letter)
        });
        if good { Ok(Self(hash.to_owned())) } else { Err(PasswordHashError) }
    }
}

/// What a reader may read. Nothing said: all of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reader {
    /// What is this organization's, and what happens to itself.
    pub organization: Option<OrganizationId>,
    /// What is of these types.
    #[serde(deserialize_with = "lenient::some")]
    pub types: Vec<AggregateType>,
    /// Without it, nats-server finds the password elsewhere.
    pub password_hash: Option<PasswordHash>,
}

/// What is wrong with what a reader may read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReaderError {
    #[error("there are no events of the type {0}")]
    UnknownType(AggregateType),
    #[error("no organization has events of the type installation")]
    NotOfAnOrganization,
}

impl Reader {
    pub const TYPES: &'static str =
        "installation (not with an organization), organization, server, key, webhook, slug";

    pub fn check(&self) -> Result<(), ReaderError> {
        if let Some(unknown) = self.types.iter().find(|it| !AggregateType::KNOWN.contains(it)) {
            return Err(ReaderError::UnknownType(unknown.clone()));
        }
        if self.organization.is_some() && self.types.contains(&AggregateType::Installation) {
            return Err(ReaderError::NotOfAnOrganization);
        }
        Ok(())
    }
}

impl Nats {
    pub(super) fn check_readers(&self) -> Result<(), ConfigError> {
        if self.readers.len() > AT_MOST {
            let problem = format!("it names {} readers", self.readers.len());
            return Err(check::value("nats.readers", &problem, "64 readers at most"));
        }
        self.readers.iter().try_for_each(|(name, reader)| {
            let wrong = |error: ReaderError| {
                check::value(&format!("nats.readers.{name}.types"), &error.to_string(), Reader::TYPES)
            };
            reader.check().map_err(wrong)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_token_and_has_one_spelling() {
        for good in ["a", "billing", "team-2", "a234567890123456789012345678901b"] {
            assert!(good.parse::<ReaderName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "Billing",
            "a_b",
            "a--b",
            "-a",
            "a-",
            "2a",
            "a.b",
            "a*",
            "a b",
            "ä",
            "a2345678901234567890123456789012b",
        ] {
            assert!(bad.parse::<ReaderName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_it_may_read_is_something_that_there_is() {
        let organization = Some("0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b".parse().unwrap());
        let types = |types: &[&str]| types.iter().map(|name| name.parse().unwrap()).collect();
        let check =
            |organization, names| Reader { organization, types: types(names), password_hash: None }.check();
        assert!(check(organization, &["key", "slug"]).is_ok());
        assert!(check(None, &["installation"]).is_ok());
        assert!(check(organization, &["installation"]).is_err());
        assert!(check(organization, &["keys"]).is_err());
    }

    #[test]
    fn a_hash_is_no_password() {
        let hash = "$2b$04$c9TLDwXYLNCPgbBqhKnyo.yLmvvFYb.3WfPWGSvYnBSNWOVnBcBSW";
        assert_eq!(PasswordHash::try_from(Secret::from(hash.to_owned())).unwrap().as_str(), hash);
        let longer = format!("{hash}x");
        for bad in
            ["", "hunter2", &hash[1..], &longer, &hash.replace("$04$", "$4$"), &hash.replace('L', "\"")]
        {
            assert!(PasswordHash::try_from(Secret::from(bad.to_owned())).is_err(), "{bad}");
        }
    }
}
