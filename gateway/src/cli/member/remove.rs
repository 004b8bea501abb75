//! `keyledger members remove`

use clap::Args;
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
pub struct Remove {
    #[command(flatten)]
    member: OfMember,
    /// Why; kept in the history
    #[arg(long)]
    reason: Option<String>,
    /// Also where the organization has no other owner
    #[arg(long)]
    leave_without_owner: bool,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Remove {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = self.member.path(&session).await?;
        let body = members([
            ("reason", self.reason.map(Value::from)),
            ("leave_without_owner", self.leave_without_owner.then_some(Value::Bool(true))),
        ]);
        session.command(&self.waiting, Method::DELETE, &path, &body, "removed").await
    }
}
