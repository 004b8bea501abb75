//! What is now: `directory`, the in-memory state that a node serves from, and `postgres`, the read models: which
//! `projection`s there are, the `runner` that keeps them, the `lease`s by which workers share them, their
//! `checkpoint`s, what each has `parked`, how one is built anew by `rebuild`, and whether the log is still their
//! `origin` and what of it is `lost`, and which organizations they have `forgotten`.

pub mod checkpoint;
pub mod directory;
pub mod forgotten;
pub mod lease;
pub mod lost;
pub mod origin;
pub mod parked;
pub mod postgres;
pub mod projection;
pub mod rebuild;
mod refused;
pub mod runner;

pub use projection::Projection;
