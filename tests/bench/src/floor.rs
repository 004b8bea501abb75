//! What the same work costs without Keyledger.

pub mod map;
pub mod nginx;
pub mod server;
