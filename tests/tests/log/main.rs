//! What every event log must do, shown on a real nats-server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]

mod append;
mod cluster;
mod follow;
mod proxy;
mod roles;
mod server;
mod setting;
mod unreachable;
