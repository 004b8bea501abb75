//! Who is at the door: from a request's headers to a principal whose credential works now.

use std::sync::Arc;

use domain::key::secret::ParsedKey;
use events::clock::Clock;
use http::HeaderMap;
use projections::directory::Directory;

use super::credential::{Credential, CredentialError};
use super::principal::{Invalid, Principal};
use crate::telemetry;
use crate::vault::Peppers;

/// Why nobody is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// No key's form or checksum: refused before any look-up.
    #[error("this is no key, or not all of one")]
    Malformed,
    #[error("no such key")]
    Unknown,
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// What is at fault, as it is told (RFC 6750 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No credential was sent: a challenge without an error.
    NoCredential,
    /// The request is malformed: there are two.
    TwoCredentials,
    /// The credential does not work: `invalid_token`.
    InvalidToken,
    /// The node can't judge it.
    Node,
}

impl AuthenticationError {
    pub fn fault(self) -> Fault {
        match self {
            Self::Credential(CredentialError::Missing) => Fault::NoCredential,
            Self::Credential(CredentialError::Two) => Fault::TwoCredentials,
            Self::Invalid(Invalid::Closed) => Fault::Node,
            Self::Credential(CredentialError::Garbage)
            | Self::Malformed
            | Self::Unknown
            | Self::Invalid(
                Invalid::Revoked
                | Invalid::Disabled
                | Invalid::NotYetValid
                | Invalid::Expired
                | Invalid::OrganizationSuspended
                | Invalid::PersonSuspended
                | Invalid::PersonEnded
                | Invalid::NoMember,
            ) => Fault::InvalidToken,
        }
    }

    /// Its name in metrics and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Credential(CredentialError::Missing) => "missing",
            Self::Credential(CredentialError::Two) => "two_credentials",
            Self::Credential(CredentialError::Garbage) | Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Invalid(invalid) => invalid.name(),
        }
    }
}

impl Invalid {
    /// Its name in metrics and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Disabled => "disabled",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
            Self::OrganizationSuspended => "organization_suspended",
            Self::PersonSuspended => "person_suspended",
            Self::PersonEnded => "person_ended",
            Self::NoMember => "no_member",
            Self::Closed => "closed",
        }
    }
}

/// Turns keys into principals, from memory.
pub struct Authenticator {
    directory: Arc<Directory>,
    peppers: Peppers,
    clock: Arc<dyn Clock>,
}

impl Authenticator {
    pub fn new(directory: Arc<Directory>, peppers: Peppers, clock: Arc<dyn Clock>) -> Self {
        Self { directory, peppers, clock }
    }

    /// Other peppers from now on.
    pub fn renew(&self, peppers: &Peppers) {
        self.peppers.take(peppers);
    }

    /// The request's principal. Whether the directory may be believed at all is the gate's to say, before.
    pub fn authenticate(&self, headers: &HeaderMap) -> Result<Principal, AuthenticationError> {
        let result = Credential::read(headers)
            .map_err(AuthenticationError::from)
            .and_then(|credential| self.find(credential.text()))
            .and_then(|principal| {
                principal.check(self.clock.now())?;
                Ok(principal)
            });
        count(result.as_ref().err().map_or("valid", |error| error.name()));
        result
    }

    /// Whose credential the request was sent with, whatever its state.
    pub fn named(&self, headers: &HeaderMap) -> Option<Principal> {
        self.find(Credential::read(headers).ok()?.text()).ok()
    }

    /// A principal that was let in before, as the directory has it now, if it would be let in now as well.
    pub fn again(&self, principal: &Principal) -> Result<Principal, AuthenticationError> {
        let now = principal.again(&self.directory).ok_or(AuthenticationError::Unknown)?;
        now.check(self.clock.now())?;
        Ok(now)
    }

    /// The principal that a key's text stands for, whatever its state.
    pub fn find(&self, text: &str) -> Result<Principal, AuthenticationError> {
        let key = ParsedKey::parse(text).map_err(|_| AuthenticationError::Malformed)?;
        self.peppers
            .find(&key, |digest| Principal::of_digest(&self.directory, &digest.bytes))
            .ok_or(AuthenticationError::Unknown)
    }
}

fn count(outcome: &'static str) {
    telemetry::count("keyledger_key_validations_total", &[("outcome", outcome)]);
}
