//! `keyledger clients list`

use clap::Args;

use super::COLUMNS;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::list::Paging;
use crate::cli::output::Output;
use crate::cli::place::OfOwner;

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    of: OfOwner,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    connection: Connection,
}

impl List {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = self.of.clients(&session).await?;
        self.paging.show(&mut session, &path, COLUMNS).await
    }
}
