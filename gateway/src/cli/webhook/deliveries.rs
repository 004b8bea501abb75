//! `keyledger webhooks deliveries`

use clap::Args;

use super::OfWebhook;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::list::Paging;
use crate::cli::output::{Column, Output, text};

#[derive(Debug, Args)]
pub struct Deliveries {
    #[command(flatten)]
    webhook: OfWebhook,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    connection: Connection,
}

const COLUMNS: &[Column] = &[
    Column { head: "TIME", cell: |item| text(item, "at") },
    Column { head: "MESSAGE", cell: |item| text(item, "message") },
    Column { head: "TYPE", cell: |item| text(item, "type") },
    Column { head: "ATTEMPT", cell: |item| text(item, "attempt") },
    Column { head: "STATUS", cell: |item| text(item, "status") },
    Column { head: "SECONDS", cell: |item| text(item, "took_seconds") },
    Column { head: "OUTCOME", cell: |item| text(item, "outcome") },
    Column { head: "ERROR", cell: |item| text(item, "error") },
];

impl Deliveries {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/deliveries", self.webhook.path(&session).await?);
        self.paging.show(&mut session, &path, COLUMNS).await
    }
}
