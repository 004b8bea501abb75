//! `keyledger webhooks pause`, `resume`, `remove`, `end-overlap` and `test`

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::OfWebhook;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::{Output, text};
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct Plain {
    #[command(flatten)]
    webhook: OfWebhook,
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

#[derive(Debug, Args)]
pub struct Test {
    #[command(flatten)]
    webhook: OfWebhook,
    #[command(flatten)]
    connection: Connection,
}

impl Plain {
    async fn send(
        self,
        (method, below): (Method, &str),
        body: &Value,
        done: &str,
        environment: &Environment,
        output: &mut Output,
    ) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}{below}", self.webhook.path(&session).await?);
        session.command(&self.waiting, method, &path, body, done).await
    }

    pub async fn resume(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        self.send((Method::POST, "/resume"), &json!({}), "resumed", environment, output).await
    }

    pub async fn end_overlap(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let to = (Method::DELETE, "/secret/previous");
        self.send(to, &json!({}), "the newest secret signs alone", environment, output).await
    }
}

impl WithReason {
    pub async fn pause(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let body = members([("reason", self.reason.map(Value::from))]);
        self.plain.send((Method::POST, "/pause"), &body, "paused", environment, output).await
    }

    pub async fn remove(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let body = members([("reason", self.reason.map(Value::from))]);
        self.plain.send((Method::DELETE, ""), &body, "removed", environment, output).await
    }
}

impl Test {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let session = self.connection.open(environment, output)?;
        let path = format!("{}/test", self.webhook.path(&session).await?);
        let queued = session.client.write(Method::POST, &path, &json!({})).await?;
        if session.json {
            return session.output.json(&queued);
        }
        session.output.line(format!(
            "{}: queued; `webhooks deliveries` tells what came of it",
            text(&queued, "message")
        ))
    }
}
