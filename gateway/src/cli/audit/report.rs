//! `keyledger audit report`

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use events::clock::{Clock, Random, SystemClock, SystemRandom};
use events::log::Log;
use events::tlog::origin;
use events::{OrganizationId, Owner, Shard, Timestamp};

use crate::audit::{self, Audit, AuditError, Period, Verification};
use crate::cli::Environment;
use crate::cli::error::CliError;
use crate::cli::events::evidence::{Stored, published, stored};
use crate::cli::events::start::From;
use crate::cli::events::unread;
use crate::cli::events::verify::{Source, read};
use crate::cli::output::Output;
use crate::cli::process::Configured;
use crate::config::{NatsRole, Role};
use crate::serve::connections;
use crate::store::checkpoints::Checkpoints;
use crate::verify::Verifier;

/// Reads the whole log up to the period's end and checks it as `events verify` does. Runs with a worker's configuration,
/// since what people wrote is sealed; PostgreSQL is not asked.
#[derive(Debug, Args)]
pub struct Report {
    /// The period's beginning (2026-10-01T00:00:00Z), by the log's clock
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Timestamp,
    /// The period's end, itself excluded; without it: now
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<Timestamp>,
    /// Only this organization's part, by its id
    #[arg(long, value_name = "ID")]
    organization: Option<OrganizationId>,
    /// A page to read and print, a table, or everything
    #[arg(long, value_enum, default_value_t = Format::Html)]
    format: Format,
    /// Where it is written to; a file that is there is not overwritten. Without it: standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    configured: Configured,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Html,
    Json,
    Csv,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::given(text).map_err(|error| error.to_string())
}

impl Report {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let config = self.configured.load(vec![Role::Worker], environment)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let log = connections::log(&config, NatsRole::Worker, &clock, &random).await?;
        let unseal = connections::sealing(&config, &log.client().clone(), &clock, &random).await?;
        let made_at = clock.now();
        let period = Period { from: self.from, to: self.to.unwrap_or(made_at) };
        if period.from >= period.to {
            return Err(CliError::Usage("--from: the period must begin before its end, --to".to_owned()));
        }
        let id = log.id().await.map_err(unread)?;
        let last = log.info().await.map_err(unread)?.last_sequence;
        // What lies beyond the period says nothing of it.
        let to = From::Time(period.to).sequence(&log, id, last).await?;
        let last = last.min(to.saturating_sub(1));
        let (keys, origin) = (published(&log, id).await?, origin(id, Shard::ZERO));
        let checkpoints = Checkpoints::new(log.client().clone(), Shard::ZERO);
        let Stored { mut known, refused, .. } = stored(&checkpoints, &origin, &keys).await?;
        known.retain(|known| known.checkpoint.size <= last);
        let mut verifier = Verifier::new(id, known);
        refused.into_iter().for_each(|(at, problem)| verifier.refuse_checkpoint(at, problem));
        let mut audit = Audit::new(id, period, self.organization.map(Owner::Organization));
        let mut source = Source::Log(&log, last);
        let checked = read(&mut source, verifier, |recorded| audit.take(recorded), output).await?;
        let verification = Verification::of(&checked);
        if let Some(organization) = self.organization.filter(|id| !audit.knows(*id)) {
            return Err(CliError::Usage(format!(
                "--organization {organization}: no event of the log up to {} is of it",
                period.to
            )));
        }
        let good = verification.good;
        let report =
            audit.report(&log, &unseal, verification, made_at).await.map_err(|error| match error {
                AuditError::Log(error) => unread(error),
                AuditError::Vault(error) => CliError::Unavailable(error.to_string()),
            })?;
        let text = match self.format {
            Format::Html => audit::html::write(&report),
            Format::Csv => audit::csv::write(&report),
            Format::Json => serde_json::to_string_pretty(&report).map_err(std::io::Error::from)? + "\n",
        };
        match self.output {
            None => output.document(&text)?,
            Some(path) => {
                let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
                file.write_all(text.as_bytes())?;
                output.note(format!("{} is written", path.display()));
            }
        }
        if good {
            Ok(())
        } else {
            Err(CliError::Refused("the log has findings: the report names them".to_owned()))
        }
    }
}
