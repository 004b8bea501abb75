//! `keyledger exports`: how far each is, and a file now.

use std::sync::Arc;

use clap::{Args, Subcommand};
use events::{Shard, Signers};
use projections::postgres::place::PlaceKind;
use serde_json::json;

use super::Environment;
use super::error::CliError;
use super::outlet::{AsWorker, List, Reset};
use super::output::Output;
use super::process::Configured;
use crate::exports::{ExportError, Parts};
use crate::serve::outlets;
use crate::store::checkpoints::Checkpoints;

#[derive(Debug, Subcommand)]
pub enum Exports {
    /// Show how far each is, who keeps it, and why one stands still
    List(List),
    /// Write now what is signed and not written yet
    Run(Run),
    /// Forget how far one is: it begins anew with the first event. Move its files away before
    Reset(Reset),
}

#[derive(Debug, Args)]
pub struct Run {
    /// Its name in the configuration
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

impl Exports {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::List(list) => list.run(PlaceKind::Export, environment, output).await,
            Self::Run(run) => run.run(environment, output).await,
            Self::Reset(reset) => reset.run(PlaceKind::Export, environment, output).await,
        }
    }
}

impl Run {
    async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let worker = AsWorker::connect(self.configured, environment).await?;
        let parts = Parts {
            checkpoints: Checkpoints::new(worker.log.client().clone(), Shard::ZERO),
            log: Arc::new(worker.log),
            signers: Arc::new(Signers::default()),
            pool: worker.pool,
            clock: worker.clock,
            random: worker.random,
        };
        let export = outlets::export(&worker.config, &self.name, parts)?;
        let written = export.write(true).await?;
        if self.json {
            let file = |file: &crate::exports::Written| json!({ "name": file.name, "first": file.first, "last": file.last, "bytes": file.bytes });
            let files: Vec<_> = written.iter().map(file).collect();
            return output.json(&json!({ "items": files }));
        }
        for file in &written {
            output.line(format!("{}: {} bytes, and its proof", file.name, file.bytes))?;
        }
        if written.is_empty() { output.line("nothing: all that is signed is written") } else { Ok(()) }
    }
}

impl From<ExportError> for CliError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Place(error) => error.into(),
            ExportError::Diverged(_) | ExportError::Taken(_) => Self::Refused(error.to_string()),
            ExportError::Fenced
            | ExportError::Log(_)
            | ExportError::Checkpoints(_)
            | ExportError::Content(_)
            | ExportError::Target(_) => Self::Unavailable(error.to_string()),
        }
    }
}
