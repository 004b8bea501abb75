//! `keyledger events checkpoint` and `keyledger events keys`: what to keep elsewhere, so that the log can be held to it.

use clap::Args;
use events::Shard;
use events::tlog::origin;

use super::Reader;
use super::auditor::Auditor;
use super::evidence::{KeysFile, newest, published};
use crate::cli::Environment;
use crate::cli::error::CliError;
use crate::cli::output::Output;

/// A signed note (C2SP tlog-checkpoint). Kept where nobody who can write to NATS can, it notices every change of what
/// came before: `keyledger events verify --checkpoint FILE`.
#[derive(Debug, Args)]
pub struct PrintCheckpoint {
    #[command(flatten)]
    keys: KeysFile,
    #[command(flatten)]
    auditor: Auditor,
}

/// One C2SP verifier key a line, those of before included: by them checkpoints and proofs are believed, for ever.
#[derive(Debug, Args)]
pub struct PrintKeys {
    #[command(flatten)]
    auditor: Auditor,
}

impl PrintCheckpoint {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let reader = Reader::open(&self.auditor, environment).await?;
        let keys = self.keys.of_log(&reader.log, reader.id).await?;
        let (note, _) = newest(&reader, &origin(reader.id, Shard::ZERO), &keys).await?;
        output.text(&note.to_string())
    }
}

impl PrintKeys {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let reader = Reader::open(&self.auditor, environment).await?;
        for key in published(&reader.log, reader.id).await? {
            output.line(key.to_string())?;
        }
        Ok(())
    }
}
