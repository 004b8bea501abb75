//! Events of an issuer: an identity provider at which people sign in, of the installation or of an organization.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::SecretId;
use crate::sealed::{Field, SealedText, optional};
use crate::slug::{Reservation, Slug, SlugKind};

mod claims;
mod client;
mod protocol;
mod settings;
mod words;

pub use claims::{
    ClaimName, ClaimNameError, ClaimRule, ClaimRules, ClaimRulesError, ClaimValue, ClaimValueError,
    MappedRole,
};
pub use client::{
    Algorithm, Algorithms, AlgorithmsError, Authentication, IssuerClientId, IssuerClientIdError,
};
pub use protocol::{Authority, IssuerUrl, IssuerUrlError, Protocol, Tenants, TenantsError};
pub use settings::{
    Domain, DomainError, Domains, DomainsError, IssuerSettings, Overage, Required, Restrictions,
    SettingsProblem, SignInScope, SignInScopeError, SignInScopes, SignInScopesError, Values, ValuesError,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IssuerEvent {
    Registered(Registered),
    Changed(Changed),
    Renamed(Renamed),
    CredentialSet(CredentialSet),
    CredentialRemoved(CredentialRemoved),
    Removed(Removed),
}

impl IssuerEvent {
    pub(crate) fn sealed(&self) -> Vec<(Field, &SealedText)> {
        match self {
            Self::Registered(Registered { slug: _, name, settings: _, enabled: _ })
            | Self::Renamed(Renamed { name }) => vec![(Field::Name, name)],
            Self::Removed(Removed { reason }) => optional(Field::Reason, reason),
            Self::Changed(Changed { settings: _, enabled: _ })
            | Self::CredentialSet(CredentialSet { credential: _, kind: _ })
            | Self::CredentialRemoved(CredentialRemoved {}) => Vec::new(),
        }
    }

    pub(crate) fn reserves(&self) -> Option<Reservation> {
        match self {
            Self::Registered(Registered { slug, .. }) => {
                Some(Reservation { kind: SlugKind::Issuer, slug: slug.clone() })
            }
            Self::Changed(_)
            | Self::Renamed(_)
            | Self::CredentialSet(_)
            | Self::CredentialRemoved(_)
            | Self::Removed(_) => None,
        }
    }
}

/// `issuer.registered` version 1: an identity provider at which people may sign in, once it is enabled.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Registered {
    pub slug: Slug,
    pub name: SealedText,
    pub settings: IssuerSettings,
    pub enabled: bool,
}

/// `issuer.changed` version 1: all of its settings, from now on. Who issues never changes: another one would speak for
/// the people of the one before.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    pub settings: IssuerSettings,
    pub enabled: bool,
}

/// `issuer.renamed` version 1.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Renamed {
    pub name: SealedText,
}

/// `issuer.credential_set` version 1: with what the gateway shows the issuer who it is. The credential itself is in no
/// event: it lies in control's vault under this id.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CredentialSet {
    pub credential: SecretId,
    pub kind: CredentialKind,
}

/// `issuer.credential_removed` version 1: it has none any more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CredentialRemoved {}

/// `issuer.removed` version 1: for ever. Its slug names no other one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Removed {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SealedText>,
}

crate::named! {
    /// What a credential is.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum CredentialKind {
        /// A text that both sides know.
        Secret = "secret",
        /// A private key, with the certificate that the issuer knows.
        Certificate = "certificate",
    }
}

#[cfg(test)]
mod tests;
