//! The projections: each has its tables, its checkpoint and its place in the log, and is kept, rebuilt and looked
//! after for itself.

use std::fmt;
use std::str::FromStr;

use events::{AggregateType, Owner, Subject};
use serde::{Deserialize, Serialize};

events::named! {
    /// A read model. Its name is its table's as well.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Projection {
        Organizations = "organizations",
        Servers = "servers",
        Keys = "keys",
        Webhooks = "webhooks",
        People = "people",
        Members = "members",
        Invitations = "invitations",
        Issuers = "issuers",
        Consents = "consents",
        Grants = "grants",
        Clients = "clients",
        Approvals = "approvals",
        /// One row an event.
        History = "history",
    }
}

impl Projection {
    /// Whether events of this aggregate are its matter. All others are passed over, also when they can't be read.
    pub fn takes(self, subject: &Subject) -> bool {
        match (&subject.aggregate_type, subject.owner) {
            (AggregateType::Organization, Owner::Installation) => {
                // Each erases what it has of one that is forgotten.
                true
            }
            (AggregateType::Server, Owner::Organization(_)) => matches!(self, Self::Servers | Self::History),
            (AggregateType::Key, _) => matches!(self, Self::Keys | Self::History),
            (AggregateType::Webhook, _) => matches!(self, Self::Webhooks | Self::History),
            (AggregateType::Person, Owner::Installation) => matches!(self, Self::People | Self::History),
            // A member tells by which invitation it came.
            (AggregateType::Member, Owner::Organization(_)) => {
                matches!(self, Self::Members | Self::Invitations | Self::History)
            }
            (AggregateType::Invitation, Owner::Organization(_)) => {
                matches!(self, Self::Invitations | Self::History)
            }
            (AggregateType::Issuer, _) => matches!(self, Self::Issuers | Self::History),
            (AggregateType::Consent, Owner::Organization(_)) => {
                matches!(self, Self::Consents | Self::History)
            }
            (AggregateType::Grant, Owner::Organization(_)) => matches!(self, Self::Grants | Self::History),
            (AggregateType::Client, _) => matches!(self, Self::Clients | Self::History),
            (AggregateType::Approval, Owner::Organization(_)) => {
                matches!(self, Self::Approvals | Self::History)
            }
            (AggregateType::Organization, Owner::Organization(_))
            | (
                AggregateType::Server
                | AggregateType::Member
                | AggregateType::Invitation
                | AggregateType::Approval
                | AggregateType::Consent
                | AggregateType::Grant,
                Owner::Installation,
            )
            | (AggregateType::Person, Owner::Organization(_))
            | (AggregateType::Installation | AggregateType::Slug | AggregateType::Unknown(_), _) => {
                matches!(self, Self::History)
            }
        }
    }
}

impl fmt::Display for Projection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text names no projection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no projection `{name}`; there are {}", Projection::ALL.map(Projection::as_str).join(", "))]
pub struct UnknownProjection {
    name: String,
}

impl FromStr for Projection {
    type Err = UnknownProjection;

    fn from_str(text: &str) -> Result<Self, UnknownProjection> {
        let found = Self::ALL.into_iter().find(|projection| projection.as_str() == text);
        found.ok_or_else(|| UnknownProjection { name: text.chars().take(64).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_and_is_the_one_that_json_has() {
        for projection in Projection::ALL {
            assert_eq!(projection.as_str().parse(), Ok(projection));
            assert_eq!(serde_json::to_value(projection).unwrap(), projection.as_str());
        }
        assert!("read_models".parse::<Projection>().is_err());
    }
}
