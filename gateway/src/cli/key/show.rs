//! `keyledger keys show`

use clap::Args;

use super::shown;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::list::Reading;
use crate::cli::output::{Column, Output, named, text, words};
use crate::cli::place::OfKey;

#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    key: OfKey,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    connection: Connection,
}

const CARD: &[Column] = &[
    Column { head: "ID", cell: |item| text(item, "id") },
    Column { head: "NAME", cell: |item| text(item, "name") },
    Column { head: "KEY", cell: shown },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "REASON", cell: |item| text(item, "reason") },
    Column { head: "SCOPES", cell: |item| words(item, "scopes") },
    Column { head: "ENVIRONMENT", cell: |item| text(item, "environment") },
    Column { head: "OWNER", cell: |item| text(item, "owner") },
    Column { head: "NOT BEFORE", cell: |item| text(item, "not_before") },
    Column { head: "EXPIRES", cell: |item| text(item, "expires_at") },
    Column { head: "METADATA", cell: |item| text(item, "metadata") },
    Column { head: "ISSUED BY", cell: |item| named(item, "issued_by", "issued_by_name") },
    Column { head: "ISSUED", cell: |item| text(item, "created_at") },
    Column { head: "REVOKED", cell: |item| text(item, "revoked_at") },
];

impl Show {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = self.key.path(&session).await?;
        let found = session.client.get(&path, &self.reading.query()).await?;
        session.show(CARD, &found)
    }
}
