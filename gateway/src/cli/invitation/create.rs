//! `keyledger invitations create`

use clap::Args;
use events::Role;
use http::Method;
use serde_json::Value;

use crate::cli::Environment;
use crate::cli::connection::{Connection, Session};
use crate::cli::error::CliError;
use crate::cli::length::Length;
use crate::cli::output::{Output, text};
use crate::cli::place::OfOrganization;
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct Create {
    /// owner, admin, developer, auditor or viewer
    #[arg(long)]
    role: Role,
    /// What of MCP servers clients may be granted for the member; can be given more than once, without it everything
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Good for so long, at most 30d; without it seven days
    #[arg(long, value_name = "LENGTH")]
    expires_in: Option<Length>,
    /// Whom it is meant for; whoever has the link may use it all the same
    #[arg(long)]
    email: Option<String>,
    /// What it is called
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    of: OfOrganization,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Create {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/invitations", self.of.path(&session).await?);
        let body = members([
            ("role", Some(self.role.as_str().into())),
            ("scopes", (!self.scopes.is_empty()).then(|| Value::from(self.scopes))),
            ("expires_at", self.expires_in.map(Length::after_now).map(Value::from)),
            ("email", self.email.map(Into::into)),
            ("name", self.name.map(Into::into)),
        ]);
        session.command_shown(&self.waiting, Method::POST, &path, &body, show).await
    }
}

/// The link alone on standard output, so that it can be sent on unseen.
fn show(session: &mut Session<'_>, created: &Value) -> Result<(), CliError> {
    let Some(link) = created.get("link").and_then(Value::as_str) else {
        return Err(CliError::Refused(format!("{}: {}", text(created, "id"), text(created, "notice"))));
    };
    session.output.note(format!(
        "{}: created, good until {}. This is the link, shown only now:",
        text(created, "id"),
        text(created, "expires_at")
    ));
    session.output.line(link)
}
