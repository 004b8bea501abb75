//! Who is told when the directory changes: whoever goes on by what it said, such as an answer that lasts. The writer
//! wakes those that watch the part that it changed, and looks at no others. It does so once the whole message is
//! applied and [`Directory::applied`](super::Directory::applied) says so: whoever is woken may go by that.
//!
//! It promises: a change of a watched part wakes its watch, also one that comes between the watch's making and its
//! first wait. What the change means is for the one who watches to find out, and a watch may be woken for nothing.
//! It takes as much memory as there are watches, each of which leaves when it is dropped.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use events::{
    ApprovalId, ClientId, ConsentId, GrantId, IssuerId, KeyId, MemberId, OrganizationId, ServerId,
    TokenKeyId, UserId,
};
use futures::task::AtomicWaker;

/// A part of the directory that changes as one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Part {
    Key(KeyId),
    Organization(OrganizationId),
    Server(ServerId),
    Client(ClientId),
    Approval(ApprovalId),
    Consent(ConsentId),
    Grant(GrantId),
    TokenKey(TokenKeyId),
    Person(UserId),
    Member(MemberId),
    Issuer(IssuerId),
}

/// All watches. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Watches(Arc<Mutex<Open>>);

#[derive(Default)]
struct Open {
    /// By part and the watch's number.
    bells: BTreeMap<(Part, u64), Arc<Bell>>,
    numbers: u64,
    /// What the message that is being applied has changed.
    changed: Vec<Change>,
}

/// What concerns somebody.
enum Change {
    Of(Part),
    OfAll,
}

#[derive(Default)]
struct Bell {
    rung: AtomicBool,
    waker: AtomicWaker,
}

/// Some parts of the directory under watch.
pub struct Watch {
    watches: Watches,
    parts: Box<[Part]>,
    number: u64,
    bell: Arc<Bell>,
}

impl Watches {
    pub(super) fn open(&self, parts: Box<[Part]>) -> Watch {
        let bell = Arc::new(Bell::default());
        let mut open = self.lock();
        open.numbers += 1;
        let number = open.numbers;
        for part in &parts {
            open.bells.insert((*part, number), Arc::clone(&bell));
        }
        drop(open);
        Watch { watches: self.clone(), parts, number, bell }
    }

    /// The message that is being applied has changed this part.
    pub(super) fn note(&self, part: Part) {
        self.lock().changed.push(Change::Of(part));
    }

    /// It has changed what concerns everybody.
    pub(super) fn note_all(&self) {
        self.lock().changed.push(Change::OfAll);
    }

    /// It is applied: those whom it concerns are woken, also those who came while it was.
    pub(super) fn wake(&self) {
        let mut concerned = Vec::new();
        let mut open = self.lock();
        let Open { bells, changed, .. } = &mut *open;
        for change in changed.drain(..) {
            match change {
                Change::Of(part) => {
                    concerned
                        .extend(bells.range((part, 0)..=(part, u64::MAX)).map(|(_, bell)| bell).cloned());
                }
                Change::OfAll => concerned.extend(bells.values().cloned()),
            }
        }
        drop(open);
        concerned.iter().for_each(|bell| bell.ring());
    }

    /// Wakes everybody, and leaves what the writer is about to tell.
    pub(super) fn wake_all(&self) {
        let all: Vec<_> = self.lock().bells.values().cloned().collect();
        all.iter().for_each(|bell| bell.ring());
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().bells.len()
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bell {
    fn ring(&self) {
        self.rung.store(true, Ordering::Release);
        self.waker.wake();
    }
}

impl Watch {
    /// Whether a part has changed since this was last told. It reads no clock and takes no lock.
    pub fn has_changed(&self) -> bool {
        self.bell.rung.load(Ordering::Relaxed) && self.bell.rung.swap(false, Ordering::AcqRel)
    }

    /// The same; otherwise the task is woken when one does.
    pub fn poll_changed(&self, cx: &Context<'_>) -> Poll<()> {
        if self.has_changed() {
            return Poll::Ready(());
        }
        self.bell.waker.register(cx.waker());
        // It may have rung before there was somebody to wake.
        if self.has_changed() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut open = self.watches.lock();
        for part in &self.parts {
            open.bells.remove(&(*part, self.number));
        }
    }
}
