//! `keyledger issuers change`

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::OfIssuer;
use super::settings::Settings;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::{Output, text};
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct Change {
    #[command(flatten)]
    issuer: OfIssuer,
    /// The new name
    #[arg(long)]
    name: Option<String>,
    /// Entra ID: the tenants whose people may sign in from now on; can be given more than once
    #[arg(long = "tenant", value_name = "ID")]
    tenants: Vec<String>,
    /// Entra ID: whether guests of these tenants may sign in
    #[arg(long, value_name = "true|false")]
    guests: Option<bool>,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Change {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = self.issuer.path(&session).await?;
        let protocol = if self.tenants.is_empty() && self.guests.is_none() {
            None
        } else {
            let now = session.client.get(&path, &[]).await?;
            Some(protocol(&now["protocol"], self.tenants, self.guests)?)
        };
        let body = members([
            ("name", self.name.map(Value::from)),
            ("protocol", protocol),
            ("settings", self.settings.body()?),
        ]);
        session.command(&self.waiting, Method::PATCH, &path, &body, "changed").await
    }
}

/// What it is now, with what is said.
fn protocol(now: &Value, tenants: Vec<String>, guests: Option<bool>) -> Result<Value, CliError> {
    if text(now, "kind") != "entra" {
        return Err(CliError::Usage("--tenant and --guests are for issuers of Entra ID".to_owned()));
    }
    let tenants = if tenants.is_empty() { now["tenants"].clone() } else { tenants.into() };
    let guests = guests.map_or_else(|| now["guests"].clone(), Value::from);
    Ok(json!({ "kind": "entra", "authority": now["authority"], "tenants": tenants, "guests": guests }))
}
