//! `keyledger consents withdraw`

use clap::Args;
use events::ConsentId;
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
    /// The consent's id
    consent: ConsentId,
    #[command(flatten)]
    of: OfOrganization,
    /// Why; kept in the history
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Withdraw {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/consents/{}/withdraw", self.of.path(&session).await?, self.consent);
        let body = members([("reason", self.reason.map(Into::into))]);
        session.command(&self.waiting, Method::POST, &path, &body, "withdrawn").await
    }
}
