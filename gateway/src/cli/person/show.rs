//! `keyledger people show`

use clap::Args;
use serde_json::Value;

use super::OfPerson;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::grant::{client, server};
use crate::cli::list::Reading;
use crate::cli::output::{Column, Output, named, text};

#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    person: OfPerson,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    connection: Connection,
}

const CARD: &[Column] = &[
    Column { head: "ID", cell: |item| text(item, "id") },
    Column { head: "NAME", cell: |item| text(item, "name") },
    Column { head: "EMAIL", cell: |item| text(item, "email") },
    Column { head: "EMAIL VERIFIED", cell: |item| text(item, "email_verified") },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "SIGNED OUT", cell: |item| text(item, "signed_out_at") },
    Column { head: "ADDED", cell: |item| text(item, "created_at") },
    Column { head: "IDENTITIES", cell: |item| lines(&item["holds"], "identities", identity) },
    Column { head: "MEMBER OF", cell: |item| lines(&item["holds"], "memberships", membership) },
    Column { head: "KEYS", cell: |item| lines(&item["holds"], "keys", key) },
    Column { head: "GRANTS", cell: |item| lines(&item["holds"], "grants", grant) },
    Column { head: "CONSENTS", cell: |item| lines(&item["holds"], "consents", consent) },
    Column { head: "SESSIONS", cell: |item| lines(&item["holds"], "sessions", session) },
];

impl Show {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let found = session.client.get(&self.person.path(), &self.reading.query()).await?;
        session.show(CARD, &found)
    }
}

/// All of a list, in one line.
pub fn lines(of: &Value, member: &str, one: fn(&Value) -> String) -> String {
    let items = of.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if items.is_empty() { "-".to_owned() } else { items.iter().map(one).collect::<Vec<_>>().join(", ") }
}

pub fn identity(item: &Value) -> String {
    format!("{} at issuer {}", text(item, "digest"), text(item, "issuer"))
}

pub fn membership(item: &Value) -> String {
    format!("{} ({})", organization(item), text(item, "role"))
}

pub fn key(item: &Value) -> String {
    let (id, prefix, last) = (text(item, "id"), text(item, "prefix"), text(item, "last_four"));
    format!("{id} ({prefix}_…{last}, {})", organization(item))
}

pub fn grant(item: &Value) -> String {
    let works = if item["works"]["now"] == Value::Bool(true) {
        format!("until {}", text(item, "expires_at"))
    } else {
        format!("does not work: {}", text(&item["works"], "reason"))
    };
    format!("{} ({}, {works})", text(item, "id"), consent(item))
}

pub fn consent(item: &Value) -> String {
    format!("{} on {}/{}", client(item), organization(item), server(item))
}

pub fn session(item: &Value) -> String {
    format!("since {} at issuer {}", text(item, "begun_at"), named(item, "issuer", "issuer_slug"))
}

fn organization(item: &Value) -> String {
    let slug = item.get("organization_slug").and_then(Value::as_str).map(str::to_owned);
    slug.unwrap_or_else(|| text(item, "organization"))
}
