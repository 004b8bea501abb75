//! `keyledger keys scopes`

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
pub struct Scopes {
    #[command(flatten)]
    key: OfKey,
    /// All that it may do from now on
    #[arg(value_name = "SCOPE", required = true)]
    scopes: Vec<String>,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Scopes {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/scopes", self.key.path(&session).await?);
        session
            .command(
                &self.waiting,
                Method::PUT,
                &path,
                &json!({ "scopes": self.scopes }),
                "its scopes are set",
            )
            .await
    }
}
