//! `keyledger servers remove`

use clap::Args;
use http::Method;

use crate::cli::Environment;
use crate::cli::complete;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::place::{OfOrganization, server_id};
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct Remove {
    /// By slug or id
    #[arg(add = complete::servers())]
    server: String,
    /// Why; kept in the history
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    of: OfOrganization,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Remove {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = self.of.path(&session).await?;
        let id = server_id(&session, &path, &self.server).await?;
        let body = members([("reason", self.reason.map(Into::into))]);
        session
            .command(&self.waiting, Method::DELETE, &format!("{path}/servers/{id}"), &body, "removed")
            .await
    }
}
