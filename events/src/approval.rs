//! Events of an approval: an organization lets its people use a client. It counts where the organization requires one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::ClientId;
use crate::sealed::{Field, SealedText, optional};
use crate::slug::Reservation;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ApprovalEvent {
    Given(Given),
    Withdrawn(Withdrawn),
}

impl ApprovalEvent {
    pub(crate) fn sealed(&self) -> Vec<(Field, &SealedText)> {
        match self {
            Self::Given(Given { client: _ }) => Vec::new(),
            Self::Withdrawn(Withdrawn { reason }) => optional(Field::Reason, reason),
        }
    }

    pub(crate) fn reserves(&self) -> Option<Reservation> {
        match self {
            Self::Given(_) | Self::Withdrawn(_) => None,
        }
    }
}

/// `approval.given` version 1: the organization's people may use this client.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Given {
    pub client: ClientId,
}

/// `approval.withdrawn` version 1: they may not, where the organization requires an approval.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Withdrawn {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SealedText>,
}
