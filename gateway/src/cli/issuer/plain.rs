//! `keyledger issuers enable`, `disable` and `remove`

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::OfIssuer;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct Plain {
    #[command(flatten)]
    issuer: OfIssuer,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub struct WithReason {
    /// Why, for the history
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    plain: Plain,
}

impl Plain {
    async fn send(
        self,
        method: Method,
        body: &Value,
        done: &str,
        environment: &Environment,
        output: &mut Output,
    ) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = self.issuer.path(&session).await?;
        session.command(&self.waiting, method, &path, body, done).await
    }

    pub async fn enable(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        self.send(Method::PATCH, &json!({ "enabled": true }), "enabled", environment, output).await
    }

    pub async fn disable(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        self.send(Method::PATCH, &json!({ "enabled": false }), "disabled", environment, output).await
    }
}

impl WithReason {
    pub async fn remove(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let body = members([("reason", self.reason.map(Value::from))]);
        self.plain.send(Method::DELETE, &body, "removed", environment, output).await
    }
}
