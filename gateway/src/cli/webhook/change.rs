//! `keyledger webhooks change`

use clap::Args;
use http::Method;
use serde_json::Value;

use super::OfWebhook;
use super::create::url;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct Change {
    #[command(flatten)]
    webhook: OfWebhook,
    /// The new name
    #[arg(long)]
    name: Option<String>,
    /// Where events are sent to from now on; a file that holds the URL with @FILE
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Which events from now on; can be given more than once, * is all
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Change {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = self.webhook.path(&session).await?;
        let url = self.url.as_deref().map(url).transpose()?;
        let body = members([
            ("name", self.name.map(Value::from)),
            ("url", url.map(Value::from)),
            ("types", (!self.types.is_empty()).then(|| Value::from(self.types))),
        ]);
        session.command(&self.waiting, Method::PATCH, &path, &body, "changed").await
    }
}
