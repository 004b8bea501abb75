//! The read models on a real PostgreSQL: once and in order, whatever breaks in between.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]

mod agreement;
mod batches;
mod directory;
mod following;
mod granted;
mod lists;
mod lost;
mod migrating;
mod parking;
mod people;
mod plans;
mod rebuilding;
mod sharing;
mod snapshots;
mod stage;
mod texts;
mod unknown_forms;
