//! A folder: a file is written under a name of its own, reaches the disk, and is linked to its name, which fails
//! where something has it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use events::clock::Random;
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt;

use super::{Put, Target, TargetError};
use crate::config::ConfigError;

pub(super) struct Folder {
    path: PathBuf,
    random: Arc<dyn Random>,
}

impl Folder {
    pub fn open(key: &str, path: &Path, random: Arc<dyn Random>) -> Result<Self, ConfigError> {
        if path.is_dir() {
            return Ok(Self { path: path.to_owned(), random });
        }
        Err(ConfigError::Value {
            key: format!("{key}.folder"),
            problem: format!("{} is no folder", path.display()),
            accepted: "the path of a folder that is there",
        })
    }

    /// What a process that was killed left of this file.
    async fn sweep(&self, name: &str) -> Result<(), TargetError> {
        let failed = |source| TargetError::File { path: self.path.clone(), source };
        let mut entries = fs::read_dir(&self.path).await.map_err(failed)?;
        let unfinished = format!(".{name}.");
        while let Some(entry) = entries.next_entry().await.map_err(failed)? {
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(&unfinished)) {
                fs::remove_file(entry.path()).await.map_err(failed)?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Target for Folder {
    async fn put(&self, name: &str, bytes: Bytes) -> Result<Put, TargetError> {
        self.sweep(name).await?;
        let path = self.path.join(name);
        let failed = |source| TargetError::File { path: path.clone(), source };
        let mut own = [0; 8];
        self.random.fill(&mut own);
        let unfinished = self.path.join(format!(".{name}.{:016x}", u64::from_be_bytes(own)));
        let mut file = File::create_new(&unfinished).await.map_err(failed)?;
        file.write_all(&bytes).await.map_err(failed)?;
        file.sync_all().await.map_err(failed)?;
        let linked = fs::hard_link(&unfinished, &path).await;
        fs::remove_file(&unfinished).await.map_err(failed)?;
        match linked {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(Put::Exists),
            Err(error) => return Err(failed(error)),
        }
        // The name as well.
        File::open(&self.path).await.map_err(failed)?.sync_all().await.map_err(failed)?;
        Ok(Put::Stored)
    }

    async fn get(&self, name: &str) -> Result<Option<Bytes>, TargetError> {
        let path = self.path.join(name);
        match fs::read(&path).await {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(TargetError::File { path, source }),
        }
    }
}
