//! What the gateway understands of MCP: one JSON-RPC message from a whole body, the protocol's era of each
//! request, whether its headers agree with its body, and what access its method needs. Pure: it knows no
//! HTTP connection, no key and no upstream.
//!
//! The gateway decides on the parsed body alone; a header that says something else is refused, so that
//! nobody behind it can be told another story than the one that was authorized.

pub mod access;
pub mod era;
#[cfg(test)]
mod fuzz;
pub mod header;
mod json;
pub mod list;
pub mod message;
pub mod task;

pub use access::{Needs, needs};
pub use era::Era;
pub use list::List;
pub use message::{Message, Shape};
