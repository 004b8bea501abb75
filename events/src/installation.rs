//! Events of the installation itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{KeyId, PepperId, SignerId, TokenKeyId};
use crate::sealed::{Field, SealedText};
use crate::signer::{SignerKey, SignerPurpose};
use crate::slug::Reservation;
use crate::timestamp::Timestamp;
use crate::tlog::Head;
use crate::token::spelt;
use crate::token_key::{Coordinate, TokenAlgorithm};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InstallationEvent {
    Bootstrapped(Bootstrapped),
    Recovered(Recovered),
    SignerPublished(SignerPublished),
    SignerRetired(SignerRetired),
    LossAccepted(LossAccepted),
    TokenKeyPublished(TokenKeyPublished),
    TokenKeyRetired(TokenKeyRetired),
}

impl InstallationEvent {
    pub(crate) fn sealed(&self) -> Vec<(Field, &SealedText)> {
        match self {
            Self::Bootstrapped(Bootstrapped { admin_key: _, pepper: _, writer: _, checkpoint: _ })
            | Self::Recovered(Recovered { admin_key: _ })
            | Self::SignerPublished(SignerPublished { purpose: _, key: _ })
            | Self::SignerRetired(SignerRetired { purpose: _, id: _ })
            | Self::LossAccepted(LossAccepted { kept: _, lost: _ })
            | Self::TokenKeyPublished(TokenKeyPublished { id: _, algorithm: _, x: _, y: _, used_from: _ })
            | Self::TokenKeyRetired(TokenKeyRetired { id: _ }) => Vec::new(),
        }
    }

    pub(crate) fn reserves(&self) -> Option<Reservation> {
        match self {
            Self::Bootstrapped(_)
            | Self::Recovered(_)
            | Self::SignerPublished(_)
            | Self::SignerRetired(_)
            | Self::LossAccepted(_)
            | Self::TokenKeyPublished(_)
            | Self::TokenKeyRetired(_) => None,
        }
    }
}

/// `installation.bootstrapped` version 1: the first event of shard 0. Its event id is the log's id. It is signed by the
/// writer's key that it publishes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Bootstrapped {
    /// The installation's first admin key, issued next.
    pub admin_key: KeyId,
    /// The pepper that was drawn with the installation.
    pub pepper: PepperId,
    /// The first key that signs events.
    pub writer: SignerKey,
    /// The first key that signs heads of the log.
    pub checkpoint: SignerKey,
}

/// `installation.recovered` version 1: an operator with access to the log let in a new admin key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Recovered {
    /// The admin key that is issued next.
    pub admin_key: KeyId,
}

/// `installation.signer_published` version 1: a further key signs, from the next event on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SignerPublished {
    pub purpose: SignerPurpose,
    pub key: SignerKey,
}

/// `installation.signer_retired` version 1: what the key signs after this event is not believed. What it signed before
/// stays good.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SignerRetired {
    pub purpose: SignerPurpose,
    pub id: SignerId,
}

/// `installation.loss_accepted` version 1: an operator put back an older copy of the log on purpose. What lies between the
/// two heads is lost, and whoever knows a checkpoint of it goes on from what is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LossAccepted {
    /// The log as it was put back.
    pub kept: Head,
    /// The newest checkpoints that were signed of what is lost.
    pub lost: Vec<Head>,
}

/// `installation.token_key_published` version 1: a further key signs access tokens, from a time on that everybody knows of it by.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TokenKeyPublished {
    /// The tokens' `kid`.
    pub id: TokenKeyId,
    pub algorithm: TokenAlgorithm,
    pub x: Coordinate,
    pub y: Coordinate,
    /// It signs nothing before.
    #[serde(deserialize_with = "spelt")]
    pub used_from: Timestamp,
}

/// `installation.token_key_retired` version 1: no token that it signed is taken any more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TokenKeyRetired {
    pub id: TokenKeyId,
}
