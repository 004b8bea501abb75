//! By whose right a client acts.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::id::{KeyId, UserId};

/// Who consents, and whom a grant is bound to: it is never wider than its holder's right, and falls with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Holder {
    /// A person who signed in.
    Person { id: UserId },
    /// An API key by which somebody signed in.
    Key { id: KeyId },
}

impl Holder {
    /// As who acts.
    pub fn actor(self) -> Actor {
        match self {
            Self::Person { id } => Actor::User(id),
            Self::Key { id } => Actor::Key(id),
        }
    }

    /// What kind of one it is, as it is written.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Person { id: _ } => "person",
            Self::Key { id: _ } => "key",
        }
    }
}

impl fmt::Display for Holder {
    /// As the actor is written: `user:<id>` or `key:<id>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person { id } => write!(f, "user:{id}"),
            Self::Key { id } => write!(f, "key:{id}"),
        }
    }
}
