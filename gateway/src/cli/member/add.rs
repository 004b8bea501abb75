//! `keyledger members add`

use clap::Args;
use events::{Role, UserId};
use http::Method;
use serde_json::Value;

use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::place::OfOrganization;
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct Add {
    /// The person's id
    person: UserId,
    /// owner, admin, developer, auditor or viewer
    #[arg(long)]
    role: Role,
    /// What of MCP servers clients may be granted for the person; can be given more than once, without it everything
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    #[command(flatten)]
    of: OfOrganization,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Add {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/members", self.of.path(&session).await?);
        let body = members([
            ("person", Some(self.person.to_string().into())),
            ("role", Some(self.role.as_str().into())),
            ("scopes", (!self.scopes.is_empty()).then(|| Value::from(self.scopes))),
        ]);
        session.command(&self.waiting, Method::POST, &path, &body, "added").await
    }
}
