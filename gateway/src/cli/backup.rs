//! `keyledger backup` and `keyledger restore`: the log and the vaults out of NATS and back, as its admin user
//! and, to put back, as its restoring user.

use std::path::PathBuf;

use clap::Args;
use events::Shard;
use events::clock::{SystemClock, SystemRandom};
use serde_json::json;

use super::error::CliError;
use super::output::Output;
use super::process::{self, Configured, replicas};
use super::{Environment, block_on};
use crate::backup::{self, BackupError, Copied, Manifest};
use crate::checkpoints::loss::{self, Loss};
use crate::checkpoints::{KeeperError, Sources};
use crate::config::{Config, NatsRole};
use crate::serve::worker;
use crate::store;
use crate::store::checkpoints::Checkpoints;
use crate::store::transfer::TransferError;

/// Everything runs on meanwhile. The master keys are not in it: keep them elsewhere, since without them the
/// copy is worth nothing.
#[derive(Debug, Args)]
pub struct Backup {
    /// A folder that is empty or not there yet
    folder: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

/// As NATS's admin user and its restoring user (`nats.users.restore`). No process may run on the server yet. What came after the backup is lost, revocations too: docs/operating says
/// how to go on.
#[derive(Debug, Args)]
pub struct Restore {
    /// A folder that `keyledger backup` has filled
    #[arg(required_unless_present = "accept_loss")]
    folder: Option<PathBuf>,
    /// The log that was put back ends before its newest signed checkpoint: accept that what came later is lost. It writes an
    /// event that names both, as control, by which every process goes on. Without a folder it does this alone
    #[arg(long)]
    accept_loss: bool,
    /// How many servers hold each stream: 1, or 3 or 5 in a cluster
    #[arg(long, value_name = "1|3|5", default_value = "1", value_parser = replicas)]
    replicas: u8,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

impl Backup {
    pub fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let config = self.configured.load(vec![], environment)?;
        let manifest = block_on(async {
            let client = store::connect(&config, NatsRole::Admin).await?;
            let say = |copy: &Copied| output.note(told(copy, "copied"));
            Ok(backup::take(&client, &self.folder, &SystemClock, &SystemRandom, say).await?)
        })?;
        if self.json {
            return output.json(&summary(&manifest));
        }
        output.line(format!("{}: a backup as of {}", self.folder.display(), manifest.taken_at))
    }
}

impl Restore {
    pub fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let config = self.configured.load(vec![], environment)?;
        let Some(folder) = self.folder else { return accept_loss(&config, self.json, output) };
        let manifest = block_on(async {
            let client = store::connect(&config, NatsRole::Admin).await?;
            let restoring = store::connect(&config, NatsRole::Restore).await?;
            let say = |copy: &Copied| output.note(told(copy, "restored"));
            Ok(backup::put_back(&client, &restoring, &folder, self.replicas, say).await?)
        })?;
        if self.accept_loss {
            return accept_loss(&config, self.json, output);
        }
        if self.json {
            return output.json(&summary(&manifest));
        }
        output.line(format!(
            "restored as of {}: what came later is lost, revocations too; see docs/operating before nodes start",
            manifest.taken_at
        ))
    }
}

/// Compares the log with what the vaults, the stream of checkpoints and PostgreSQL know, and writes the event.
fn accept_loss(config: &Config, json: bool, output: &mut Output) -> Result<(), CliError> {
    let loss = block_on(async {
        let parts = process::parts(config).await?;
        let client = store::connect(config, NatsRole::Control).await?;
        let stream = Checkpoints::new(client, Shard::ZERO);
        let pool = config.postgres.is_some().then(|| worker::pool(config)).transpose()?;
        let places = [
            Sources::new(stream.clone(), parts.node.clone(), pool),
            Sources::new(stream, parts.sealing.vault().clone(), None),
        ];
        let loss = loss::look(&*parts.log, &places).await?;
        if let Some(Loss { kept, lost }) = &loss {
            parts.accept_loss(*kept, lost.clone()).await?;
        }
        Ok(loss)
    })?;
    let Some(Loss { kept, lost }) = loss else {
        return if json {
            output.json(&json!({ "accepted": false }))
        } else {
            output.line("nothing is lost: the log holds all that its newest checkpoint is of")
        };
    };
    if json {
        return output.json(&json!({ "accepted": true, "kept": kept, "lost": lost }));
    }
    let newest = lost.last().map_or(kept.size, |head| head.size);
    output.line(format!(
        "accepted: messages {} to {newest} are lost, revocations too; see docs/operating before nodes start",
        kept.size + 1
    ))
}

fn told(copy: &Copied, done: &str) -> String {
    format!("{}: {done}, {} messages, {} bytes", copy.stream, copy.messages(), copy.bytes)
}

fn summary(manifest: &Manifest) -> serde_json::Value {
    let streams = manifest.streams.iter().map(|copy| {
        json!({
            "stream": copy.stream,
            "messages": copy.messages(),
            "last_sequence": copy.last_sequence(),
            "bytes": copy.bytes,
            "sha256": copy.sha256,
        })
    });
    json!({ "taken_at": manifest.taken_at, "streams": streams.collect::<Vec<_>>() })
}

impl From<KeeperError> for CliError {
    fn from(error: KeeperError) -> Self {
        match error {
            KeeperError::Contradiction(_) | KeeperError::TooLong { .. } => Self::Refused(error.to_string()),
            KeeperError::Unavailable(_) | KeeperError::Busy => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<BackupError> for CliError {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Transfer(TransferError::Unavailable { .. }) => Self::Unavailable(error.to_string()),
            BackupError::Setup(error) => error.into(),
            BackupError::File { .. } | BackupError::NotEmpty(_) => Self::Usage(error.to_string()),
            BackupError::Transfer(
                TransferError::NoStream(_) | TransferError::Refused { .. } | TransferError::File { .. },
            )
            | BackupError::Manifest { .. }
            | BackupError::Damaged { .. }
            | BackupError::NotRestored(_)
            | BackupError::Incomplete { .. } => Self::Refused(error.to_string()),
        }
    }
}
