//! `keyledger servers change`

use clap::Args;
use http::Method;
use serde_json::Value;

use super::settings::{Setting, Settings};
use crate::cli::Environment;
use crate::cli::complete;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::place::{OfOrganization, server_id};
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
pub struct Change {
    /// By slug or id
    #[arg(add = complete::servers())]
    server: String,
    #[arg(long, group = "change")]
    name: Option<String>,
    /// Where it answers
    #[arg(long, value_name = "URL", group = "change")]
    upstream: Option<String>,
    /// Whether calls pass
    #[arg(long, value_name = "BOOL", group = "change")]
    enabled: Option<bool>,
    #[command(flatten)]
    settings: Settings,
    /// Settings that go back to what the gateway's configuration says
    #[arg(long, value_name = "SETTING", value_delimiter = ',', group = "change")]
    reset: Vec<Setting>,
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

impl Change {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = self.of.path(&session).await?;
        let id = server_id(&session, &path, &self.server).await?;
        let body = members([
            ("name", self.name.map(Value::from)),
            ("upstream", self.upstream.map(Value::from)),
            ("enabled", self.enabled.map(Value::from)),
            ("try_upstream", self.no_try.then_some(false.into())),
            ("settings", self.settings.member(&self.reset)?),
        ]);
        session.command(&self.waiting, Method::PATCH, &format!("{path}/servers/{id}"), &body, "changed").await
    }
}
