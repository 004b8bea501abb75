//! How an upstream is called, as flags say it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value};

use crate::api::seconds;
use crate::cli::error::CliError;
use crate::cli::length::time;

/// What a server says of how it is called, where it is not as the gateway's configuration has it.
#[derive(Debug, Args)]
pub struct Settings {
    /// How the identity token reaches it: authorization, header:NAME or none
    #[arg(long, value_name = "HOW", group = "change")]
    credentials: Option<String>,
    /// The authorities that its certificate must be of, in place of the public ones: a file of PEM certificates
    #[arg(long, value_name = "FILE", group = "change")]
    upstream_ca_file: Option<PathBuf>,
    /// How long until the headers of an answer, such as 500ms, 90s or 2m
    #[arg(long, value_name = "TIME", group = "change", value_parser = time)]
    response_timeout: Option<Duration>,
    /// How long between two pieces of an answer that is no event stream
    #[arg(long, value_name = "TIME", group = "change", value_parser = time)]
    idle_timeout: Option<Duration>,
}

impl Settings {
    /// The request's `settings`; `None`: nothing is said of them. Those of `reset` are set to `null`.
    pub fn member(self, reset: &[Setting]) -> Result<Option<Value>, CliError> {
        let Self { credentials, upstream_ca_file, response_timeout, idle_timeout } = self;
        let ca = upstream_ca_file.map(|path| {
            std::fs::read_to_string(&path).map_err(|error| {
                CliError::Usage(format!("--upstream-ca-file: {} can't be read: {error}", path.display()))
            })
        });
        let said = [
            (Setting::Credentials, credentials.map(Value::from)),
            (Setting::Ca, ca.transpose()?.map(Value::from)),
            (Setting::ResponseTimeout, response_timeout.map(seconds).map(Value::from)),
            (Setting::IdleTimeout, idle_timeout.map(seconds).map(Value::from)),
        ];
        let mut members = Map::new();
        for (setting, value) in said {
            match (value, reset.contains(&setting)) {
                (Some(_), true) => {
                    let name = setting.member();
                    return Err(CliError::Usage(format!("{name} is both set and reset")));
                }
                (Some(value), false) => drop(members.insert(setting.member().to_owned(), value)),
                (None, true) => drop(members.insert(setting.member().to_owned(), Value::Null)),
                (None, false) => {}
            }
        }
        Ok((!members.is_empty()).then_some(Value::Object(members)))
    }
}

/// A setting that goes back to what the gateway's configuration says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Setting {
    Credentials,
    Ca,
    ResponseTimeout,
    IdleTimeout,
}

impl Setting {
    fn member(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Ca => "ca",
            Self::ResponseTimeout => "response_timeout_seconds",
            Self::IdleTimeout => "idle_timeout_seconds",
        }
    }
}
