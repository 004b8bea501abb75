//! `keyledger webhooks rotate-secret`

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::OfWebhook;
use crate::cli::Environment;
use crate::cli::connection::{Connection, Session};
use crate::cli::error::CliError;
use crate::cli::output::{Output, text};
use crate::cli::wait::Waiting;

#[derive(Debug, Args)]
pub struct Rotate {
    #[command(flatten)]
    webhook: OfWebhook,
    /// How many seconds the secret before signs as well, at most seven days; without it a day
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=604_800))]
    overlap: Option<u32>,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Rotate {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/secret", self.webhook.path(&session).await?);
        let body = self.overlap.map_or_else(|| json!({}), |seconds| json!({ "overlap_seconds": seconds }));
        session.command_shown(&self.waiting, Method::POST, &path, &body, show).await
    }
}

/// The secret alone on standard output, so that it can be put somewhere safe unseen.
pub fn show(session: &mut Session<'_>, written: &Value) -> Result<(), CliError> {
    let Some(secret) = written.get("secret").and_then(Value::as_str) else {
        return Err(CliError::Refused(format!("{}: {}", text(written, "id"), text(written, "notice"))));
    };
    session.output.note(format!("{}: this is its secret, shown only now:", text(written, "id")));
    session.output.line(secret)
}
