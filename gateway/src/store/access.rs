//! The stream of what was read and tried through the admin API: one JSON record a message, under its owner's subject.
//! Control appends; it and the auditor read; NATS lets the oldest go, by age and by size, and nobody else does.

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use bytes::Bytes;
use events::Owner;
use uuid::Uuid;

use super::ACCESS;
use super::stream::{Stream, StreamError};
use super::tail::{Ends, Stored, Tail};

/// Every subject of it.
pub const ALL: &str = "kl.access.*";

/// No record is longer, in bytes.
pub const MAX_RECORD: usize = 16 * 1024;

/// The records, over a connection of a role that may use them.
#[derive(Clone)]
pub struct AccessRecords {
    tail: Tail,
}

impl AccessRecords {
    pub fn new(client: async_nats::Client) -> Self {
        Self { tail: Tail::new(Stream::new(client, ACCESS.to_owned()), ALL) }
    }

    /// Appends a record, once under its id, also where it is sent again for want of an answer.
    pub async fn append(&self, about: Owner, id: Uuid, record: Bytes) -> Result<(), StreamError> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, id.to_string());
        let subject = format!("kl.access.{about}");
        self.tail.stream().store(&subject, record, headers, None).await.map(|_| ())
    }

    pub async fn ends(&self) -> Result<Ends, StreamError> {
        self.tail.ends().await
    }

    /// The records of so many sequences from this one on, in order; those that are gone are left out.
    pub async fn range(&self, from: u64, count: u64) -> Result<Vec<Stored>, StreamError> {
        self.tail.range(from, count).await
    }
}
