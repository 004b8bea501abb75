//! The auditor's connection: from flags, the configuration, or a running `keyledger dev`.

use std::path::PathBuf;

use clap::Args;
use events::log::jetstream::{ConnectOptions, Credentials, Password, connect};
use url::Url;

use crate::cli::Environment;
use crate::cli::connection::DevFacts;
use crate::cli::error::CliError;
use crate::config::{self, Config, NatsRole, Sources};
use crate::store::{self, roles};

#[derive(Debug, Args)]
#[command(next_help_heading = "NATS, as the read-only auditor")]
pub struct Auditor {
    /// nats:// on loopback, tls:// elsewhere, or the URLs of one cluster's servers; without it `nats` of the
    /// configuration, or a running `keyledger dev`
    #[arg(long, value_name = "URL,…", value_delimiter = ',', requires = "nats_password_file")]
    nats: Vec<Url>,
    /// The auditor's user
    #[arg(long, value_name = "NAME", requires = "nats", default_value = "auditor")]
    nats_user: String,
    /// A file that holds the user's password
    #[arg(long, value_name = "FILE", requires = "nats")]
    nats_password_file: Option<PathBuf>,
    /// Certificate authorities beside the public ones, PEM
    #[arg(long, value_name = "FILE", requires = "nats")]
    nats_ca_file: Option<PathBuf>,
    /// The configuration file; or KEYLEDGER_CONFIG
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where `keyledger dev` keeps its data
    #[arg(long, value_name = "DIR", default_value = ".keyledger")]
    data: PathBuf,
}

impl Auditor {
    pub async fn connect(&self, environment: &Environment) -> Result<store::Client, CliError> {
        match self.nats.as_slice() {
            [_, ..] => self.connect_to_named().await,
            [] => Ok(store::connect(&self.configuration(environment)?, NatsRole::Auditor).await?),
        }
    }

    async fn connect_to_named(&self) -> Result<store::Client, CliError> {
        if let Some(url) = self.nats.iter().find(|url| !config::may_speak_nats(url)) {
            return Err(CliError::Usage(format!(
                "--nats {url}: nats://HOST:PORT on loopback, tls://HOST:PORT elsewhere"
            )));
        }
        let path = self
            .nats_password_file
            .as_ref()
            .ok_or_else(|| CliError::Usage("--nats needs --nats-password-file".to_owned()))?;
        let password = std::fs::read_to_string(path)
            .map_err(|error| CliError::Usage(format!("--nats-password-file {}: {error}", path.display())))?;
        let password = Password::new(password.trim_end_matches(['\r', '\n']).to_owned());
        let credentials = Credentials::User { name: self.nats_user.clone(), password };
        let options = ConnectOptions {
            servers: self.nats.iter().map(ToString::to_string).collect(),
            credentials,
            name: "keyledger auditor".to_owned(),
            inbox_prefix: roles::inbox_prefix(NatsRole::Auditor),
            authorities: self.nats_ca_file.clone(),
            certificate: None,
        };
        Ok(connect(options).await?)
    }

    pub fn configuration(&self, environment: &Environment) -> Result<Config, CliError> {
        let named = self.config.clone().or_else(|| environment.get("KEYLEDGER_CONFIG").map(PathBuf::from));
        let file = match named {
            Some(file) => Some(file),
            None => DevFacts::read(&self.data)?.and_then(|dev| dev.configuration),
        };
        let file = file.ok_or_else(|| {
            CliError::Usage(
                "no event log: name it with --nats or --config, or start `keyledger dev` here".to_owned(),
            )
        })?;
        let sources = Sources { file: Some(file), environment: environment.clone(), ..Sources::default() };
        Ok(config::load(&sources)?)
    }
}
