//! What every event log must do, shown on a real nats-server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may; what it measured goes to standard error"
)]

mod append;
mod cluster;
mod crossings;
mod follow;
mod passing;
mod proxy;
mod readers;
mod revoked_readers;
mod roles;
mod server;
mod setting;
mod unreachable;
