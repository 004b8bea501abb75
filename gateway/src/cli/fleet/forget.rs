//! `keyledger fleet forget`

use clap::Args;
use http::Method;

use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::{Output, text};

#[derive(Debug, Args)]
pub struct Forget {
    /// The member's id, as `keyledger fleet` shows it
    member: uuid::Uuid,
    /// I am sure that its process has ended: needed for a member that is not fenced
    #[arg(long)]
    has_ended: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Forget {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let session = self.connection.open(environment, output)?;
        let path = format!("/api/v1/fleet/members/{}?has_ended={}", self.member, self.has_ended);
        let forgotten = session.client.write(Method::DELETE, &path, &serde_json::json!({})).await?;
        if session.json {
            return session.output.json(&forgotten);
        }
        session.output.line(format!("{}: {} is forgotten", self.member, text(&forgotten, "name")))
    }
}
