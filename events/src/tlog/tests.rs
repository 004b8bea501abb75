//! Test vectors of others, and laws beside a naive tree.

mod formats;
mod laws;
mod range;
