//! How clients get in, or don't (decision 0039): each one's way from the first 401 to the first call, kept for a day, so that
//! an operator sees where it ended and why.
//!
//! It promises: telling costs a look into a cache and a place in a queue, and nobody waits for it; what is kept is bounded in
//! number and in bytes; no secret, no code, no token and no name of a person is in it. It is a help and no proof: what there is no room
//! for is dropped, and counted.

mod cause;
mod gather;
mod reader;
mod recorder;
mod step;
#[cfg(test)]
mod tests;
mod writer;

pub use cause::Facts;
pub use gather::{Attempt, Came, gather};
pub use reader::Reader;
pub use recorder::Recorder;
pub use step::{Stage, Step, Visitor, Why, kept};
pub use writer::Writer;
