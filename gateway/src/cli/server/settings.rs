//! How an upstream is called, as flags say it.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value};

use crate::cli::error::CliError;

/// What a server says of how it is called, where it is not as the gateway's configuration has it.
#[derive(Debug, Args)]
pub struct Settings {
    /// How the identity token reaches it: authorization, header:NAME or none
    #[arg(long, value_name = "HOW", group = "change")]
    credentials: Option<String>,
    /// The authorities that its certificate must be of, in place of the public ones: a file of PEM certificates
    #[arg(long, value_name = "FILE", group = "change")]
    upstream_ca_file: Option<PathBuf>,
    /// Milliseconds until the headers of an answer
    #[arg(long, value_name = "MS", group = "change")]
    response_timeout_ms: Option<u32>,
    /// Milliseconds between two pieces of an answer that is no event stream
    #[arg(long, value_name = "MS", group = "change")]
    idle_timeout_ms: Option<u32>,
}

impl Settings {
    /// The request's `settings`; `None`: nothing is said of them. Those of `reset` are set to `null`.
    pub fn member(self, reset: &[Setting]) -> Result<Option<Value>, CliError> {
        let Self { credentials, upstream_ca_file, response_timeout_ms, idle_timeout_ms } = self;
        let ca = upstream_ca_file.map(|path| {
            std::fs::read_to_string(&path).map_err(|error| {
                CliError::Usage(format!("--upstream-ca-file: {} can't be read: {error}", path.display()))
            })
        });
        let said = [
            (Setting::Credentials, credentials.map(Value::from)),
            (Setting::Ca, ca.transpose()?.map(Value::from)),
            (Setting::ResponseTimeoutMs, response_timeout_ms.map(Value::from)),
            (Setting::IdleTimeoutMs, idle_timeout_ms.map(Value::from)),
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
    ResponseTimeoutMs,
    IdleTimeoutMs,
}

impl Setting {
    fn member(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Ca => "ca",
            Self::ResponseTimeoutMs => "response_timeout_ms",
            Self::IdleTimeoutMs => "idle_timeout_ms",
        }
    }
}
