//! Events of the installation itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{KeyId, PepperId};
use crate::sealed::{Field, SealedText};
use crate::slug::Reservation;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InstallationEvent {
    Bootstrapped(Bootstrapped),
    Recovered(Recovered),
}

impl InstallationEvent {
    pub(crate) fn sealed(&self) -> Vec<(Field, &SealedText)> {
        match self {
            Self::Bootstrapped(Bootstrapped { admin_key: _, pepper: _ })
            | Self::Recovered(Recovered { admin_key: _ }) => Vec::new(),
        }
    }

    pub(crate) fn reserves(&self) -> Option<Reservation> {
        match self {
            Self::Bootstrapped(_) | Self::Recovered(_) => None,
        }
    }
}

/// `installation.bootstrapped` version 1: the first event of shard 0. Its event id is the log's id.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Bootstrapped {
    /// The installation's first admin key, issued next.
    pub admin_key: KeyId,
    /// The pepper that was drawn with the installation.
    pub pepper: PepperId,
}

/// `installation.recovered` version 1: an operator with access to the log let in a new admin key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Recovered {
    /// The admin key that is issued next.
    pub admin_key: KeyId,
}
