//! `keyledger projections compare`

use std::sync::Arc;

use clap::Args;
use projections::Projection;
use projections::rebuild::Rebuild;
use projections::runner::ProjectorConfig;
use serde_json::json;

use super::AsWorker;
use super::shown::Shown;
use crate::cli::Environment;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::process::Configured;

/// The live ones stay as they are, and reads and workers go on. The copy takes the room of the live one meanwhile; its
/// user must be allowed to create a schema. What an unfinished rebuild has left is thrown away.
#[derive(Debug, Args)]
pub struct Compare {
    /// organizations, servers, keys, webhooks, people, members, invitations, issuers, consents, grants, clients, approvals, history
    #[arg(value_name = "NAME", required_unless_present = "all", conflicts_with = "all")]
    projections: Vec<Projection>,
    /// Every projection, one after the other
    #[arg(long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

impl Compare {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let worker = AsWorker::connect(self.configured, environment).await?;
        let projections = if self.all { Projection::ALL.to_vec() } else { self.projections };
        let (mut found, mut differ) = (Vec::new(), Vec::new());
        for projection in projections {
            let rebuild = Rebuild {
                projection,
                log: Arc::clone(&worker.log),
                pool: worker.pool.clone(),
                unseal: Arc::clone(&worker.unseal),
                config: ProjectorConfig::default(),
                accept_difference: false,
            };
            let mut shown = Shown::new(projection);
            let compared = rebuild.only_compare(|progress| shown.tell(progress, output)).await?;
            if !compared.is_equal() {
                differ.push(projection.to_string());
            }
            if self.json {
                found.push(
                    json!({ "projection": projection, "equal": compared.is_equal(), "compared": compared }),
                );
            } else {
                output.line(format!("{projection}: {compared}"))?;
            }
        }
        if self.json {
            output.json(&json!({ "items": found }))?;
        }
        if differ.is_empty() {
            return Ok(());
        }
        Err(CliError::Refused(format!(
            "what the log says differs from {}: `keyledger projections rebuild` builds it anew",
            differ.join(", ")
        )))
    }
}
