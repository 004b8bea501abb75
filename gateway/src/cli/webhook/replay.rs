//! `keyledger webhooks replay`

use clap::Args;
use http::Method;
use serde_json::json;

use super::OfWebhook;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::{Output, text};

#[derive(Debug, Args)]
pub struct Replay {
    #[command(flatten)]
    webhook: OfWebhook,
    /// What happened after this position; without it all that ever happened
    #[arg(long, value_name = "POSITION")]
    after: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

impl Replay {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let session = self.connection.open(environment, output)?;
        let path = format!("{}/replay", self.webhook.path(&session).await?);
        let body = self.after.map_or_else(|| json!({}), |after| json!({ "after": after }));
        let begun = session.client.write(Method::POST, &path, &body).await?;
        if session.json {
            return session.output.json(&begun);
        }
        session.output.line(format!("what happened up to {} is sent again", text(&begun, "until")))
    }
}
