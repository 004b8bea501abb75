//! Objects in the JetStream object store (ADR-20): named, in chunks, with a digest. Only what snapshots need of
//! it: an object is stored once and deleted with every trace, never changed.
//!
//! An object is there once its description is stored, after its chunks; what has chunks and no description was
//! never finished. What an object says of itself is not proof of anything: whoever reads it checks.

use std::collections::BTreeMap;
use std::fmt;

use async_nats::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use bytes::Bytes;
use events::clock::Random;
use serde::{Deserialize, Serialize};

use super::SNAPSHOTS;
use super::stream::{Stream, StreamError};

/// The snapshots' store, over a connection of a role that may use it.
#[derive(Clone)]
pub struct Objects {
    stream: Stream,
}

/// An object's description.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Object {
    pub name: String,
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    bucket: String,
    /// Names the chunks' subject.
    nuid: String,
    /// Bytes.
    pub size: u64,
    pub chunks: u64,
    /// `SHA-256=` and the digest in base64url.
    digest: String,
}

/// Why an object is not stored, or not read.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    #[error("the snapshots' store can't be reached: {0}")]
    Store(#[from] StreamError),
    #[error("its description can't be read: {0}")]
    Description(#[from] serde_json::Error),
    #[error("of its {expected} chunks only {found} are there")]
    Incomplete { found: u64, expected: u64 },
}

/// An object that is being stored.
pub struct Upload {
    objects: Objects,
    nuid: String,
    size: u64,
    chunks: u64,
}

/// An object that is being read.
pub struct Download {
    objects: Objects,
    subject: String,
    /// The next chunk's sequence is at least this.
    from: u64,
    read: u64,
    expected: u64,
}

const CHUNKS: &str = "C";
const DESCRIPTIONS: &str = "M";

impl Objects {
    pub fn new(client: async_nats::Client) -> Self {
        Self { stream: Stream::new(client, format!("OBJ_{SNAPSHOTS}")) }
    }

    /// The descriptions of all objects; one that can't be read has none.
    pub async fn list(&self) -> Result<Vec<Object>, ObjectError> {
        let mut objects = Vec::new();
        for subject in self.stream.subjects(&subject(DESCRIPTIONS, ">")).await?.keys() {
            // It may have been deleted since.
            let Some(message) = self.stream.last(subject).await? else { continue };
            match serde_json::from_slice::<Object>(&message.payload) {
                Ok(object) if object.is_at(subject) => objects.push(object),
                Ok(_) => tracing::error!(%subject, "an object's description is not what its subject says"),
                Err(error) => tracing::error!(%subject, %error, "an object's description can't be read"),
            }
        }
        Ok(objects)
    }

    /// Begins an object under a name that no other draws.
    pub fn upload(&self, random: &dyn Random) -> Upload {
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        let nuid = uuid::Uuid::from_bytes(bytes).as_simple().to_string();
        Upload { objects: self.clone(), nuid, size: 0, chunks: 0 }
    }

    pub fn download(&self, object: &Object) -> Download {
        Download {
            objects: self.clone(),
            subject: subject(CHUNKS, &object.nuid),
            from: 1,
            read: 0,
            expected: object.chunks,
        }
    }

    /// Deletes the description first: whoever reads it no more looks for no chunks.
    pub async fn delete(&self, object: &Object) -> Result<(), ObjectError> {
        self.stream.purge(&description(&object.name)).await?;
        Ok(self.stream.purge(&subject(CHUNKS, &object.nuid)).await?)
    }

    /// Deletes everything: objects, descriptions that can't be read, chunks without one.
    pub async fn delete_all(&self) -> Result<u64, ObjectError> {
        let objects = self.stream.subjects(&subject(DESCRIPTIONS, ">")).await?.len();
        self.stream.purge(&subject(DESCRIPTIONS, ">")).await?;
        self.stream.purge(&subject(CHUNKS, ">")).await?;
        Ok(objects as u64)
    }

    /// Chunks that no description speaks of: of an upload that is under way, or was never finished.
    pub async fn unfinished(&self) -> Result<Vec<Unfinished>, ObjectError> {
        // In this order: what is finished in between is found among the descriptions.
        let mut chunks = self.stream.subjects(&subject(CHUNKS, ">")).await?;
        for object in self.list().await? {
            chunks.remove(&subject(CHUNKS, &object.nuid));
        }
        Ok(chunks.into_iter().map(|(subject, chunks)| Unfinished { subject, chunks }).collect())
    }

    pub async fn delete_unfinished(&self, unfinished: &Unfinished) -> Result<(), ObjectError> {
        Ok(self.stream.purge(&unfinished.subject).await?)
    }
}

/// An upload as the store shows it: unchanged from one look to a much later one, it has been given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    subject: String,
    chunks: u64,
}

impl Upload {
    pub async fn chunk(&mut self, bytes: Bytes) -> Result<(), ObjectError> {
        self.size += bytes.len() as u64;
        self.chunks += 1;
        self.objects.stream.store(&subject(CHUNKS, &self.nuid), bytes, HeaderMap::new(), None).await?;
        Ok(())
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Names the object `<kind>-<nuid>`: from now on it is there.
    pub async fn finish(
        self,
        kind: &str,
        sha256: &[u8],
        metadata: BTreeMap<String, String>,
    ) -> Result<Object, ObjectError> {
        let object = Object {
            name: format!("{kind}-{}", self.nuid),
            metadata,
            bucket: SNAPSHOTS.to_owned(),
            nuid: self.nuid,
            size: self.size,
            chunks: self.chunks,
            digest: format!("SHA-256={}", URL_SAFE.encode(sha256)),
        };
        let payload = serde_json::to_vec(&object)?.into();
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Rollup", "sub");
        self.objects.stream.store(&description(&object.name), payload, headers, Some(0)).await?;
        Ok(object)
    }

    /// Lets go of what was stored.
    pub async fn abandon(self) {
        if let Err(error) = self.objects.stream.purge(&subject(CHUNKS, &self.nuid)).await {
            tracing::warn!(%error, "the chunks of a snapshot that was not finished are left for later");
        }
    }
}

impl Download {
    /// The next chunk; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ObjectError> {
        if self.read == self.expected {
            return Ok(None);
        }
        let stream = &self.objects.stream;
        let found = match stream.next_nearby(&self.subject, self.from).await {
            Ok(Some(message)) => Some(message),
            // A replica that is late, or was lost in between: the leader knows.
            Ok(None) | Err(_) => stream.next(&self.subject, self.from).await?,
        };
        let Some(message) = found else {
            return Err(ObjectError::Incomplete { found: self.read, expected: self.expected });
        };
        self.from = message.sequence + 1;
        self.read += 1;
        Ok(Some(message.payload))
    }
}

impl Object {
    /// Whether it lies where it says, and its chunks in a subject of their own.
    fn is_at(&self, subject: &str) -> bool {
        let is_token = !self.nuid.is_empty() && self.nuid.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_token && description(&self.name) == subject
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

fn description(name: &str) -> String {
    subject(DESCRIPTIONS, &URL_SAFE.encode(name))
}

fn subject(kind: &str, rest: &str) -> String {
    format!("$O.{SNAPSHOTS}.{kind}.{rest}")
}
