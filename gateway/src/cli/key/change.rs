//! `keyledger keys revoke`, `disable` and `enable`

use clap::Args;
use http::Method;
use serde_json::json;

use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::place::OfOwner;
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct WithReason {
    /// The key's id
    key: String,
    /// Why; kept in the history
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    of: OfOwner,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub struct Plain {
    /// The key's id
    key: String,
    #[command(flatten)]
    of: OfOwner,
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
        let path = format!("{}/{}/{verb}", self.of.keys(&session).await?, self.key);
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
        let path = format!("{}/{}/{verb}", self.of.keys(&session).await?, self.key);
        session.command(&self.waiting, Method::POST, &path, &json!({}), done).await
    }
}
