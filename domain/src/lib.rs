//! What may happen: aggregates and commands. Decisions are pure and synchronous: state, command and facts
//! in, events or a typed refusal out. No HTTP, no SQL, no clock of its own.
//!
//! The nouns know nothing of storage. `store` and `dispatch` load an aggregate from the log, let it decide, and append
//! what it decided; `cqrs` is the only module that names cqrs-es.

pub mod aggregate;
pub mod approval;
pub mod authority;
pub mod client;
pub mod command_id;
pub mod consent;
pub mod context;
pub mod cqrs;
pub mod dispatch;
pub mod grant;
pub mod installation;
pub mod invitation;
pub mod issuer;
pub mod key;
pub mod member;
pub mod organization;
pub mod person;
pub mod readers;
pub mod server;
pub mod store;
#[cfg(test)]
pub(crate) mod testing;
pub mod webhook;
pub mod writer;

pub use aggregate::{Decide, Facts, NounEvent, OtherOwners, Room, Standing};
pub use approval::Approval;
pub use authority::Authority;
pub use client::Client;
pub use consent::Consent;
pub use context::Context;
pub use dispatch::{Active, CommandError, Dispatcher, Done, OrganizationOwners, Owning};
pub use grant::Grant;
pub use installation::Installation;
pub use invitation::Invitation;
pub use issuer::Issuer;
pub use key::Key;
pub use member::Member;
pub use organization::Organization;
pub use person::Person;
pub use readers::{Readers, TooOld, Unreadable};
pub use server::Server;
pub use store::Loaded;
pub use webhook::Webhook;
pub use writer::{SignError, Writer};
