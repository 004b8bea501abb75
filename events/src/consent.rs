//! Events of a consent: a person, or whoever holds a key, lets a client act for them on one server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::holder::Holder;
use crate::id::{ClientId, ServerId};
use crate::scope::ScopeSet;
use crate::sealed::{Field, SealedText, optional};
use crate::slug::Reservation;
use crate::token::object;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConsentEvent {
    Given(Given),
    Withdrawn(Withdrawn),
}

impl ConsentEvent {
    pub(crate) fn sealed(&self) -> Vec<(Field, &SealedText)> {
        match self {
            Self::Given(Given { holder: _, client: _, server: _, scopes: _ }) => Vec::new(),
            Self::Withdrawn(Withdrawn { reason }) => optional(Field::Reason, reason),
        }
    }

    pub(crate) fn reserves(&self) -> Option<Reservation> {
        match self {
            Self::Given(_) | Self::Withdrawn(_) => None,
        }
    }
}

/// `consent.given` version 1: what is consented to from now on, what was consented to before included.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Given {
    #[serde(deserialize_with = "object")]
    pub holder: Holder,
    pub client: ClientId,
    pub server: ServerId,
    pub scopes: ScopeSet,
}

/// `consent.withdrawn` version 1: no grant that came of it works any more, also when it is given again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Withdrawn {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SealedText>,
}
