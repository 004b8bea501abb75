//! `keyledger people add`

use clap::Args;
use events::IssuerId;
use http::Method;

use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct Add {
    /// The identity provider that the person will sign in at, by id
    #[arg(long, value_name = "ID")]
    issuer: IssuerId,
    /// Who the person is there: the `sub` of its id tokens, and at Entra ID the object id
    #[arg(long, value_name = "TEXT")]
    subject: String,
    /// Of an issuer with several tenants: which
    #[arg(long, value_name = "TEXT")]
    tenant: Option<String>,
    /// Where the person gets mail
    #[arg(long)]
    email: Option<String>,
    /// What the person is called
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Add {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let body = members([
            ("issuer", Some(self.issuer.to_string().into())),
            ("subject", Some(self.subject.into())),
            ("tenant", self.tenant.map(Into::into)),
            ("email", self.email.map(Into::into)),
            ("name", self.name.map(Into::into)),
        ]);
        session.command(&self.waiting, Method::POST, "/api/v1/people", &body, "added").await
    }
}
