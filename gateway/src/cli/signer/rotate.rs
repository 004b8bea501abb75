//! `keyledger signers rotate`

use clap::{Args, ValueEnum};
use http::Method;
use serde_json::json;

use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::{Output, text};
use crate::cli::wait::Waiting;

#[derive(Debug, Args)]
pub struct Rotate {
    /// What the key signs
    #[arg(long, value_enum)]
    purpose: Purpose,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Purpose {
    /// Events
    Writer,
    /// Heads of the log
    Checkpoint,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Writer => "writer",
            Self::Checkpoint => "checkpoint",
        }
    }
}

impl Rotate {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let body = json!({ "purpose": self.purpose.as_str() });
        let path = "/api/v1/signers/rotate";
        session
            .command_shown(&self.waiting, Method::POST, path, &body, |session, rotated| {
                let signer = &rotated["signer"];
                session.output.line(format!(
                    "{}: it signs from now on; its public key is {}",
                    text(signer, "id"),
                    text(signer, "public")
                ))
            })
            .await
    }
}
