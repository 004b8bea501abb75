//! `keyledger keys history`

use clap::Args;

use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::events::history::Ordered;
use crate::cli::list::Paging;
use crate::cli::output::Output;
use crate::cli::place::OfKey;
use crate::cli::recorded::COLUMNS;

#[derive(Debug, Args)]
pub struct History {
    #[command(flatten)]
    key: OfKey,
    #[command(flatten)]
    order: Ordered,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    connection: Connection,
}

impl History {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/history", self.key.path(&session).await?);
        let order: Vec<_> = self.order.query().into_iter().collect();
        self.paging.show_chosen(&mut session, &path, COLUMNS, &order).await
    }
}
