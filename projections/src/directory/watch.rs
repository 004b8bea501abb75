//! Who is told when the directory changes: whoever goes on by what it said, such as an answer that lasts. The writer
//! wakes those that watch the part that it changed, once it has changed it, and looks at no others.
//!
//! It promises: a change of a watched part wakes its watch, also one that comes between the watch's making and its
//! first wait. What the change means is for the one who watches to find out, and a watch may be woken for nothing.
//! It takes as much memory as there are watches, each of which leaves when it is dropped.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use events::{KeyId, OrganizationId, ServerId};
use futures::task::AtomicWaker;

/// A part of the directory that changes as one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Part {
    Key(KeyId),
    Organization(OrganizationId),
    Server(ServerId),
}

/// All watches. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Watches(Arc<Mutex<Open>>);

#[derive(Default)]
struct Open {
    /// By part and the watch's number.
    bells: BTreeMap<(Part, u64), Arc<Bell>>,
    numbers: u64,
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

    /// This part has changed.
    pub(super) fn wake(&self, part: Part) {
        let open = self.lock();
        let concerned = open.bells.range((part, 0)..=(part, u64::MAX));
        let concerned: Vec<_> = concerned.map(|(_, bell)| Arc::clone(bell)).collect();
        drop(open);
        concerned.iter().for_each(|bell| bell.ring());
    }

    /// Something has changed that concerns everybody.
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
