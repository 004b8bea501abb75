//! One secret follows another: drawn and announced, in use, former, retired. As control, which alone may write every vault.

use std::fmt;

use events::Timestamp;
use events::clock::{Clock, Random};
use uuid::Uuid;

use super::node::{IDENTITY, PEPPERS, SESSION, Secret};
use super::passing::PASSING;
use super::ring::{ANNOUNCED, Ring, drawn_at};
use super::snapshot::{self, SnapshotKey};
use super::{Purpose, Vault, VaultError};

/// The vaults that they lie in.
pub struct Vaults<'a> {
    pub node: &'a Vault,
    pub control: &'a Vault,
    pub people: &'a Vault,
}

/// What is renewed in this way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// What keys' digests are made with: of keys that are issued from then on
    Pepper,
    /// What signs identity tokens
    Identity,
    /// What seals the ids of clients' MCP sessions, and signs the ids of tasks
    Session,
    /// What signs the directory's snapshots
    Snapshot,
    /// What seals sign-ins, sessions, codes and refresh tokens of the authorization server
    Passing,
}

/// A secret as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub id: Uuid,
    pub drawn_at: Option<Timestamp>,
    pub state: State,
    entry: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Every process learns it, and none uses it yet.
    Announced,
    InUse,
    /// It still counts, until it is retired.
    Former,
}

#[derive(Debug, thiserror::Error)]
pub enum RenewalError {
    #[error("there are three already: retire the oldest first (`keyledger secrets retire {0} ID`)")]
    Full(Kind),
    #[error("{id} is announced, and in use from {from} on: renew it after that")]
    Announced { id: Uuid, from: Timestamp },
    #[error("there is no {0} of this id")]
    Unknown(Kind),
    #[error("it is in use, or is going to be: renew it, and retire it once another is in use")]
    NotFormer,
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Pepper, Self::Identity, Self::Session, Self::Snapshot, Self::Passing];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pepper => "pepper",
            Self::Identity => "identity",
            Self::Session => "session",
            Self::Snapshot => "snapshot",
            Self::Passing => "passing",
        }
    }

    /// As people are told of it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Pepper => "pepper",
            Self::Identity => "identity key",
            Self::Session => "key of MCP sessions",
            Self::Snapshot => "snapshot key",
            Self::Passing => "key of sign-ins and refresh tokens",
        }
    }

    fn entries(self) -> [&'static str; 3] {
        match self {
            Self::Pepper => PEPPERS,
            Self::Identity => IDENTITY,
            Self::Session => SESSION,
            Self::Snapshot => snapshot::ENTRIES,
            Self::Passing => PASSING,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::InUse => "in use",
            Self::Former => "former",
        }
    }
}

impl Vaults<'_> {
    /// Where the secret itself lies, from which others are made or copied.
    fn home(&self, kind: Kind) -> (&Vault, Purpose) {
        match kind {
            Kind::Pepper => (self.control, Purpose::Pepper),
            Kind::Identity => (self.node, Purpose::Identity),
            Kind::Session => (self.node, Purpose::Session),
            Kind::Snapshot => (self.people, Purpose::Snapshot),
            Kind::Passing => (self.control, Purpose::Passing),
        }
    }

    /// Those of a kind, newest first.
    pub async fn list(&self, kind: Kind, now: Timestamp) -> Result<Vec<Held>, VaultError> {
        let (vault, purpose) = self.home(kind);
        let mut found = Vec::new();
        for entry in kind.entries() {
            if let Some(value) = vault.get(entry, purpose).await? {
                found.push((Secret::parse(vault, entry, &value)?.id, entry));
            }
        }
        let in_use = match kind {
            Kind::Pepper | Kind::Identity | Kind::Session | Kind::Passing => {
                Ring::new(found.clone(), now).and_then(|ring| ring.ids().next())
            }
            // Nodes learn it as they start, and a worker signs with the newest at once.
            Kind::Snapshot => found.iter().map(|(id, _)| *id).max(),
        };
        found.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
        let held = found.into_iter().map(|(id, entry)| Held {
            id,
            drawn_at: drawn_at(id),
            state: match in_use {
                Some(in_use) if id == in_use => State::InUse,
                Some(in_use) if id < in_use => State::Former,
                Some(_) | None => State::Announced,
            },
            entry,
        });
        Ok(held.collect())
    }

    /// Draws the next one. The answer is when it is used from.
    pub async fn renew(
        &self,
        kind: Kind,
        clock: &dyn Clock,
        random: &dyn Random,
    ) -> Result<(Uuid, Timestamp), RenewalError> {
        let now = clock.now();
        let held = self.list(kind, now).await?;
        if let Some(Held { id, drawn_at: Some(drawn), state: State::Announced, .. }) = held.first() {
            return Err(RenewalError::Announced { id: *id, from: drawn.saturating_add(ANNOUNCED) });
        }
        let is_free = |entry: &&str| held.iter().all(|held| held.entry != *entry);
        self.opens_copies(kind).await?;
        let entry = kind.entries().into_iter().find(is_free).ok_or(RenewalError::Full(kind))?;
        let drawn = Secret::draw(clock, random);
        let (home, purpose) = self.home(kind);
        // Of several who renew at once one wins, and all tell of what the winner has drawn.
        let chosen = match kind {
            Kind::Identity | Kind::Session | Kind::Passing => {
                home.get_or_create(entry, purpose, &drawn, random).await?
            }
            // Nodes first: what control issues, every node knows.
            Kind::Pepper => {
                let chosen = self.node.get_or_create(entry, purpose, &drawn, random).await?;
                if home.get_or_create(entry, purpose, &chosen, random).await? != chosen {
                    return Err(VaultError::Disagree { entry: entry.to_owned() }.into());
                }
                chosen
            }
            Kind::Snapshot => {
                self.publish(entry, &drawn, random).await?;
                let chosen = home.get_or_create(entry, purpose, &drawn, random).await?;
                if *chosen != *drawn {
                    self.publish(entry, &chosen, random).await?;
                }
                chosen
            }
        };
        let id = Secret::parse(home, entry, &chosen)?.id;
        let drawn_at = drawn_at(id).unwrap_or(now);
        match kind {
            Kind::Pepper | Kind::Identity | Kind::Session | Kind::Passing => {
                Ok((id, drawn_at.saturating_add(ANNOUNCED)))
            }
            Kind::Snapshot => Ok((id, drawn_at)),
        }
    }

    /// The public half of a snapshot key goes to nodes.
    async fn publish(&self, entry: &str, key: &[u8], random: &dyn Random) -> Result<(), VaultError> {
        let key = SnapshotKey::parse(self.people, entry, key)?;
        self.node.replace(entry, Purpose::SnapshotPublic, &key.public_value(), random).await
    }

    /// What lies in the node's vault beside its home is opened as well: under another master key than the one that sealed
    /// it, a new one would be drawn that nobody can read.
    async fn opens_copies(&self, kind: Kind) -> Result<(), VaultError> {
        let purpose = match kind {
            Kind::Pepper => Purpose::Pepper,
            Kind::Snapshot => Purpose::SnapshotPublic,
            Kind::Identity | Kind::Session | Kind::Passing => return Ok(()),
        };
        for entry in kind.entries() {
            self.node.get(entry, purpose).await?;
        }
        Ok(())
    }

    /// Deletes a former one for ever: what rests on it ends.
    pub async fn retire(&self, kind: Kind, id: Uuid, now: Timestamp) -> Result<(), RenewalError> {
        let held = self.list(kind, now).await?;
        let held = held.iter().find(|held| held.id == id).ok_or(RenewalError::Unknown(kind))?;
        if held.state != State::Former {
            return Err(RenewalError::NotFormer);
        }
        self.home(kind).0.purge(held.entry).await?;
        match kind {
            Kind::Pepper | Kind::Snapshot => self.node.purge(held.entry).await?,
            Kind::Identity | Kind::Session | Kind::Passing => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
