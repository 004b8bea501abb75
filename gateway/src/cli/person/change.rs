//! `keyledger people suspend`, `resume`, `sign-out` and `forget`

use clap::Args;
use events::UserId;
use http::Method;
use serde_json::json;

use super::OfPerson;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct WithReason {
    #[command(flatten)]
    person: OfPerson,
    /// Why; kept in the history
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub struct SignOut {
    #[command(flatten)]
    person: OfPerson,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub struct Forget {
    #[command(flatten)]
    person: OfPerson,
    /// The person's id once more: nothing brings back what is forgotten
    #[arg(long, value_name = "ID")]
    confirm: UserId,
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
        let path = format!("{}/{verb}", self.person.path());
        let body = members([("reason", self.reason.map(Into::into))]);
        session.command(&self.waiting, Method::POST, &path, &body, done).await
    }
}

impl SignOut {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/sign-out", self.person.path());
        session.command(&self.waiting, Method::POST, &path, &json!({}), "signed out").await
    }
}

impl Forget {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/forget", self.person.path());
        let body = json!({ "id": self.confirm });
        session.command(&self.waiting, Method::POST, &path, &body, "forgotten").await
    }
}
