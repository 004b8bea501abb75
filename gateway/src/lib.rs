//! Who is at the door: the request path, the admin API, the workers, the CLI, in one binary.

pub mod api;
pub mod backup;
pub mod bootstrap;
pub mod cli;
pub mod command;
pub mod config;
pub mod crypto;
pub mod dev;
pub mod fleet;
pub mod health;
pub mod identity;
pub mod listener;
pub mod mcp;
pub mod problem;
pub mod public;
pub mod request;
pub mod serve;
pub mod snapshots;
pub mod store;
pub mod telemetry;
pub mod upstream;
pub mod vault;
pub mod verify;
