//! store

pub mod kv;
