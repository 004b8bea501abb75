//! What can be asked of an issuer.

use events::issuer::{
    Algorithms, Authentication, ClaimRules, CredentialKind, IssuerClientId, IssuerSettings, Overage,
    Protocol, Restrictions, SignInScopes,
};
use events::{SealedText, SecretId, Slug};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    Register(Box<Register>),
    /// What is `None` stays as it is.
    Change {
        name: Option<SealedText>,
        settings: Box<SettingsChange>,
        enabled: Option<bool>,
    },
    /// Its value is in the vault already.
    SetCredential {
        credential: SecretId,
        kind: CredentialKind,
    },
    RemoveCredential,
    /// For ever.
    Remove {
        reason: Option<SealedText>,
    },
}

/// A new issuer, with or without its credential.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Register {
    pub slug: Slug,
    pub name: SealedText,
    pub settings: IssuerSettings,
    pub enabled: bool,
    pub credential: Option<(SecretId, CredentialKind)>,
}

/// `None` leaves a setting as it is.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct SettingsChange {
    /// Of the same issuer: Entra's tenants and guests alone can change.
    pub protocol: Option<Protocol>,
    pub client_id: Option<IssuerClientId>,
    pub authentication: Option<Authentication>,
    pub scopes: Option<SignInScopes>,
    pub algorithms: Option<Algorithms>,
    pub rules: Option<ClaimRules>,
    pub overage: Option<Overage>,
    pub restrictions: Option<Restrictions>,
}

impl SettingsChange {
    /// The settings after it.
    pub fn of(&self, settings: &IssuerSettings) -> IssuerSettings {
        let Self { protocol, client_id, authentication, scopes, algorithms, rules, overage, restrictions } =
            self;
        IssuerSettings {
            protocol: protocol.clone().unwrap_or_else(|| settings.protocol.clone()),
            client_id: client_id.clone().unwrap_or_else(|| settings.client_id.clone()),
            authentication: authentication.unwrap_or(settings.authentication),
            scopes: scopes.clone().unwrap_or_else(|| settings.scopes.clone()),
            algorithms: algorithms.clone().unwrap_or_else(|| settings.algorithms.clone()),
            rules: rules.clone().unwrap_or_else(|| settings.rules.clone()),
            overage: overage.unwrap_or(settings.overage),
            restrictions: restrictions.clone().unwrap_or_else(|| settings.restrictions.clone()),
        }
    }
}
