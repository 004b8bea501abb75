//! `keyledger token-keys rotate`

use clap::Args;
use http::Method;
use serde_json::json;

use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::{Output, text};
use crate::cli::wait::Waiting;

#[derive(Debug, Args)]
pub struct Rotate {
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Rotate {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = "/api/v1/token-keys/rotate";
        session
            .command_shown(&self.waiting, Method::POST, path, &json!({}), |session, rotated| {
                let key = &rotated["token_key"];
                session.output.line(format!(
                    "{}: it signs access tokens from {} on; what the one before it signed stays good until it ends",
                    text(key, "id"),
                    text(key, "used_from")
                ))
            })
            .await
    }
}
