//! Servers, clients and faults for the end-to-end tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this crate is used by tests alone, and a test that can't go on panics"
)]

pub mod browser;
pub mod clients;
pub mod example;
pub mod fleet;
pub mod mcp;
pub mod oauth;
pub mod person;
pub mod poll;
pub mod receivers;
pub mod servers;
pub mod sign_in;
pub mod signing;
pub mod spine;
pub mod upstreams;
pub mod wire;
