//! From the three sources to a checked [`Config`].

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{Config, ConfigError, Role, check};

/// Where the configuration comes from.
#[derive(Debug, Default, Clone)]
pub struct Sources {
    /// The TOML file; `None`: no file.
    pub file: Option<PathBuf>,
    /// The process's environment.
    pub environment: HashMap<String, String>,
    /// `--set KEY=VALUE`, in order.
    pub set: Vec<(String, String)>,
    /// `--roles`
    pub roles: Vec<Role>,
    pub needs: Needs,
}

/// Which keys must be there.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Those that a process of these roles uses.
    #[default]
    Process,
    /// None: a command that uses a few of them asks for each when it does.
    Nothing,
}

/// Variables with our prefix that are no configuration keys: the CLI's and the scripts' own.
const NOT_CONFIGURATION: &[&str] = &[
    "KEYLEDGER_ADMIN_KEY",
    "KEYLEDGER_API",
    "KEYLEDGER_CA_FILE",
    "KEYLEDGER_CHROMIUM",
    "KEYLEDGER_CONFIG",
    "KEYLEDGER_DATA",
    "KEYLEDGER_NATS_SERVER",
    "KEYLEDGER_NODE",
    "KEYLEDGER_PGBOUNCER",
    "KEYLEDGER_POSTGRES_BIN",
    "KEYLEDGER_PROGRAM",
    // What `keyledger nats setup --print` lets nats-server's own configuration refer to.
    "KEYLEDGER_NATS_ADMIN_PASSWORD",
    "KEYLEDGER_NATS_CONTROL_PASSWORD",
    "KEYLEDGER_NATS_WORKER_PASSWORD",
    "KEYLEDGER_NATS_NODE_PASSWORD",
    "KEYLEDGER_NATS_AUDITOR_PASSWORD",
    "KEYLEDGER_NATS_RESTORE_PASSWORD",
];

/// So are those of its readers, whatever they are called.
fn is_a_readers_password(name: &str) -> bool {
    name.starts_with("KEYLEDGER_NATS_READER_") && name.ends_with("_PASSWORD")
}

/// Reads all sources; the later wins: file, environment, flags.
///
/// `KEYLEDGER_NATS__URL` is `nats.url`: two underscores go one level down. Lists are comma-separated there, and a
/// file that is named by an empty text is not named at all: so a later source takes back what an earlier one says.
pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
    let mut tree = sources.file.as_deref().map_or(Ok(Table::new()), read_file)?;
    let mut variables: Vec<_> = sources.environment.iter().filter_map(variable).collect();
    variables.sort();
    for (key, value) in variables {
        overlay(&mut tree, &key, value)?;
    }
    for (key, value) in &sources.set {
        overlay(&mut tree, key, value)?;
    }
    let has_public_url = tree.contains_key("public_url");
    let mut config: Config = serde_path_to_error::deserialize(Value::Table(tree)).map_err(|error| {
        let (path, problem) = (error.path().to_string(), error.inner().to_string());
        // What is missing is a key of the table that lacks it.
        let missing = problem.trim().strip_prefix("missing field `").and_then(|rest| rest.split_once('`'));
        let path = match (path.as_str(), missing) {
            (".", None) => String::new(),
            (".", Some((name, _))) => name.to_owned(),
            (table, Some((name, _))) => format!("{table}.{name}"),
            (path, None) => path.to_owned(),
        };
        let problem = if missing.is_some() { "it is missing" } else { problem.trim() };
        let key = if path.is_empty() { String::new() } else { format!("key `{path}`: ") };
        ConfigError::Load(format!(
            "configuration {key}{problem}{}; docs/reference/configuration.md lists every key",
            accepted(&path)
        ))
    })?;
    if !sources.roles.is_empty() {
        config.roles.clone_from(&sources.roles);
    }
    match sources.needs {
        Needs::Nothing => {
            config.roles.clear();
            config.check()?;
        }
        Needs::Process if has_public_url => {
            config.check()?;
            config.check_process()?;
        }
        Needs::Process => return Err(ConfigError::Missing { key: "public_url", accepted: PUBLIC_URL }),
    }
    Ok(config)
}

const PUBLIC_URL: &str = "a URL such as https://mcp.example.com";

/// The accepted form of a key whose own error does not tell it.
fn accepted(key: &str) -> String {
    let accepted = match key {
        "listen.public" | "listen.admin" | "listen.accounts" | "listen.metrics" => {
            "an address such as 127.0.0.1:8080"
        }
        "tls" => "\"terminated\", or a table with certificate_file and key_file",
        "upstreams.allow" | "upstreams.allow_http" => "networks such as 10.0.0.0/8",
        "public_url" | "accounts_url" => PUBLIC_URL,
        "oauth.registration" => "\"open\", \"token\" or \"off\"",
        "oauth.allow" => "networks such as 10.0.0.0/8",
        "nats.url" => check::NATS_URL,
        key if key.starts_with("drains.") && key.ends_with(".transport") => {
            "\"hec\", \"https\" or \"syslog\""
        }
        key if key.starts_with("drains.") && key.ends_with(".address") => {
            "https://HOST[:PORT][/PATH]; tls://HOST[:PORT] with transport = \"syslog\""
        }
        key if key.starts_with("drains.") && key.ends_with(".types") => {
            "a list of types such as key.issued, or key.* for all of a key's"
        }
        key if key.starts_with("drains.") && key.ends_with(".organizations") => {
            "a list of organizations' ids, `_` being the installation itself"
        }
        key if key.starts_with("exports.") && key.ends_with(".s3.endpoint") => {
            "https://HOST[:PORT] of the storage"
        }
        key if key.starts_with("exports.") && key.ends_with(".s3.region") => "a name such as eu-west-1",
        key if key.starts_with("exports.") && key.ends_with(".s3.bucket") => "the name of a bucket",
        key if key.starts_with("exports.") && key.ends_with(".s3.access_key_id") => {
            "the id that goes with secret_access_key"
        }
        key if key.starts_with("checkpoints.witnesses") => super::witness::ACCEPTED,
        key if key.starts_with("nats.readers") => {
            "a table with `organization` (an organization's id), `types` (a list of installation, organization, server, \
             key, webhook, slug) and `password_hash` (bcrypt), each of which may be left out"
        }
        _ => return String::new(),
    };
    format!("; accepted: {accepted}")
}

/// The variables of an environment that [`load`] would take a key from, sorted.
pub fn variables(environment: &HashMap<String, String>) -> Vec<&str> {
    let ours = environment.iter().filter(|pair| variable(*pair).is_some());
    let mut names: Vec<_> = ours.map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}

/// A variable of ours as a dotted key and its text.
fn variable<'a>((name, value): (&String, &'a String)) -> Option<(String, &'a str)> {
    let rest = name.strip_prefix("KEYLEDGER_")?;
    if NOT_CONFIGURATION.contains(&name.as_str()) || is_a_readers_password(name) || rest.starts_with("TEST") {
        return None;
    }
    Some((rest.to_ascii_lowercase().replace("__", "."), value))
}

/// Puts a text at a dotted key.
fn overlay(tree: &mut Table, key: &str, value: &str) -> Result<(), ConfigError> {
    let (parents, last) = key.rsplit_once('.').map_or((None, key), |(parents, last)| (Some(parents), last));
    let mut table = tree;
    for part in parents.into_iter().flat_map(|parents| parents.split('.')) {
        let next = table.entry(part).or_insert_with(|| Value::Table(Table::new()));
        table = next.as_table_mut().ok_or_else(|| {
            ConfigError::Load(format!(
                "configuration key `{key}`: `{part}` is a value and has no keys below it"
            ))
        })?;
    }
    if value.is_empty() && last.ends_with("_file") {
        table.remove(last);
    } else {
        table.insert(last.to_owned(), Value::String(value.to_owned()));
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::File {
        key: "--config".to_owned(),
        path: path.to_owned(),
        source,
    })?;
    text.parse().map_err(|error: toml::de::Error| {
        // Not the error's own text: it repeats the line, which may hold a password.
        let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].lines().count().max(1));
        ConfigError::Load(format!("{}, near line {line}: {}", path.display(), error.message()))
    })
}

#[cfg(test)]
mod tests;
