//! What is now: `directory`, the in-memory state that a node serves from, and `postgres`, the read models.

pub mod directory;
