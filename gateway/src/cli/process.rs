//! `keyledger serve`, `dev` and `bootstrap`: what runs with a configuration of its own, and not by way of the admin API.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use events::clock::{Clock, Random, SystemClock, SystemRandom};
use serde_json::json;

use super::error::CliError;
use super::output::Output;
use super::{Environment, block_on};
use crate::bootstrap::{self, BootstrapError};
use crate::config::{self, Config, ConfigError, Logging, NatsRole, Needs, Role, Sources};
use crate::dev;
use crate::dev::run::{DevError, DevOptions};
use crate::serve::{self, ServeError, connections};
use crate::telemetry;
use crate::vault::VaultName;

/// Where the configuration comes from: file, environment, flags; the later wins.
#[derive(Debug, Args)]
#[command(next_help_heading = "Configuration")]
pub struct Configured {
    /// The TOML file; or KEYLEDGER_CONFIG
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One key's value, such as listen.admin=127.0.0.1:8081; can be given more than once
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub struct Serve {
    /// What this process does; without it `roles` of the configuration, or all
    #[arg(long, value_enum, value_delimiter = ',')]
    roles: Vec<Role>,
    #[command(flatten)]
    configured: Configured,
}

#[derive(Debug, Args)]
pub struct Dev {
    /// Where everything is kept for the next start
    #[arg(long, value_name = "DIR", default_value = ".keyledger")]
    data: PathBuf,
    /// How many nodes share the log; from the second on each is a process of its own. One that ends by itself ends
    /// all
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=9))]
    nodes: u8,
}

#[derive(Debug, Args)]
pub struct Bootstrap {
    /// Let in a new admin key, since the others are lost; it is an event
    #[arg(long)]
    recover: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

impl Configured {
    pub(super) fn file(&self, environment: &Environment) -> Option<PathBuf> {
        self.config.clone().or_else(|| environment.get("KEYLEDGER_CONFIG").map(PathBuf::from))
    }

    /// For a process of these roles, or what does a process's work.
    pub fn load(self, roles: Vec<Role>, environment: &Environment) -> Result<Config, CliError> {
        self.read(Sources { roles, needs: Needs::Process, ..Sources::default() }, environment)
    }

    /// For a command that needs but a few keys, and asks for each.
    pub fn load_some(self, environment: &Environment) -> Result<Config, CliError> {
        self.read(Sources { needs: Needs::Nothing, ..Sources::default() }, environment)
    }

    fn read(self, sources: Sources, environment: &Environment) -> Result<Config, CliError> {
        let file = self.file(environment);
        let unnamed = file.is_none();
        let loaded =
            config::load(&Sources { file, environment: environment.clone(), set: self.set, ..sources });
        loaded.map_err(|error| match error {
            ConfigError::Load(_) | ConfigError::Missing { .. } if unnamed => CliError::Usage(format!(
                "{error}. No configuration file is named: --config FILE or KEYLEDGER_CONFIG; that of a running \
                 `keyledger dev` is `configuration` in its dev.json"
            )),
            ConfigError::Load(_)
            | ConfigError::Value { .. }
            | ConfigError::Missing { .. }
            | ConfigError::File { .. } => CliError::Config(error),
        })
    }
}

impl Serve {
    pub fn run(self, environment: &Environment) -> Result<(), CliError> {
        let config = self.configured.load(self.roles, environment)?;
        let _writing = telemetry::install_tracing(&config.log)?;
        run_threads(async { serve::run(config).await.map_err(CliError::from) })
    }
}

/// The screen is for what `dev` shows; each connection that is closed on purpose would be a line.
const DEV_LOG: &str = "warn,keyledger_events::log::jetstream::connect=error";

/// The one variable that `dev` takes from its environment.
const DEV_LOG_VARIABLE: &str = "KEYLEDGER_LOG__FILTER";

/// Of those that configure other processes.
fn ignored_by_dev(environment: &Environment) -> Vec<String> {
    let variables = config::variables(environment).into_iter();
    variables.filter(|name| *name != DEV_LOG_VARIABLE).map(str::to_owned).collect()
}

impl Dev {
    pub fn run(self, environment: &Environment) -> Result<(), CliError> {
        let mut log = Logging { filter: DEV_LOG.to_owned(), ..Logging::default() };
        if let Some(filter) = environment.get(DEV_LOG_VARIABLE) {
            log.filter.clone_from(filter);
        }
        let _writing = telemetry::install_tracing(&log)?;
        let options =
            DevOptions { data: self.data, nodes: self.nodes.into(), ignored: ignored_by_dev(environment) };
        run_threads(async { Ok(dev::run::run(options, &mut std::io::stdout()).await?) })
    }
}

impl Bootstrap {
    pub fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let config = self.configured.load_some(environment)?;
        let first = block_on(async {
            let bootstrap = parts(&config).await?;
            let first = if self.recover { bootstrap.recover().await } else { bootstrap.bootstrap().await };
            first.map_err(CliError::from)
        })?;
        if self.json {
            return output.json(&json!({
                "installation": first.installation,
                "id": first.id,
                "secret": first.key.expose(),
                "position": first.position,
            }));
        }
        output.note(format!(
            "{}: an admin key of the installation. This is the key, shown only now:",
            first.id
        ));
        output.line(first.key.expose())?;
        output.note(next_command(&config));
        Ok(())
    }
}

/// What its reader does next: where the admin API is, as the configuration has it.
fn next_command(config: &Config) -> String {
    let admin = config.listen.admin;
    let host = if admin.ip().is_loopback() { "localhost" } else { "HOST-OF-CONTROL" };
    let (api, authority) = match config.tls {
        None => (format!("http://{host}:{}", admin.port()), ""),
        Some(config::Tls::Word(_)) if admin.ip().is_loopback() => {
            (format!("http://{host}:{}", admin.port()), "")
        }
        Some(config::Tls::Word(_)) => ("https://YOUR-PROXY-BEFORE-CONTROL".to_owned(), ""),
        Some(config::Tls::Files(_)) => (
            format!("https://{host}:{}", admin.port()),
            "   # with KEYLEDGER_CA_FILE=FILE for a private authority",
        ),
    };
    format!(
        "next, once `keyledger serve` runs:\n\
         export KEYLEDGER_API={api}\n\
         export KEYLEDGER_ADMIN_KEY=…   # the key\n\
         keyledger status{authority}"
    )
}

/// All as control, which writes the log and every vault.
pub(super) async fn parts(config: &Config) -> Result<bootstrap::Bootstrap, CliError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let log = connections::log(config, NatsRole::Control, &clock, &random).await?;
    Ok(bootstrap::Bootstrap {
        node: connections::vault(config, VaultName::Node, log.client()).await?,
        control: connections::vault(config, VaultName::Control, log.client()).await?,
        sealing: connections::sealing(config, log.client(), &clock, &random).await?,
        prefix: config.key_prefix()?,
        log: Arc::new(log),
        clock,
        random,
    })
}

fn run_threads<T>(future: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    crate::crypto::install();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::Unavailable(format!("no runtime: {error}")))?
        .block_on(future)
}

fn pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.trim().to_owned(), value.to_owned()))
        .filter(|(key, _)| !key.is_empty())
        .ok_or_else(|| "KEY=VALUE, such as listen.admin=127.0.0.1:8081".to_owned())
}

impl From<DevError> for CliError {
    fn from(error: DevError) -> Self {
        match error {
            DevError::Place(_) | DevError::Prefix => Self::Usage(error.to_string()),
            DevError::Screen(error) => Self::Output(error),
            DevError::Serve(error) => error.into(),
            DevError::Server(_)
            | DevError::Settings(_)
            | DevError::Setup(_)
            | DevError::MasterKey(_)
            | DevError::Bootstrap(_)
            | DevError::ReadModels(_)
            | DevError::Fleet(_)
            | DevError::Client(_)
            | DevError::NotReady { .. }
            | DevError::NotFollowed
            | DevError::StillLetIn
            | DevError::Port(_)
            | DevError::Ended(..)
            | DevError::Program(_)
            | DevError::Signals(_) => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<ServeError> for CliError {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Config(error) => Self::Config(error),
            ServeError::MasterKey(_) | ServeError::Listen { .. } | ServeError::Tls { .. } => {
                Self::Usage(error.to_string())
            }
            ServeError::Connect(error) => error.into(),
            ServeError::Log(_)
            | ServeError::Vault(_)
            | ServeError::Ended
            | ServeError::Public(_)
            | ServeError::Door(_)
            | ServeError::Thread(_)
            | ServeError::Metrics(_) => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<BootstrapError> for CliError {
    fn from(error: BootstrapError) -> Self {
        match error {
            BootstrapError::AlreadyBootstrapped
            | BootstrapError::NotBootstrapped
            | BootstrapError::FirstEvent
            | BootstrapError::Scopes(_)
            | BootstrapError::Replayed => Self::Refused(error.to_string()),
            BootstrapError::Vault(_)
            | BootstrapError::Log(_)
            | BootstrapError::Installation(_)
            | BootstrapError::Key(_) => Self::Unavailable(error.to_string()),
        }
    }
}
