//! A copy of all that can't be built again: the event log and the vaults, each stream as NATS copies it, with a
//! manifest that is written last. A folder without one is no backup.
//!
//! The log is copied before the vaults: an event's sealing key and pepper are in their vault before the event is
//! in the log, so the copy holds the keys of all its events, and none that was deleted before. The master keys are
//! not in it: whoever finds the copy can open nothing without them.

pub mod sealed;

use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use events::Timestamp;
use events::clock::{Clock, Random};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::config::Access;
use crate::store::setup::{self, SetupError};
use crate::store::transfer::{Shape, Transfer, TransferError, streams};

/// The manifest's file.
const MANIFEST: &str = "manifest.json";
const FORMAT: u32 = 2;
const BUFFER: usize = 64 * 1024;

/// What a backup holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    /// When the copy began, by this machine's clock.
    pub taken_at: Timestamp,
    pub streams: Vec<Copied>,
}

/// One stream's copy.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copied {
    pub stream: String,
    pub file: String,
    pub bytes: u64,
    /// In hexadecimal digits.
    pub sha256: String,
    /// As NATS told them: for NATS.
    pub config: Value,
    pub state: Value,
}

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Transfer(#[from] TransferError),
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{0} is not empty: a backup goes into a folder of its own")]
    NotEmpty(PathBuf),
    #[error("{path} is no backup of this version: {problem}")]
    Manifest { path: PathBuf, problem: String },
    #[error("{path} is damaged: it is not what the manifest says")]
    Damaged { path: PathBuf },
    #[error("the stream {0} is there already: restore into an empty server, before `keyledger nats setup`")]
    NotRestored(String),
    #[error("the stream {stream} was restored with {found} messages, not {wanted}")]
    Incomplete { stream: String, found: u64, wanted: u64 },
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> BackupError {
    let path = path.to_owned();
    |source| BackupError::File { path, source }
}

impl Copied {
    /// Messages in it.
    pub fn messages(&self) -> u64 {
        messages(&self.state)
    }

    /// The sequence of its newest message.
    pub fn last_sequence(&self) -> u64 {
        self.state.get("last_seq").and_then(Value::as_u64).unwrap_or(0)
    }
}

fn messages(state: &Value) -> u64 {
    state.get("messages").and_then(Value::as_u64).unwrap_or(0)
}

/// Copies the log and the vaults into an empty folder, as the admin user; `copied` hears of each. Everything goes
/// on meanwhile.
pub async fn take(
    client: &crate::store::Client,
    folder: &Path,
    clock: &dyn Clock,
    random: &dyn Random,
    mut copied: impl FnMut(&Copied),
) -> Result<Manifest, BackupError> {
    make_empty(folder).await?;
    let mut manifest = Manifest { format: FORMAT, taken_at: clock.now(), streams: Vec::new() };
    for stream in streams() {
        let name = format!("{stream}.snapshot");
        let path = folder.join(&name);
        let mut file = create(&path).await?;
        let id = events::clock::uuid_v7(clock, random).as_simple().to_string();
        let shape = Transfer::new(client, &stream).out(&id, &mut file).await?;
        file.sync_all().await.map_err(at(&path))?;
        let (bytes, sha256) = digest(&path).await?;
        let Shape { config, state } = shape;
        let copy = Copied { stream, file: name, bytes, sha256, config, state };
        copied(&copy);
        manifest.streams.push(copy);
    }
    let path = folder.join(MANIFEST);
    let mut file = create(&path).await?;
    let text = format!("{:#}\n", json!(manifest));
    file.write_all(text.as_bytes()).await.map_err(at(&path))?;
    file.sync_all().await.map_err(at(&path))?;
    let parent = File::open(folder).await.map_err(at(folder))?;
    parent.sync_all().await.map_err(at(folder))?;
    Ok(manifest)
}

/// Puts a backup into a server that has none of its streams, with so many replicas, and sets up the rest. The copy
/// is looked through before anything is created; records of access are none of it, and `access` says how new ones are kept. `restoring` is the restoring user's, `client` the admin's.
pub async fn put_back(
    client: &crate::store::Client,
    restoring: &crate::store::Client,
    folder: &Path,
    replicas: u8,
    access: &Access,
    mut restored: impl FnMut(&Copied),
) -> Result<Manifest, BackupError> {
    let manifest = read(folder).await?;
    for copy in &manifest.streams {
        if Transfer::new(client, &copy.stream).shape().await?.is_some() {
            return Err(BackupError::NotRestored(copy.stream.clone()));
        }
    }
    for copy in &manifest.streams {
        let path = folder.join(&copy.file);
        let mut file = File::open(&path).await.map_err(at(&path))?;
        let mut config = copy.config.clone();
        if let Some(members) = config.as_object_mut() {
            members.insert("num_replicas".to_owned(), json!(replicas));
        }
        let transfer = Transfer::new(client, &copy.stream);
        transfer.back(restoring, &Shape { config, state: copy.state.clone() }, &mut file).await?;
        let found = transfer.shape().await?.map_or(0, |shape| messages(&shape.state));
        if found != copy.messages() {
            let (stream, wanted) = (copy.stream.clone(), copy.messages());
            return Err(BackupError::Incomplete { stream, found, wanted });
        }
        restored(copy);
    }
    setup::setup_keeping(client, replicas, access).await?;
    Ok(manifest)
}

/// The manifest, once every file is seen to be what it says.
async fn read(folder: &Path) -> Result<Manifest, BackupError> {
    let path = folder.join(MANIFEST);
    let wrong = |problem: String| BackupError::Manifest { path: path.clone(), problem };
    let text = tokio::fs::read_to_string(&path).await.map_err(at(&path))?;
    let manifest: Manifest = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    if manifest.format != FORMAT {
        return Err(wrong(format!("its format is {}, not {FORMAT}", manifest.format)));
    }
    let named: Vec<&str> = manifest.streams.iter().map(|copy| copy.stream.as_str()).collect();
    if named != streams() {
        return Err(wrong(format!("it holds {}, not {}", named.join(", "), streams().join(", "))));
    }
    for copy in &manifest.streams {
        if copy.file != format!("{}.snapshot", copy.stream) {
            return Err(wrong(format!("the file of {} is not its own", copy.stream)));
        }
        let path = folder.join(&copy.file);
        if digest(&path).await? != (copy.bytes, copy.sha256.clone()) {
            return Err(BackupError::Damaged { path });
        }
    }
    Ok(manifest)
}

async fn make_empty(folder: &Path) -> Result<(), BackupError> {
    let mut builder = tokio::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(folder).await.map_err(at(folder))?;
    let mut entries = tokio::fs::read_dir(folder).await.map_err(at(folder))?;
    match entries.next_entry().await.map_err(at(folder))? {
        None => Ok(()),
        Some(_) => Err(BackupError::NotEmpty(folder.to_owned())),
    }
}

/// A new file that its owner alone can read.
async fn create(path: &Path) -> Result<File, BackupError> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).await.map_err(at(path))
}

async fn digest(path: &Path) -> Result<(u64, String), BackupError> {
    let mut file = File::open(path).await.map_err(at(path))?;
    let mut buffer = vec![0; BUFFER];
    let (mut bytes, mut context) = (0_u64, Context::new(&SHA256));
    loop {
        let read = file.read(&mut buffer).await.map_err(at(path))?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        context.update(part);
        bytes += u64::try_from(read).unwrap_or(u64::MAX);
    }
    let hex = context.finish().as_ref().iter().fold(String::new(), |mut text, byte| {
        use std::fmt::Write;
        let _ = write!(text, "{byte:02x}");
        text
    });
    Ok((bytes, hex))
}
