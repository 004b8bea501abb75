//! `keyledger backup` and `keyledger restore`: the log and the vaults out of NATS and back, as its admin user
//! and, to put back, as its restoring user.

use std::path::{Path, PathBuf};

use clap::Args;
use events::clock::{SystemClock, SystemRandom};
use events::tlog::Head;
use events::{LogId, Shard};
use projections::checkpoint;
use projections::postgres::{Pool, signed};
use serde_json::json;

use super::error::CliError;
use super::events::unread;
use super::nats::replicas;
use super::output::Output;
use super::process::{self, Configured};
use super::{Environment, block_on};
use crate::backup::sealed::{self, Tried};
use crate::backup::{self, BackupError, Copied, Manifest};
use crate::checkpoints::loss::{self, Found, Loss, Standing};
use crate::checkpoints::{KeeperError, Sources};
use crate::config::{Config, NatsRole};
use crate::serve::worker;
use crate::store;
use crate::store::checkpoints::Checkpoints;
use crate::store::transfer::TransferError;
use crate::vault::{MasterKey, VaultName};

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

/// As NATS's admin user and its restoring user (`nats.users.restore`). No process may run on the server yet. Before anything is
/// written, it tries whether the master keys of the configuration (`vault.*_key_file`) open the backup's vaults. What came after the backup is lost, revocations too: docs/operating says
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
        let config = self.configured.load_some(environment)?;
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
        let config = self.configured.load_some(environment)?;
        let Some(folder) = self.folder else { return accept_loss(&config, self.json, output) };
        try_keys(&config, &folder, output)?;
        let manifest = block_on(async {
            let client = store::connect(&config, NatsRole::Admin).await?;
            let restoring = store::connect(&config, NatsRole::Restore).await?;
            let say = |copy: &Copied| output.note(told(copy, "restored"));
            Ok(backup::put_back(&client, &restoring, &folder, self.replicas, &config.access, say).await?)
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

/// Whether the configured master keys open the vaults of the backup. One that is not configured is not tried.
fn try_keys(config: &Config, folder: &Path, output: &mut Output) -> Result<(), CliError> {
    for (vault, key, file) in [
        (VaultName::Node, "vault.node_key_file", &config.vault.node_key_file),
        (VaultName::Control, "vault.control_key_file", &config.vault.control_key_file),
        (VaultName::People, "vault.people_key_file", &config.vault.people_key_file),
    ] {
        let name = vault.as_str();
        let Some(file) = file else {
            output.note(format!("the {name} vault: not tried, {key} is not configured"));
            continue;
        };
        let keys = MasterKey::read(file).map_err(|error| CliError::Usage(error.to_string()))?;
        match sealed::tried(folder, vault, &keys)? {
            Tried::Opens => output.note(format!("the {name} vault: {} opens it", file.display())),
            Tried::Unknown => {
                output.note(format!("the {name} vault: no entry is found that a key could be tried on"))
            }
            Tried::OtherKey(wanted) => {
                return Err(CliError::Refused(format!(
                    "the backup's {name} vault is sealed under the master key {wanted}, and {} ({key}) holds {}: put the line \
                     of {wanted} into it. Nothing was written",
                    file.display(),
                    keys.ids().collect::<Vec<_>>().join(", ")
                )));
            }
        }
    }
    Ok(())
}

/// Compares the log with what the vaults, the stream of checkpoints and PostgreSQL know, and writes the event.
fn accept_loss(config: &Config, json: bool, output: &mut Output) -> Result<(), CliError> {
    let (standing, unproven, known) = block_on(async {
        let parts = process::parts(config).await?;
        let client = store::connect(config, NatsRole::Control).await?;
        let stream = Checkpoints::new(client, Shard::ZERO);
        let pool = config.postgres.is_some().then(|| worker::pool(config)).transpose()?;
        let places = [
            Sources::new(stream.clone(), parts.node.clone(), pool.clone()),
            Sources::new(stream, parts.sealing.vault().clone(), None),
        ];
        let Found { standing, unproven } = loss::look(&*parts.log, &places).await?;
        if let Standing::Lost(Loss { kept, lost }) = &standing {
            parts.accept_loss(*kept, lost.clone()).await?;
        }
        let known = match &pool {
            Some(pool) => read_models_know(pool, parts.log.id().await.map_err(unread)?).await,
            None => 0,
        };
        if let (Some(_), Some(pool)) = (unproven, &pool) {
            signed::forget(pool).await?;
        }
        Ok((standing, unproven, known))
    })?;
    if let Some(Head { size, root }) = unproven {
        output.note(format!(
            "PostgreSQL kept a checkpoint of {size} messages (root {root}) by a key that this log does not know: its publication may \
             be in what is lost. Nobody can prove it; it was taken as lost, and PostgreSQL has forgotten it"
        ));
    }
    let (Loss { kept, lost }, before) = match standing {
        Standing::Whole if json => return output.json(&json!({ "accepted": false })),
        Standing::Whole => {
            return output.line("nothing is lost: the log holds all that its newest checkpoint is of");
        }
        Standing::Accepted(loss, sequence) => (loss, Some(sequence)),
        Standing::Lost(loss) => (loss, None),
    };
    if json {
        let already = before.is_some();
        return output.json(&json!({
            "accepted": true, "already": already, "kept": kept, "lost": lost, "unproven": unproven,
        }));
    }
    // Beyond the newest that was signed others may have come.
    let newest = lost.last().map_or(kept.size, |head| head.size).max(known);
    let said = format!("messages {} to at least {newest} are lost", kept.size + 1);
    output.line(match before {
        Some(sequence) => format!("it was so already: {said}, as message {sequence} says"),
        None => format!("accepted: {said}, revocations too; see docs/operating before nodes start"),
    })
}

/// How far PostgreSQL's read models have followed this log; 0: not at all, or nobody can say. They may have been built anew
/// since, from what is kept.
async fn read_models_know(pool: &Pool, log: LogId) -> u64 {
    let known = checkpoint::all(pool).await.unwrap_or_default();
    let of_this_log = known.into_iter().filter_map(|(_, at)| at).filter(|at| at.log == log);
    of_this_log.map(|at| at.sequence).max().unwrap_or(0)
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
