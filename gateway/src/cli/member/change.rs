//! `keyledger members change`

use clap::Args;
use events::Role;
use http::Method;
use serde_json::Value;

use super::OfMember;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct Change {
    #[command(flatten)]
    member: OfMember,
    /// owner, admin, developer, auditor or viewer
    #[arg(long, required_unless_present = "scopes")]
    role: Option<Role>,
    /// What of MCP servers clients may be granted for the person; can be given more than once, and replaces all
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Also where the organization has no other owner
    #[arg(long)]
    leave_without_owner: bool,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Change {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = self.member.path(&session).await?;
        let body = members([
            ("role", self.role.map(|role| role.as_str().into())),
            ("scopes", (!self.scopes.is_empty()).then(|| Value::from(self.scopes))),
            ("leave_without_owner", self.leave_without_owner.then_some(Value::Bool(true))),
        ]);
        session.command(&self.waiting, Method::PATCH, &path, &body, "changed").await
    }
}
