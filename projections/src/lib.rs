//! What is now: `directory`, the in-memory state that a node serves from, and `postgres`, the read models, with
//! the `runner` that keeps them, its `checkpoint`, and what it has `parked`.

pub mod checkpoint;
pub mod directory;
pub mod parked;
pub mod postgres;
pub mod runner;
