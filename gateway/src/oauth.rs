//! The authorization server (OAuth 2.1, RFC 8414) of every MCP server behind the gateway: clients register, people sign
//! in and consent, codes and tokens are given.
//!
//! It promises: an address is judged by one validator, at registration as at authorization (`redirect`); a client's
//! metadata likewise (`client_metadata`); what an unauthenticated request can cause lies in NATS with an end
//! (`passing`); every answer that leaves by a redirect names its issuer (RFC 9207). What grants something is an event,
//! decided by the domain.

mod account;
mod acts;
pub mod ask;
pub mod assertion;
mod authorize;
mod client_auth;
pub mod client_id;
pub mod client_metadata;
pub mod clients;
mod code;
mod consent;
pub mod error;
mod form;
mod introspect;
mod invitation;
pub mod metadata;
pub mod names;
mod noted;
mod pace;
mod pages;
mod par;
pub mod parameters;
mod people;
pub mod pkce;
pub mod presets;
pub mod redirect;
pub mod refresh;
mod register;
pub mod remote;
mod request;
pub mod resource;
mod revoke;
mod router;
pub mod scope;
mod session;
mod sign_in;
mod standing;
mod state;
mod token;
mod web;
mod well_known;

pub use router::{is_ours, router};
pub use state::{Accounts, AccountsParts};
