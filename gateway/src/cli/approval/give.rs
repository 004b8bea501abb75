//! `keyledger approvals give`

use clap::Args;
use http::Method;
use serde_json::json;

use super::OfApproval;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::wait::Waiting;

#[derive(Debug, Args)]
pub struct Give {
    #[command(flatten)]
    approval: OfApproval,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Give {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = self.approval.path(&session).await?;
        session.command(&self.waiting, Method::PUT, &path, &json!({}), "the client is approved").await
    }
}
