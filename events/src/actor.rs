//! Who did it.

use std::fmt;
use std::str::FromStr;

use crate::id::{ClientId, GrantId, KeyId, UserId};
use crate::token::{TOKEN, UUID, is_token, text_serde};

/// The principal whose command an event records. Text form: `user:<id>`, `key:<id>`, `client:<id>`, `grant:<id>`,
/// `system:<name>`, `reactor:<name>`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Actor {
    User(UserId),
    Key(KeyId),
    /// An OAuth client that acts for itself.
    Client(ClientId),
    /// What a person, or a client, was granted: whoever acts by it.
    Grant(GrantId),
    /// The installation's own tools, such as `system:bootstrap`.
    System(ActorName),
    /// A worker's answer to an earlier event.
    Reactor(ActorName),
}

/// The name of a tool or a reactor: lower-case letters, digits, `-` and `_`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ActorName(String);

impl ActorName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ActorName {
    type Err = ActorError;

    fn from_str(text: &str) -> Result<Self, ActorError> {
        if is_token(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ActorError(text.chars().take(64).collect()))
        }
    }
}

const FORMS: &str = "user:<id>, key:<id>, client:<id>, grant:<id>, system:<name> or reactor:<name>";

/// The text names no actor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an actor: {FORMS}")]
pub struct ActorError(pub String);

impl Actor {
    /// The tool that `keyledger bootstrap` is.
    pub fn bootstrap() -> Self {
        Self::System(ActorName("bootstrap".to_owned()))
    }

    /// Who signs in for the first time, and is nobody yet.
    pub fn sign_in() -> Self {
        Self::System(ActorName("sign-in".to_owned()))
    }

    /// Whoever retires keys that sign.
    pub fn signers() -> Self {
        Self::Reactor(ActorName("signers".to_owned()))
    }

    /// Whoever keeps the keys that sign access tokens.
    pub fn token_keys() -> Self {
        Self::Reactor(ActorName("token-keys".to_owned()))
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Key(id) => write!(f, "key:{id}"),
            Self::Client(id) => write!(f, "client:{id}"),
            Self::Grant(id) => write!(f, "grant:{id}"),
            Self::System(name) => write!(f, "system:{}", name.0),
            Self::Reactor(name) => write!(f, "reactor:{}", name.0),
        }
    }
}

impl FromStr for Actor {
    type Err = ActorError;

    fn from_str(text: &str) -> Result<Self, ActorError> {
        let wrong = || ActorError(text.chars().take(64).collect());
        let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
        match kind {
            "user" => rest.parse().map(Self::User).map_err(|_| wrong()),
            "key" => rest.parse().map(Self::Key).map_err(|_| wrong()),
            "client" => rest.parse().map(Self::Client).map_err(|_| wrong()),
            "grant" => rest.parse().map(Self::Grant).map_err(|_| wrong()),
            "system" => rest.parse().map(Self::System).map_err(|_| wrong()),
            "reactor" => rest.parse().map(Self::Reactor).map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }
}

text_serde!(Actor, "Actor", "user:<id>, key:<id>, client:<id>, grant:<id>, system:<name> or reactor:<name>", {
    "pattern": format!("^(?:(?:user|key|client|grant):{UUID}|(?:system|reactor):{TOKEN})$"),
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    proptest! {
        #[test]
        fn an_actor_is_read_back_from_its_text(bits in any::<u128>(), name in "[a-z0-9_-]{1,30}") {
            let uuid = Uuid::from_u128(bits);
            let name: ActorName = name.parse().unwrap();
            for actor in [
                Actor::User(UserId::new(uuid)),
                Actor::Key(KeyId::new(uuid)),
                Actor::Client(ClientId::new(uuid)),
                Actor::Grant(GrantId::new(uuid)),
                Actor::System(name.clone()),
                Actor::Reactor(name.clone()),
            ] {
                prop_assert_eq!(actor.to_string().parse::<Actor>().unwrap(), actor);
            }
        }
    }

    #[test]
    fn what_is_no_actor_is_refused() {
        for text in ["", "user", "user:", "user:bob", "system:", "system:a b", "system:A", "robot:a", "key:*"]
        {
            assert!(text.parse::<Actor>().is_err(), "{text}");
        }
    }
}
