//! `keyledger grants end`

use clap::Args;
use http::Method;

use super::OfGrant;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct End {
    #[command(flatten)]
    grant: OfGrant,
    /// Why; kept in the history
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl End {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/end", self.grant.path(&session).await?);
        let body = members([("reason", self.reason.map(Into::into))]);
        session.command(&self.waiting, Method::POST, &path, &body, "ended").await
    }
}
