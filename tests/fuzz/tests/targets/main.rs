//! Fuzz targets of what the crates below the gateway read and everybody may name.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod event;
mod key;
mod list;
mod scope;
mod text;
