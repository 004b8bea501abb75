//! `keyledger organizations show`

use clap::Args;

use super::COLUMNS;
use crate::cli::Environment;
use crate::cli::complete;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::list::Reading;
use crate::cli::output::Output;
use crate::cli::place::organization_id;

#[derive(Debug, Args)]
pub struct Show {
    /// By slug or id
    #[arg(add = complete::organizations())]
    organization: String,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    connection: Connection,
}

impl Show {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let id = organization_id(&session, &self.organization).await?;
        let found = session.client.get(&format!("/api/v1/organizations/{id}"), &self.reading.query()).await?;
        session.show(COLUMNS, &found)
    }
}
