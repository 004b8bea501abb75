//! `keyledger servers register`

use clap::Args;
use http::Method;

use super::settings::Settings;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::place::OfOrganization;
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("change").multiple(true))]
pub struct Register {
    /// Stands in the server's address and in scopes, for ever
    slug: String,
    /// Where it answers, such as https://tools.example.com/mcp
    #[arg(long, value_name = "URL")]
    upstream: String,
    /// What people call it; without it the slug
    #[arg(long)]
    name: Option<String>,
    /// Let no call pass until it is enabled
    #[arg(long)]
    disabled: bool,
    #[command(flatten)]
    settings: Settings,
    /// Do not try the upstream
    #[arg(long)]
    no_try: bool,
    #[command(flatten)]
    of: OfOrganization,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Register {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/servers", self.of.path(&session).await?);
        let body = members([
            ("name", Some(self.name.unwrap_or_else(|| self.slug.clone()).into())),
            ("slug", Some(self.slug.into())),
            ("upstream", Some(self.upstream.into())),
            ("enabled", Some((!self.disabled).into())),
            ("try_upstream", self.no_try.then_some(false.into())),
            ("settings", self.settings.member(&[])?),
        ]);
        session.command(&self.waiting, Method::POST, &path, &body, "registered").await
    }
}
