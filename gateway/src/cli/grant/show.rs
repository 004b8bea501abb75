//! `keyledger grants show`

use clap::Args;

use super::{OfGrant, client, holder, server, works};
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::list::Reading;
use crate::cli::output::{Column, Output, text, words};

#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    grant: OfGrant,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    connection: Connection,
}

const CARD: &[Column] = &[
    Column { head: "ID", cell: |item| text(item, "id") },
    Column { head: "ORGANIZATION", cell: |item| text(item, "organization_slug") },
    Column { head: "HOLDER", cell: holder },
    Column { head: "CLIENT", cell: client },
    Column { head: "CLIENT ID", cell: |item| text(&item["client"], "id") },
    Column { head: "SERVER", cell: server },
    Column { head: "SCOPES", cell: |item| words(item, "scopes") },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "CAUSE", cell: |item| text(item, "cause") },
    Column { head: "WORKS", cell: works },
    Column { head: "WHY NOT", cell: |item| text(&item["works"], "detail") },
    Column { head: "MAY DO NOW", cell: |item| words(&item["works"], "scopes") },
    Column { head: "GIVEN", cell: |item| text(item, "created_at") },
    Column { head: "ENDED", cell: |item| text(item, "ended_at") },
    Column { head: "UNTIL", cell: |item| text(item, "expires_at") },
];

impl Show {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = self.grant.path(&session).await?;
        let found = session.client.get(&path, &self.reading.query()).await?;
        session.show(CARD, &found)
    }
}
