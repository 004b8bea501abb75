//! `keyledger invitations withdraw`

use clap::Args;
use events::InvitationId;
use http::Method;

use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::place::OfOrganization;
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct Withdraw {
    /// The invitation's id
    invitation: InvitationId,
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

impl Withdraw {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/invitations/{}", self.of.path(&session).await?, self.invitation);
        let body = members([("reason", self.reason.map(Into::into))]);
        session.command(&self.waiting, Method::DELETE, &path, &body, "withdrawn").await
    }
}
