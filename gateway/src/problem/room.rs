//! Room for bodies: the bytes of all that are held at one time, and of these a share for each owner and each
//! principal, so that nobody's bodies keep others' from being read.

use std::sync::Arc;

use events::Owner;
use uuid::Uuid;

use super::body::BodyFault;
use crate::shares::Shares;

/// The room that there is.
pub struct BodyRoom {
    bounds: RoomBounds,
    held: Shares<Holder>,
}

/// In bytes.
#[derive(Debug, Clone, Copy)]
pub struct RoomBounds {
    pub all: usize,
    pub owner: usize,
    pub principal: usize,
}

/// Whose body it is.
#[derive(Debug, Clone, Copy)]
pub struct Whose {
    pub owner: Owner,
    pub principal: Uuid,
}

impl Whose {
    /// Where it makes no difference.
    pub const ANYBODY: Self = Self { owner: Owner::Installation, principal: Uuid::nil() };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Holder {
    All,
    Owner(Owner),
    Principal(Uuid),
}

/// A part of the room; given back when it is dropped.
pub(super) struct Taken {
    room: Arc<BodyRoom>,
    whose: Whose,
    bytes: usize,
}

impl RoomBounds {
    /// A quarter for an owner and an eighth for a principal, and enough for one body of any length that is taken.
    pub fn shared(all: usize, longest_body: usize) -> Self {
        Self { all, owner: (all / 4).max(longest_body), principal: (all / 8).max(longest_body) }
    }

    /// Where other bounds keep anybody from having it all.
    pub fn unshared(all: usize) -> Self {
        Self { all, owner: all, principal: all }
    }
}

impl BodyRoom {
    pub fn new(bounds: RoomBounds) -> Arc<Self> {
        Arc::new(Self { bounds, held: Shares::default() })
    }

    /// The bytes of all bodies that are held.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.held.of(Holder::All)
    }

    pub(super) fn taken(self: &Arc<Self>, whose: Whose) -> Taken {
        Taken { room: Arc::clone(self), whose, bytes: 0 }
    }
}

impl Taken {
    pub(super) fn add(&mut self, bytes: usize) -> Result<(), BodyFault> {
        let Whose { owner, principal } = self.whose;
        let bounds = &self.room.bounds;
        let wanted = [
            (Holder::Principal(principal), bounds.principal),
            (Holder::Owner(owner), bounds.owner),
            (Holder::All, bounds.all),
        ];
        self.room.held.take(wanted, bytes).map_err(|full| match full {
            Holder::All => BodyFault::Full,
            Holder::Owner(_) | Holder::Principal(_) => BodyFault::ShareFull,
        })?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let Whose { owner, principal } = self.whose;
        let holders = [Holder::Principal(principal), Holder::Owner(owner), Holder::All];
        self.room.held.give_back(holders, self.bytes);
    }
}
