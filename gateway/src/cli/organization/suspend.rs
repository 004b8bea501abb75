//! `keyledger organizations suspend`

use clap::Args;
use http::Method;

use crate::cli::Environment;
use crate::cli::complete;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::place::organization_id;
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct Suspend {
    /// By slug or id
    #[arg(add = complete::organizations())]
    organization: String,
    /// Why; kept in the history
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Suspend {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let id = organization_id(&session, &self.organization).await?;
        let path = format!("/api/v1/organizations/{id}/suspend");
        let body = members([("reason", self.reason.map(Into::into))]);
        session.command(&self.waiting, Method::POST, &path, &body, "suspended").await
    }
}
