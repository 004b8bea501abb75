//! What was read and tried through the admin API (decision 0020): who read people's texts, whose commands were refused,
//! who was let in and who was not. It is no event: it changes nothing, and it is kept for a time, in a stream of its own.
//!
//! It promises: nobody waits for a record and no request fails for one; what is told is bounded for each key, and what
//! is beyond that is counted; no secret and no text is in a record, and an address only sealed. It leaves to the API
//! which request is what, and to `store` where records lie.

mod counts;
mod reader;
mod record;
mod recorder;
mod writer;

pub use reader::{Choice, Page, Reader};
pub use record::{Kind, Record, Told, Who};
pub use recorder::Recorder;
pub use writer::Writer;
