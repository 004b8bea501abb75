//! `keyledger approvals withdraw`

use clap::Args;
use http::Method;
use serde_json::Value;

use super::OfApproval;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct Withdraw {
    #[command(flatten)]
    approval: OfApproval,
    /// Why, for the history
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Withdraw {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = self.approval.path(&session).await?;
        let body = members([("reason", self.reason.map(Value::from))]);
        session.command(&self.waiting, Method::DELETE, &path, &body, "the approval is withdrawn").await
    }
}
