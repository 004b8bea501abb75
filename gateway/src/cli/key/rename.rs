//! `keyledger keys rename`

use clap::Args;
use http::Method;
use serde_json::json;

use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::place::OfKey;
use crate::cli::wait::Waiting;

#[derive(Debug, Args)]
pub struct Rename {
    #[command(flatten)]
    key: OfKey,
    /// The new name
    name: String,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Rename {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/name", self.key.path(&session).await?);
        session.command(&self.waiting, Method::PUT, &path, &json!({ "name": self.name }), "renamed").await
    }
}
