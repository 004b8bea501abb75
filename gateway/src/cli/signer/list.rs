//! `keyledger signers list`

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
    Column { head: "PURPOSE", cell: |item| text(item, "purpose") },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "PUBLISHED", cell: |item| text(item, "published") },
    Column { head: "RETIRED", cell: |item| text(item, "retired") },
    Column { head: "PUBLIC KEY", cell: |item| text(item, "public") },
    Column { head: "ID", cell: |item| text(item, "id") },
];

impl List {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let session = self.connection.open(environment, output)?;
        let signers = session.client.get("/api/v1/signers", &[]).await?;
        if session.json {
            return session.output.json(&signers);
        }
        let none = Vec::new();
        session.output.table(COLUMNS, signers["items"].as_array().unwrap_or(&none))
    }
}
