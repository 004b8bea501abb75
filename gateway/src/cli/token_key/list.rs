//! `keyledger token-keys list`

use clap::Args;

use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::{Column, Output, text};

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    connection: Connection,
}

const COLUMNS: &[Column] = &[
    Column { head: "ID", cell: |item| text(item, "id") },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "ALGORITHM", cell: |item| text(item, "algorithm") },
    Column { head: "USED FROM", cell: |item| text(item, "used_from") },
    Column { head: "RETIRES", cell: |item| text(item, "retires_at") },
];

impl List {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let session = self.connection.open(environment, output)?;
        let keys = session.client.get("/api/v1/token-keys", &[]).await?;
        if session.json {
            return session.output.json(&keys);
        }
        let none = Vec::new();
        session.output.table(COLUMNS, keys["items"].as_array().unwrap_or(&none))
    }
}
