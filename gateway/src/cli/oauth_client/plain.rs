//! `keyledger clients enable`, `disable` and `remove`

use clap::Args;
use http::Method;
use serde_json::Value;

use super::OfClient;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct Plain {
    #[command(flatten)]
    client: OfClient,
    /// Why, for the history
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Plain {
    async fn send(
        self,
        (method, below): (Method, &str),
        done: &str,
        environment: &Environment,
        output: &mut Output,
    ) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}{below}", self.client.path(&session).await?);
        let body = members([("reason", self.reason.map(Value::from))]);
        session.command(&self.waiting, method, &path, &body, done).await
    }

    pub async fn enable(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        self.send((Method::POST, "/enable"), "enabled", environment, output).await
    }

    pub async fn disable(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        self.send((Method::POST, "/disable"), "disabled", environment, output).await
    }

    pub async fn remove(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        self.send((Method::DELETE, ""), "removed", environment, output).await
    }
}
