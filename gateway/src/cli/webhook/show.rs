//! `keyledger webhooks show`

use clap::Args;

use super::OfWebhook;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::list::Reading;
use crate::cli::output::{Column, Output, text, words};

#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    webhook: OfWebhook,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    connection: Connection,
}

const CARD: &[Column] = &[
    Column { head: "ID", cell: |item| text(item, "id") },
    Column { head: "NAME", cell: |item| text(item, "name") },
    Column { head: "URL", cell: |item| text(item, "url") },
    Column { head: "TYPES", cell: |item| words(item, "types") },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "WAITING", cell: |item| text(&item["deliveries"], "waiting") },
    Column { head: "OLDEST WAITS SINCE", cell: |item| text(&item["deliveries"], "oldest_at") },
    Column { head: "DEAD", cell: |item| text(&item["deliveries"], "dead") },
    Column { head: "FAILING", cell: |item| text(&item["deliveries"], "failing") },
    Column { head: "QUEUED UP TO", cell: |item| text(&item["deliveries"], "queued") },
    Column { head: "SECRET BEFORE SIGNS UNTIL", cell: |item| text(item, "previous_secret_until") },
    Column { head: "REGISTERED", cell: |item| text(item, "created_at") },
];

impl Show {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = self.webhook.path(&session).await?;
        let found = session.client.get(&path, &self.reading.query()).await?;
        session.show(CARD, &found)
    }
}
