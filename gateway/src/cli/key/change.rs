//! `keyledger keys revoke`, `disable` and `enable`

use clap::Args;
use http::Method;
use serde_json::json;

use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::place::OfKey;
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct WithReason {
    #[command(flatten)]
    key: OfKey,
    /// Why; kept in the history
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub struct Plain {
    #[command(flatten)]
    key: OfKey,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl WithReason {
    pub async fn run(
        self,
        verb: &str,
        done: &str,
        environment: &Environment,
        output: &mut Output,
    ) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/{verb}", self.key.path(&session).await?);
        let body = members([("reason", self.reason.map(Into::into))]);
        session.command(&self.waiting, Method::POST, &path, &body, done).await
    }
}

impl Plain {
    pub async fn run(
        self,
        verb: &str,
        done: &str,
        environment: &Environment,
        output: &mut Output,
    ) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/{verb}", self.key.path(&session).await?);
        session.command(&self.waiting, Method::POST, &path, &json!({}), done).await
    }
}
