//! What is worked out when somebody asks for it, since it would be old by then.

use std::sync::{Arc, Mutex, PoisonError};

type Answer<T> = Box<dyn Fn() -> T + Send + Sync>;

/// Answers of the parts of a process, which each part adds for itself.
pub struct Asked<T>(Arc<Mutex<Vec<Answer<T>>>>);

/// What a process does not do, ready as it is: in words.
pub type Lacks = Asked<Option<String>>;

impl<T> Asked<T> {
    pub fn add(&self, answer: impl Fn() -> T + Send + Sync + 'static) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(answer));
    }

    pub fn each(&self) -> Vec<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|answer| answer()).collect()
    }
}

impl Lacks {
    /// All of it; `None`: nothing is missing.
    pub fn now(&self) -> Option<String> {
        let mut lacks: Vec<String> = Vec::new();
        for lack in self.each().into_iter().flatten() {
            if !lacks.contains(&lack) {
                lacks.push(lack);
            }
        }
        (!lacks.is_empty()).then(|| lacks.join("; "))
    }
}

impl<T> Clone for Asked<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Asked<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}
