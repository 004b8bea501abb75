//! `keyledger projections rebuild`

use std::sync::Arc;

use clap::Args;
use projections::Projection;
use projections::postgres::signed;
use projections::rebuild::{self, RebuildError, Rebuilt};
use projections::runner::ProjectorConfig;
use serde_json::{Value, json};

use super::AsWorker;
use super::shown::Shown;
use crate::cli::Environment;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::process::Configured;

/// Reads and workers go on meanwhile. Interrupted, the next one goes on from where it came to. The copy takes the
/// room of the live one until it is switched; its user must be allowed to create a schema.
#[derive(Debug, Args)]
pub struct Rebuild {
    /// organizations, servers, keys, webhooks, people, members, invitations, issuers, consents, grants, clients, approvals, history
    #[arg(value_name = "NAME", required_unless_present = "all", conflicts_with = "all")]
    projections: Vec<Projection>,
    /// Every projection, one after the other
    #[arg(long)]
    all: bool,
    /// Switch also when the copy differs from the live one, or can't be compared with it
    #[arg(long)]
    accept_difference: bool,
    /// Rebuild nothing: throw the copy away that an unfinished rebuild has left
    #[arg(long, conflicts_with = "accept_difference")]
    discard: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

impl Rebuild {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let worker = AsWorker::connect(self.configured, environment).await?;
        let projections = if self.all { Projection::ALL.to_vec() } else { self.projections };
        let mut done = Vec::new();
        for projection in projections {
            if self.discard {
                let there = rebuild::discard(&worker.pool, projection).await?;
                if self.json {
                    done.push(json!({ "projection": projection, "discarded": there }));
                } else {
                    let said = if there { "the copy is gone" } else { "no copy" };
                    output.line(format!("{projection}: {said}"))?;
                }
                continue;
            }
            let rebuild = rebuild::Rebuild {
                projection,
                log: Arc::clone(&worker.log),
                pool: worker.pool.clone(),
                unseal: Arc::clone(&worker.unseal),
                config: ProjectorConfig::default(),
                accept_difference: self.accept_difference,
            };
            let mut shown = Shown::new(projection);
            match rebuild.run(|progress| shown.tell(progress, output)).await {
                Ok(rebuilt) if self.json => done.push(told(&rebuilt)),
                Ok(rebuilt) => output.line(words(&rebuilt))?,
                Err(error) => {
                    if self.json
                        && let RebuildError::Differs(projection, compared) = &error
                    {
                        let compared =
                            json!({ "projection": projection, "switched": false, "compared": compared });
                        done.push(compared);
                        output.json(&json!({ "items": done }))?;
                    }
                    return Err(error.into());
                }
            }
        }
        if self.all && self.accept_difference {
            // It may be of what the log has lost, which is accepted; the newest comes by itself.
            signed::forget(&worker.pool).await?;
        }
        if self.json { output.json(&json!({ "items": done })) } else { Ok(()) }
    }
}

fn told(rebuilt: &Rebuilt) -> Value {
    let mut told = json!(rebuilt);
    if let Some(members) = told.as_object_mut() {
        members.insert("switched".to_owned(), json!(true));
    }
    told
}

fn words(rebuilt: &Rebuilt) -> String {
    let Rebuilt { projection, applied, compared, not_compared, .. } = rebuilt;
    let found = match (compared, not_compared) {
        (Some(compared), _) => compared.to_string(),
        (None, Some(why)) => format!("not compared: the one before {why}"),
        (None, None) => "not compared".to_owned(),
    };
    format!("{projection}: switched at event {applied}; {found}")
}
