//! Commands on a real log: whoever comes at the same time, and whatever answer is lost, each is done once and
//! nothing is lost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]

mod at_once;
mod bootstrap;
mod last_owner;
mod long_histories;
mod lost_answers;
mod setting;
mod vaults;
