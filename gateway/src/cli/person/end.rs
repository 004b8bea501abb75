//! `keyledger people end`

use clap::Args;
use http::Method;
use serde_json::Value;

use super::OfPerson;
use super::show::{consent, identity, key, lines, membership, session};
use crate::cli::Environment;
use crate::cli::connection::{Connection, Session};
use crate::cli::error::CliError;
use crate::cli::output::{Column, Output, text};
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct End {
    #[command(flatten)]
    person: OfPerson,
    /// Why; kept in the history
    #[arg(long)]
    reason: Option<String>,
    /// Also where an organization has no other owner
    #[arg(long)]
    leave_without_owner: bool,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

const FELL: &[Column] = &[
    Column { head: "IDENTITIES", cell: |item| lines(&item["fell"], "identities", identity) },
    Column { head: "MEMBER OF", cell: |item| lines(&item["fell"], "memberships", membership) },
    Column { head: "KEYS", cell: |item| lines(&item["fell"], "keys", key) },
    Column { head: "GRANTS", cell: |item| lines(&item["fell"], "grants", consent) },
    Column { head: "SESSIONS", cell: |item| lines(&item["fell"], "sessions", session) },
];

impl End {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/end", self.person.path());
        let body = members([
            ("reason", self.reason.map(Into::into)),
            ("leave_without_owner", self.leave_without_owner.then_some(Value::Bool(true))),
        ]);
        session.command_shown(&self.waiting, Method::POST, &path, &body, show).await
    }
}

/// What fell with the person; with `--wait fleet` each node is named after it.
fn show(session: &mut Session<'_>, written: &Value) -> Result<(), CliError> {
    let said =
        if written.get("changed") == Some(&Value::Bool(false)) { "was ended already" } else { "ended" };
    session.output.line(format!("{}: {said}. With them fell:", text(written, "id")))?;
    session.output.card(FELL, written)
}
