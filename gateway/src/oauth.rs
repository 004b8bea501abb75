//! The authorization server (OAuth 2.1, RFC 8414) of every MCP server behind the gateway: clients register, people sign
//! in and consent, codes and tokens are given.
//!
//! It promises: an address is judged by one validator, at registration as at authorization (`redirect`); a client's
//! metadata likewise (`client_metadata`); what an unauthenticated request can cause lies in NATS with an end
//! (`passing`); every answer that leaves by a redirect names its issuer (RFC 9207). What grants something is an event,
//! decided by the domain.

pub mod ask;
pub mod assertion;
pub mod client_id;
pub mod client_metadata;
pub mod error;
pub mod metadata;
pub mod parameters;
pub mod passing;
pub mod pkce;
pub mod presets;
pub mod redirect;
pub mod refresh;
pub mod remote;
pub mod resource;
pub mod scope;
