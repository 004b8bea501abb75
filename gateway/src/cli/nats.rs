//! `keyledger nats setup`: the streams, and what nats-server's configuration needs.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use events::{AggregateType, OrganizationId};

use super::error::CliError;
use super::output::Output;
use super::process::Configured;
use super::{Environment, block_on};
use crate::config::{self, NatsRole, ReaderName};
use crate::store::accounts::{ReaderUser, User};
use crate::store::readers::Reader;
use crate::store::setup::{self, SetupError};
use crate::store::{self, accounts, roles};

#[derive(Debug, Subcommand)]
pub enum Nats {
    /// Create the streams and buckets, or say how they differ
    Setup(Setup),
}

#[derive(Debug, Args)]
pub struct Setup {
    /// How many servers hold each stream: 1, or 3 or 5 in a cluster
    #[arg(long, value_name = "1|3|5", default_value = "1", value_parser = replicas)]
    replicas: u8,
    /// Set up nothing: print what nats-server's configuration needs, with the users that `nats.users` names and the readers
    /// of `nats.readers`; or the streams, as `STREAM.CREATE` takes them
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "accounts"
    )]
    print: Option<Printed>,
    #[command(flatten)]
    reader: AskedReader,
    #[command(flatten)]
    configured: Configured,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Printed {
    /// Accounts and users, for nats-server's configuration file
    Accounts,
    /// JSON: each stream's configuration by its name
    Streams,
}

/// One more reader, beside those of the configuration.
#[derive(Debug, Args)]
#[command(next_help_heading = "A reader of the events")]
struct AskedReader {
    /// A NATS user that reads what is said here and nothing else: with `--print`
    #[arg(long, value_name = "NAME", requires = "print")]
    reader: Option<ReaderName>,
    /// What is this organization's, and what happens to itself; without it, of all
    #[arg(long, value_name = "ID", requires = "reader")]
    organization: Option<OrganizationId>,
    /// What is of this type, such as `key`; several times, or with commas, for several. Without it, of all
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', requires = "reader")]
    types: Vec<AggregateType>,
}

impl Nats {
    pub fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let Self::Setup(Setup { replicas, print, reader, configured }) = self;
        match print {
            Some(Printed::Accounts) => return print_accounts(reader, configured, environment, output),
            Some(Printed::Streams) if reader.reader.is_some() => {
                return Err(CliError::Usage("--reader goes with --print, or --print=accounts".to_owned()));
            }
            Some(Printed::Streams) => {
                let access = match configured.file(environment) {
                    Some(_) => configured.load_some(environment)?.access,
                    None => config::Access::default(),
                };
                let streams: BTreeMap<_, _> = setup::streams_keeping(replicas, &access).into_iter().collect();
                return output.json(&streams);
            }
            None => {}
        }
        let config = configured.load_some(environment)?;
        let report = block_on(async {
            let client = store::connect(&config, NatsRole::Admin).await?;
            setup::setup_keeping(&client, replicas, &config.access).await.map_err(CliError::from)
        })?;
        output.line(report.to_string().trim_end())
    }
}

/// What nats-server's configuration needs, with the users' names and the readers as configured.
fn print_accounts(
    asked: AskedReader,
    configured: Configured,
    environment: &Environment,
    output: &mut Output,
) -> Result<(), CliError> {
    let (named, mut readers) = match configured.file(environment) {
        Some(_) => {
            let nats = configured.load_some(environment)?.nats;
            (nats.users, nats.readers)
        }
        None => (BTreeMap::new(), BTreeMap::new()),
    };
    if let AskedReader { reader: Some(name), organization, types } = asked {
        let known = readers.get(&name).and_then(|known| known.password_hash.clone());
        let may = config::Reader { organization, types, password_hash: known };
        may.check().map_err(|error| {
            CliError::Usage(format!("--type: {error}; accepted: {}", config::Reader::TYPES))
        })?;
        match readers.insert(name.clone(), may.clone()) {
            Some(known) if known == may => {}
            Some(_) => {
                return Err(CliError::Usage(format!(
                    "`nats.readers.{name}` of the configuration says otherwise what {name} may read: change it there"
                )));
            }
            None => output.note(to_be_kept(&name, &may)),
        }
    }
    let users = roles::ALL.into_iter().chain([NatsRole::Restore]).map(|role| {
        let user = named.get(&role);
        let name = user.map(|user| user.user.clone());
        let name = name.unwrap_or_else(|| format!("keyledger-{}", role.as_str()));
        // A comment as long as it stands as a variable: it can write any log.
        let hash = user.and_then(|user| user.password_hash.as_ref()).filter(|_| role != NatsRole::Restore);
        User::of(role, name, hash)
    });
    let users: Vec<_> = users.collect();
    let readers = readers
        .into_iter()
        .map(|(name, may)| ReaderUser::of(Reader::new(name, &may), may.password_hash.as_ref()));
    let readers: Vec<_> = readers.collect();
    output.line(format!("{ACCOUNTS_HEAD}{}", accounts::configuration(&users, &readers).trim_end()))
}

/// Only what the configuration has is in what is printed next.
fn to_be_kept(name: &ReaderName, may: &config::Reader) -> String {
    let mut members = Vec::new();
    if let Some(id) = may.organization {
        members.push(format!("organization = \"{id}\""));
    }
    if !may.types.is_empty() {
        let types: Vec<_> = may.types.iter().map(|kind| format!("\"{kind}\"")).collect();
        members.push(format!("types = [{}]", types.join(", ")));
    }
    format!(
        "the next `nats setup --print` leaves {name} out, unless the configuration has\n[nats.readers]\n{name} = {{ {} }}",
        members.join(", ")
    )
}

const ACCOUNTS_HEAD: &str = "\
# Keyledger's accounts and users. Include this in the configuration of each nats-server, beside
#   jetstream { store_dir: \"…\", sync_interval: always }     # a cluster with three replicas can do without `always`
#   tls { cert_file: \"…\", key_file: \"…\" }                  # without it Keyledger connects over loopback only
# Each password that is written as $NAME stands in the server's environment, which only a restart reads anew; a bcrypt
# hash may stand there.
";

pub(super) fn replicas(text: &str) -> Result<u8, String> {
    match text {
        "1" => Ok(1),
        "3" => Ok(3),
        "5" => Ok(5),
        _ => Err("a majority needs an odd number: 1, 3 or 5".to_owned()),
    }
}

impl From<SetupError> for CliError {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::ServerTooOld(_) | SetupError::Differs { .. } | SetupError::Refused { .. } => {
                Self::Refused(error.to_string())
            }
            SetupError::NoAnswer(_) => Self::Unavailable(error.to_string()),
        }
    }
}
