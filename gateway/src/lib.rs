//! Who is at the door: the request path, the admin API, the workers, the CLI, in one binary.

mod access;
mod access_token;
mod api;
mod audit;
pub mod backup;
pub mod bootstrap;
pub mod checkpoints;
pub mod cli;
mod command;
pub mod config;
pub mod crypto;
mod current;
pub mod dev;
mod drains;
mod exports;
mod files;
pub mod fleet;
pub mod granting;
mod health;
mod identity;
pub mod issuers;
mod listener;
mod mcp;
pub mod oauth;
mod order;
mod outgoing;
mod outlet;
mod problem;
mod public;
mod record;
mod request;
pub mod serve;
mod shares;
mod signers;
pub mod snapshots;
pub mod store;
mod telemetry;
pub mod token_keys;
mod unseen;
mod upstream;
pub mod vault;
mod verify;
mod webhooks;
pub mod witness;

/// For `tests/bench` alone, which measures it beside a plain hash map.
pub use request::Authenticator;
