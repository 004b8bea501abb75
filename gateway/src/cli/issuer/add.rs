//! `keyledger issuers add`

use clap::{ArgGroup, Args};
use http::Method;
use serde_json::{Value, json};

use super::credential::Given;
use super::settings::Settings;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::place::OfOwner;
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("protocol").required(true).args(["issuer", "tenants"])))]
pub struct Add {
    /// Its name in addresses and commands, for ever: lower-case letters, digits and hyphens
    slug: String,
    /// What people call it; without it the slug
    #[arg(long)]
    name: Option<String>,
    /// OpenID Connect: the issuer's URL, to the letter as its own discovery document says it
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// Entra ID: a tenant whose people may sign in, by id; can be given more than once
    #[arg(long = "tenant", value_name = "ID")]
    tenants: Vec<String>,
    /// Entra ID: where it is; without it https://login.microsoftonline.com
    #[arg(long, value_name = "URL", requires = "tenants")]
    authority: Option<String>,
    /// Entra ID: guests of these tenants may sign in as well
    #[arg(long, requires = "tenants")]
    guests: bool,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    credential: Given,
    /// Nobody signs in at it before it is enabled
    #[arg(long)]
    disabled: bool,
    #[command(flatten)]
    of: OfOwner,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Add {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = self.of.issuers(&session).await?;
        let protocol = match self.issuer {
            Some(issuer) => json!({ "kind": "openid", "issuer": issuer }),
            None => members([
                ("kind", Some("entra".into())),
                ("authority", self.authority.map(Value::from)),
                ("tenants", Some(self.tenants.into())),
                ("guests", Some(self.guests.into())),
            ]),
        };
        let settings = self.settings.body()?.unwrap_or_else(|| json!({}));
        let body = members([
            ("name", Some(self.name.unwrap_or_else(|| self.slug.clone()).into())),
            ("slug", Some(self.slug.into())),
            ("protocol", Some(protocol)),
            ("settings", Some(settings)),
            ("enabled", self.disabled.then_some(false.into())),
            ("credential", self.credential.body()?),
        ]);
        session
            .command(
                &self.waiting,
                Method::POST,
                &path,
                &body,
                "registered; `issuers test` tells whether it works",
            )
            .await
    }
}
