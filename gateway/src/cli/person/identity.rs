//! `keyledger people link` and `unlink`

use clap::Args;
use events::IssuerId;
use events::person::IdentityDigest;
use http::Method;
use serde_json::json;

use super::OfPerson;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct Link {
    #[command(flatten)]
    person: OfPerson,
    /// The identity provider that the person signs in at as well, by id
    #[arg(long, value_name = "ID")]
    issuer: IssuerId,
    /// Who the person is there: the `sub` of its id tokens, and at Entra ID the object id
    #[arg(long, value_name = "TEXT")]
    subject: String,
    /// Of an issuer with several tenants: which
    #[arg(long, value_name = "TEXT")]
    tenant: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub struct Unlink {
    #[command(flatten)]
    person: OfPerson,
    /// The identity's digest, as `people show` has it
    identity: IdentityDigest,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Link {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/identities", self.person.path());
        let body = members([
            ("issuer", Some(self.issuer.to_string().into())),
            ("subject", Some(self.subject.into())),
            ("tenant", self.tenant.map(Into::into)),
        ]);
        session.command(&self.waiting, Method::POST, &path, &body, "linked").await
    }
}

impl Unlink {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/identities/{}", self.person.path(), self.identity);
        session.command(&self.waiting, Method::DELETE, &path, &json!({}), "unlinked").await
    }
}
