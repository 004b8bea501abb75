//! `keyledger people sessions`

use clap::Args;

use super::OfPerson;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::{Column, Output, named, text};

#[derive(Debug, Args)]
pub struct Sessions {
    #[command(flatten)]
    person: OfPerson,
    #[command(flatten)]
    connection: Connection,
}

const COLUMNS: &[Column] = &[
    Column { head: "ID", cell: |item| text(item, "id") },
    Column { head: "ISSUER", cell: |item| named(item, "issuer", "issuer_slug") },
    Column { head: "BEGUN", cell: |item| text(item, "begun_at") },
    Column { head: "ENDS", cell: |item| text(item, "ends_at") },
];

impl Sessions {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let session = self.connection.open(environment, output)?;
        let found = session.client.get(&format!("{}/sessions", self.person.path()), &[]).await?;
        if session.json {
            return session.output.json(&found);
        }
        let none = Vec::new();
        session.output.table(COLUMNS, found["items"].as_array().unwrap_or(&none))
    }
}
