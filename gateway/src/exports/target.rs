//! Where files go. A file appears whole or not at all, and never in the place of another.

use async_trait::async_trait;
use bytes::Bytes;

use super::Parts;
use crate::config::{self, ConfigError};

mod folder;
mod s3;

#[async_trait]
pub trait Target: Send + Sync + 'static {
    /// Stores a file, unless one of this name is there.
    async fn put(&self, name: &str, bytes: Bytes) -> Result<Put, TargetError>;

    /// `None`: it is not there.
    async fn get(&self, name: &str) -> Result<Option<Bytes>, TargetError>;
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Put {
    Stored,
    /// One of this name is there, and was left as it is.
    Exists,
}

#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    #[error("{path}: {source}")]
    File { path: std::path::PathBuf, source: std::io::Error },
    #[error("the storage: {0}")]
    Storage(String),
}

/// `key`: of the export's table.
pub(super) fn open(
    key: &str,
    config: &config::Export,
    parts: &Parts,
) -> Result<Box<dyn Target>, ConfigError> {
    Ok(match config.target(key)? {
        config::Target::Folder(path) => Box::new(folder::Folder::open(key, path, parts.random.clone())?),
        config::Target::S3(s3) => Box::new(s3::Storage::new(key, s3, config.max_bytes, parts.clock.clone())?),
    })
}
