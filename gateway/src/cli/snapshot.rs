//! `keyledger snapshots`: what nodes start from. Written and signed as a worker, whatever roles the configuration
//! names.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use events::Position;
use events::clock::{Clock, Random, SystemClock, SystemRandom};
use events::log::ReadError;
use events::position::Shard;
use projections::directory::follow::{self, FollowConfig};
use projections::directory::gate::GateConfig;
use projections::directory::{Directory, Gate, NotReady};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::error::CliError;
use super::output::{Column, Output, text};
use super::process::Configured;
use super::{Environment, block_on};
use crate::checkpoints::Sources;
use crate::config::{Config, NatsRole, Role};
use crate::serve::connections;
use crate::snapshots::{Found, Header, Loader, Signers, WriteError, Writer};
use crate::store::checkpoints::Checkpoints;
use crate::store::snapshots::Objects;
use crate::vault::VaultName;

#[derive(Debug, Subcommand)]
pub enum Snapshots {
    /// Write one now, of all that the log holds; old ones go, as the configuration says
    Write(AsWorker),
    /// Show them, the newest first, with whether nodes of this version start from them
    List(AsWorker),
    /// Delete all of them: nodes that start replay the whole log
    Discard(AsWorker),
}

#[derive(Debug, Args)]
pub struct AsWorker {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

const COLUMNS: &[Column] = &[
    Column { head: "EVENT", cell: |item| text(item, "sequence") },
    Column { head: "STORED", cell: |item| text(item, "stored_at") },
    Column { head: "WRITTEN", cell: |item| text(item, "written_at") },
    Column { head: "KEYS", cell: |item| text(item, "keys") },
    Column { head: "BYTES", cell: |item| text(item, "bytes") },
    Column { head: "NAME", cell: |item| text(item, "name") },
    Column { head: "STATE", cell: |item| text(item, "state") },
];

/// Between two lines about a replay.
const SAY_EVERY: Duration = Duration::from_secs(2);

impl Snapshots {
    pub fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::Write(AsWorker { json, configured }) => {
                let config = configured.load(vec![Role::Worker], environment)?;
                block_on(write(&config, json, output))
            }
            Self::List(AsWorker { json, configured }) => {
                let config = configured.load(vec![Role::Worker], environment)?;
                block_on(list(&config, json, output))
            }
            Self::Discard(AsWorker { json, configured }) => {
                let config = configured.load(vec![Role::Worker], environment)?;
                block_on(discard(&config, json, output))
            }
        }
    }
}

async fn write(config: &Config, json: bool, output: &mut Output) -> Result<(), CliError> {
    let (writer, checkpoints) = writer(config).await?;
    let sources = Arc::new(Sources::new(checkpoints, writer.people.clone(), None));
    let loader = Loader {
        objects: writer.objects.clone(),
        signers: Signers::Worker(writer.people.clone()),
        clock: Arc::clone(&writer.clock),
    };
    let newest = loader.load(&*writer.log, &writer.directory, &writer.gate).await;
    follow_to_the_end(&writer, sources, output).await?;
    if let Some(newest) = newest.filter(|newest| newest.place.sequence == writer.directory.applied()) {
        if json {
            return output.json(&json!({ "written": false, "sequence": newest.place.sequence }));
        }
        return output.line(format!(
            "nothing has happened since event {}, of which there is a snapshot",
            newest.place.sequence
        ));
    }
    let (object, header) = writer.write_and_prune(config.snapshots.keep).await?;
    if json {
        let mut told = told(&object.name, &header);
        told["written"] = json!(true);
        return output.json(&told);
    }
    output.line(format!(
        "{object}: a snapshot as of event {}, of {} keys in {} bytes",
        header.place.sequence, header.counts.keys, header.size
    ))
}

/// Applies what the log holds now.
async fn follow_to_the_end(
    writer: &Writer,
    sources: Arc<Sources>,
    output: &mut Output,
) -> Result<(), CliError> {
    let end = Position {
        log: writer.log.id().await.map_err(WriteError::Log)?,
        shard: Shard::ZERO,
        sequence: writer.log.info().await.map_err(WriteError::Log)?.last_sequence,
    };
    let cancel = CancellationToken::new();
    let follow = follow::run(
        Arc::clone(&writer.log),
        sources,
        Arc::clone(&writer.directory),
        Arc::clone(&writer.gate),
        Arc::clone(&writer.clock),
        FollowConfig::default(),
        cancel,
    );
    let applied = async {
        while !writer.gate.wait_applied(&end, SAY_EVERY).await {
            match writer.gate.check() {
                Err(reason @ NotReady::Diverged(_)) => return Err(CliError::Refused(reason.to_string())),
                Ok(()) | Err(_) => {
                    output.note(format!("{} of {} events read", writer.directory.applied(), end.sequence));
                }
            }
        }
        Ok(())
    };
    tokio::select! {
        applied = applied => applied,
        // It never ends by itself.
        () = follow => Err(CliError::Unavailable("the log is not followed any more".to_owned())),
    }
}

async fn list(config: &Config, json: bool, output: &mut Output) -> Result<(), CliError> {
    let found = writer(config).await?.0.list().await?;
    let items: Vec<Value> = found.iter().map(item).collect();
    if json {
        return output.json(&json!({ "items": items }));
    }
    output.table(COLUMNS, &items)
}

async fn discard(config: &Config, json: bool, output: &mut Output) -> Result<(), CliError> {
    let deleted = writer(config).await?.0.objects.delete_all().await.map_err(WriteError::Object)?;
    if json {
        return output.json(&json!({ "deleted": deleted }));
    }
    output.line(format!("{deleted} snapshots deleted; nodes that start replay the whole log"))
}

/// With the log's checkpoints.
async fn writer(config: &Config) -> Result<(Writer, Checkpoints), CliError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let log = connections::log(config, NatsRole::Worker, &clock, &random).await?;
    let directory = Arc::new(Directory::new());
    let checkpoints = Checkpoints::new(log.client().clone(), Shard::ZERO);
    let writer = Writer {
        people: connections::vault(config, VaultName::People, log.client()).await?,
        objects: Objects::new(log.client().clone()),
        log: Arc::new(log),
        gate: Arc::new(Gate::new(Arc::clone(&directory), Arc::clone(&clock), GateConfig::default())),
        directory,
        clock,
        random,
    };
    Ok((writer, checkpoints))
}

fn item(found: &Found) -> Value {
    match &found.header {
        Ok(header) => {
            let mut told = told(&found.object.name, header);
            told["usable"] = json!(true);
            told["state"] = json!("good");
            told
        }
        Err(reason) => json!({
            "name": found.object.name,
            "bytes": found.object.size,
            "usable": false,
            "state": reason.to_string(),
        }),
    }
}

fn told(name: &str, header: &Header) -> Value {
    json!({
        "name": name,
        "log": header.place.log,
        "sequence": header.place.sequence,
        "stored_at": header.stored_at,
        "written_at": header.written_at,
        "keys": header.counts.keys,
        "organizations": header.counts.organizations,
        "servers": header.counts.servers,
        "closed": header.counts.closed,
        "bytes": header.size,
        "format": header.format,
    })
}

impl From<WriteError> for CliError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Empty
            | WriteError::NoKey
            | WriteError::NoTree
            | WriteError::TooLarge
            | WriteError::Encode(_) => Self::Refused(error.to_string()),
            WriteError::Log(ReadError::NotBootstrapped) => Self::Refused(error.to_string()),
            WriteError::Vault(_) | WriteError::Object(_) | WriteError::Log(_) => {
                Self::Unavailable(error.to_string())
            }
        }
    }
}
