//! Who is at the door: the request path, the admin API, the workers, the CLI, in one binary.

mod api;
mod audit;
pub mod backup;
pub mod bootstrap;
pub mod checkpoints;
pub mod cli;
mod command;
pub mod config;
pub mod crypto;
pub mod dev;
mod files;
pub mod fleet;
mod health;
mod identity;
mod listener;
mod mcp;
mod problem;
mod public;
mod request;
pub mod serve;
mod shares;
mod signers;
pub mod snapshots;
pub mod store;
mod telemetry;
mod upstream;
pub mod vault;
mod verify;
pub mod witness;

/// For `tests/bench` alone, which measures it beside a plain hash map.
pub use request::Authenticator;
