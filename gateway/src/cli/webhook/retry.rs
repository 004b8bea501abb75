//! `keyledger webhooks retry`

use clap::Args;
use http::Method;
use serde_json::json;

use super::OfWebhook;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::{Output, text};

/// As when the endpoint works again before they are due. Messages that were given up are `webhooks resend`'s.
#[derive(Debug, Args)]
pub struct Retry {
    #[command(flatten)]
    webhook: OfWebhook,
    #[command(flatten)]
    connection: Connection,
}

impl Retry {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let session = self.connection.open(environment, output)?;
        let path = format!("{}/retry", self.webhook.path(&session).await?);
        let tried = session.client.write(Method::POST, &path, &json!({})).await?;
        if session.json {
            return session.output.json(&tried);
        }
        session.output.line(format!("{} tried at once", text(&tried, "messages")))
    }
}
