//! `keyledger fleet forget`

use clap::Args;
use http::Method;
use uuid::Uuid;

use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::{Output, text};

#[derive(Debug, Args)]
pub struct Forget {
    /// The member's id, as `keyledger fleet` shows it
    member: String,
    /// I am sure that its process has ended: needed for a member that is not fenced. One that was heard within its lease is
    /// not forgotten all the same
    #[arg(long)]
    has_ended: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Forget {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let member = self.member.parse::<Uuid>().map_err(|_| no_member_id(&self.member))?;
        let session = self.connection.open(environment, output)?;
        let path = format!("/api/v1/fleet/members/{member}?has_ended={}", self.has_ended);
        let forgotten = session.client.write(Method::DELETE, &path, &serde_json::json!({})).await?;
        if session.json {
            return session.output.json(&forgotten);
        }
        session.output.line(format!("{member}: {} is forgotten", text(&forgotten, "name")))
    }
}

fn no_member_id(text: &str) -> CliError {
    let shown: String = text.chars().take(64).collect();
    CliError::Usage(format!(
        "`{shown}` is no member's id, which is such as 0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b; `keyledger fleet` shows them"
    ))
}
