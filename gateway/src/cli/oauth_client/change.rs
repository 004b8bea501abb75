//! `keyledger clients change`

use clap::Args;
use http::Method;
use serde_json::Value;

use super::OfClient;
use super::metadata::Metadata;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct Change {
    #[command(flatten)]
    client: OfClient,
    /// The new name
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    metadata: Metadata,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Change {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = self.client.path(&session).await?;
        let metadata = if self.metadata.is_empty() {
            None
        } else {
            let now = session.client.get(&path, &[]).await?;
            Some(self.metadata.over(&now["metadata"])?)
        };
        let body = members([("name", self.name.map(Value::from)), ("metadata", metadata)]);
        session.command(&self.waiting, Method::PATCH, &path, &body, "changed").await
    }
}
