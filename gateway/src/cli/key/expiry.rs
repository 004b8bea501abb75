//! `keyledger keys expiry`

use clap::Args;
use http::Method;
use serde_json::json;

use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::length::Length;
use crate::cli::output::Output;
use crate::cli::place::OfKey;
use crate::cli::wait::Waiting;

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("when").required(true))]
pub struct Expiry {
    #[command(flatten)]
    key: OfKey,
    /// Refused from then on, such as 2027-01-01T00:00:00Z
    #[arg(long, value_name = "TIME", group = "when")]
    at: Option<String>,
    /// The same, so long from now on: 30d, 12h
    #[arg(long = "in", value_name = "LENGTH", group = "when")]
    after: Option<Length>,
    /// It never expires
    #[arg(long, group = "when")]
    never: bool,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Expiry {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/expiry", self.key.path(&session).await?);
        let expires_at = self.at.or(self.after.map(Length::after_now));
        session
            .command(
                &self.waiting,
                Method::PUT,
                &path,
                &json!({ "expires_at": expires_at }),
                "its expiry is set",
            )
            .await
    }
}
