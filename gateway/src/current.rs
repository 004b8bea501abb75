//! A value that is replaced while others use it: each asks for it when it needs it, and goes on with what it got.
//!
//! Each call asks for some. A lock, or a count that all threads share, would be written by all of them each time.

use std::sync::Arc;

use arc_swap::ArcSwap;

pub struct Current<T>(ArcSwap<T>);

impl<T> Current<T> {
    pub fn new(value: T) -> Self {
        Self(ArcSwap::from_pointee(value))
    }

    /// To be kept for a while.
    pub fn get(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// To be looked at now, which writes nothing that other threads read.
    pub fn with<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.0.load())
    }

    pub fn set(&self, value: T) {
        self.0.store(Arc::new(value));
    }
}
