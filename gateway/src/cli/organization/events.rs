//! `keyledger organizations events`

use clap::Args;

use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::list::Paging;
use crate::cli::output::Output;
use crate::cli::place::OfOrganization;
use crate::cli::recorded::COLUMNS;

#[derive(Debug, Args)]
pub struct Events {
    #[command(flatten)]
    of: OfOrganization,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    connection: Connection,
}

impl Events {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = self.of.path(&session).await?;
        self.paging.show(&mut session, &format!("{path}/events"), COLUMNS).await
    }
}
