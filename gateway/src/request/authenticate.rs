//! Who is at the door: from a request's headers to a principal whose credential works now. Keys count everywhere, access
//! tokens at the one server that they are for.

use std::sync::Arc;

use domain::key::secret::ParsedKey;
use events::clock::Clock;
use http::HeaderMap;
use projections::directory::Directory;

use super::ancestry::Fallen;
use super::credential::{Credential, CredentialError};
use super::principal::{Invalid, Principal, Who};
use super::resource::Address;
use super::token::{AccessToken, Tokens};
use crate::access_token;
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
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// Why an access token does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error(transparent)]
    Fault(#[from] access_token::Fault),
    /// RFC 8707 §2: it is for another resource, or for none of ours.
    #[error("the token is for another server")]
    Audience,
    /// What it rests on does not stand.
    #[error(transparent)]
    Invalid(Invalid),
}

/// What is at fault, as it is told (RFC 6750 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No credential was sent: a challenge without an error.
    NoCredential,
    /// The request is malformed: there are two.
    TwoCredentials,
    /// The key does not work: `invalid_token`, which is what a bearer credential is called there.
    InvalidKey,
    /// The access token does not work: `invalid_token`.
    InvalidToken,
    /// The node can't judge it.
    Node,
}

impl AuthenticationError {
    pub fn fault(self) -> Fault {
        match self {
            Self::Credential(CredentialError::Missing) => Fault::NoCredential,
            Self::Credential(CredentialError::Two) => Fault::TwoCredentials,
            Self::Invalid(Invalid::Closed) | Self::Token(TokenError::Invalid(Invalid::Closed)) => Fault::Node,
            Self::Token(_) => Fault::InvalidToken,
            Self::Credential(CredentialError::Garbage)
            | Self::Malformed
            | Self::Unknown
            | Self::Invalid(_) => Fault::InvalidKey,
        }
    }

    /// Its name in metrics and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Credential(CredentialError::Missing) => "missing",
            Self::Credential(CredentialError::Two) => "two_credentials",
            Self::Credential(CredentialError::Garbage) | Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Invalid(invalid) | Self::Token(TokenError::Invalid(invalid)) => invalid.name(),
            Self::Token(TokenError::Audience) => "wrong_audience",
            Self::Token(TokenError::Fault(fault)) => fault.name(),
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
            Self::Fallen(fallen) => fallen.name(),
            Self::TokenKey => "token_key",
            Self::Closed => "closed",
        }
    }
}

/// Turns credentials into principals, from memory.
pub struct Authenticator {
    directory: Arc<Directory>,
    peppers: Peppers,
    /// `None`: no access token counts.
    tokens: Option<Tokens>,
    clock: Arc<dyn Clock>,
}

impl Authenticator {
    /// One for keys alone.
    pub fn new(directory: Arc<Directory>, peppers: Peppers, clock: Arc<dyn Clock>) -> Self {
        Self { directory, peppers, tokens: None, clock }
    }

    /// Access tokens count as well.
    pub fn with_tokens(self, tokens: Tokens) -> Self {
        Self { tokens: Some(tokens), ..self }
    }

    /// Other peppers from now on.
    pub fn renew(&self, peppers: &Peppers) {
        self.peppers.take(peppers);
    }

    /// The principal of a request's key. Whether the directory may be believed at all is the gate's to say, before. No
    /// access token counts here: none is for us.
    pub fn authenticate(&self, headers: &HeaderMap) -> Result<Principal, AuthenticationError> {
        self.judged(self.key(headers), "keyledger_key_validations_total")
    }

    /// The principal of a call to a server: of its key, or of an access token for this very server.
    pub fn admit(&self, headers: &HeaderMap, server: &Address) -> Result<Principal, AuthenticationError> {
        match Credential::read(headers) {
            Ok(Credential::Token(text)) => {
                self.judged(self.token(text, server), "keyledger_token_validations_total")
            }
            Ok(Credential::Key(text)) => self.judged(self.find(text), "keyledger_key_validations_total"),
            Err(error) => self.judged(Err(error.into()), "keyledger_key_validations_total"),
        }
    }

    fn judged(
        &self,
        found: Result<Principal, AuthenticationError>,
        counter: &'static str,
    ) -> Result<Principal, AuthenticationError> {
        let result = found.and_then(|principal| {
            self.check(&principal)?;
            Ok(principal)
        });
        let outcome = result.as_ref().err().map_or("valid", |error| error.name());
        telemetry::count(counter, &[("outcome", outcome)]);
        result
    }

    /// Whether its credential works now.
    fn check(&self, principal: &Principal) -> Result<(), AuthenticationError> {
        principal.check(self.clock.now()).map_err(|invalid| match principal.who() {
            Who::Key(_) => invalid.into(),
            Who::Grant(_) => TokenError::Invalid(invalid).into(),
        })
    }

    /// Whose key the request was sent with, whatever its state.
    pub fn named(&self, headers: &HeaderMap) -> Option<Principal> {
        self.key(headers).ok()
    }

    /// A principal that was let in before, as the directory has it now, if it would be let in now as well.
    pub fn again(&self, principal: &Principal) -> Result<Principal, AuthenticationError> {
        let now = principal.again(&self.directory).ok_or(match principal.who() {
            Who::Key(_) => AuthenticationError::Unknown,
            Who::Grant(_) => TokenError::Invalid(Invalid::Fallen(Fallen::Ended)).into(),
        })?;
        self.check(&now)?;
        Ok(now)
    }

    fn key(&self, headers: &HeaderMap) -> Result<Principal, AuthenticationError> {
        match Credential::read(headers)? {
            Credential::Key(text) => self.find(text),
            Credential::Token(_) => Err(AuthenticationError::Malformed),
        }
    }

    /// The principal that a key's text stands for, whatever its state.
    pub fn find(&self, text: &str) -> Result<Principal, AuthenticationError> {
        let key = ParsedKey::parse(text).map_err(|_| AuthenticationError::Malformed)?;
        self.peppers
            .find(&key, |digest| Principal::of_digest(&self.directory, &digest.bytes))
            .ok_or(AuthenticationError::Unknown)
    }

    /// The same of an access token as well, for whichever server it is.
    pub fn find_any(&self, text: &str) -> Result<Principal, AuthenticationError> {
        if access_token::is_jwt(text) { self.of_token(self.judge(text)?) } else { self.find(text) }
    }

    fn token(&self, text: &str, server: &Address) -> Result<Principal, AuthenticationError> {
        let token = self.judge(text)?;
        if token.server != *server {
            return Err(TokenError::Audience.into());
        }
        self.of_token(token)
    }

    fn judge(&self, text: &str) -> Result<Arc<AccessToken>, TokenError> {
        let tokens = self.tokens.as_ref().ok_or(TokenError::Fault(access_token::Fault::Foreign))?;
        tokens.judge(&self.directory, text, self.clock.now())
    }

    fn of_token(&self, token: Arc<AccessToken>) -> Result<Principal, AuthenticationError> {
        Principal::of_token(&self.directory, token)
            .ok_or(TokenError::Invalid(Invalid::Fallen(Fallen::Ended)).into())
    }
}
