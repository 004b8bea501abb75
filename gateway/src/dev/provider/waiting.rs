//! Sign-ins that are not over: a few, the oldest forgotten first.

use std::collections::VecDeque;

use super::Person;
use super::ask::Ask;

/// As many as a person at one machine can have begun.
const MOST: usize = 64;
/// A code is redeemed at once, or not at all.
const CODE_SECONDS: i64 = 60;

#[derive(Default)]
pub(super) struct Waiting {
    asks: VecDeque<(String, Ask)>,
    codes: VecDeque<(String, Code)>,
}

pub(super) struct Code {
    pub ask: Ask,
    pub person: &'static Person,
    /// Seconds since 1970.
    pub made: i64,
}

impl Code {
    pub fn is_fresh(&self, now: i64) -> bool {
        (0..=CODE_SECONDS).contains(&(now - self.made))
    }
}

impl Waiting {
    pub fn ask(&mut self, name: String, ask: Ask) {
        push(&mut self.asks, name, ask);
    }

    pub fn asked(&mut self, name: &str) -> Option<Ask> {
        take(&mut self.asks, name)
    }

    pub fn code(&mut self, name: String, code: Code) {
        push(&mut self.codes, name, code);
    }

    pub fn redeemed(&mut self, name: &str) -> Option<Code> {
        take(&mut self.codes, name)
    }
}

fn push<T>(all: &mut VecDeque<(String, T)>, name: String, value: T) {
    if all.len() >= MOST {
        all.pop_front();
    }
    all.push_back((name, value));
}

fn take<T>(all: &mut VecDeque<(String, T)>, name: &str) -> Option<T> {
    let at = all.iter().position(|(one, _)| one == name)?;
    all.remove(at).map(|(_, value)| value)
}
