//! `keyledger issuers show`

use clap::Args;

use super::{OfIssuer, issuer};
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::list::Reading;
use crate::cli::output::{Column, Output, text, words};

#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    issuer: OfIssuer,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    connection: Connection,
}

const CARD: &[Column] = &[
    Column { head: "ID", cell: |item| text(item, "id") },
    Column { head: "SLUG", cell: |item| text(item, "slug") },
    Column { head: "NAME", cell: |item| text(item, "name") },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "ISSUER", cell: issuer },
    Column { head: "TENANTS", cell: |item| words(&item["protocol"], "tenants") },
    Column { head: "GUESTS", cell: |item| text(&item["protocol"], "guests") },
    Column { head: "CLIENT ID", cell: |item| text(&item["settings"], "client_id") },
    Column { head: "REDIRECT URI TO REGISTER THERE", cell: |item| text(item, "redirect_uri") },
    Column { head: "AUTHENTICATION", cell: |item| text(&item["settings"], "authentication") },
    Column { head: "CREDENTIAL", cell: |item| text(&item["credential"], "kind") },
    Column { head: "CREDENTIAL SET", cell: |item| text(&item["credential"], "set_at") },
    Column { head: "SCOPES", cell: |item| words(&item["settings"], "scopes") },
    Column { head: "ALGORITHMS", cell: |item| words(&item["settings"], "algorithms") },
    Column { head: "RULES", cell: |item| text(&item["settings"], "rules") },
    Column { head: "OVERAGE", cell: |item| text(&item["settings"], "overage") },
    Column { head: "DOMAINS", cell: |item| words(&item["settings"]["restrictions"], "domains") },
    Column { head: "REQUIRED", cell: |item| text(&item["settings"]["restrictions"], "required") },
    Column { head: "REGISTERED", cell: |item| text(item, "created_at") },
];

impl Show {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = self.issuer.path(&session).await?;
        let found = session.client.get(&path, &self.reading.query()).await?;
        session.show(CARD, &found)
    }
}
