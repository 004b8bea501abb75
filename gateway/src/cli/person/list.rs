//! `keyledger people list`

use clap::Args;

use super::COLUMNS;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::list::Paging;
use crate::cli::output::Output;

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    connection: Connection,
}

impl List {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        self.paging.show(&mut session, "/api/v1/people", COLUMNS).await
    }
}
