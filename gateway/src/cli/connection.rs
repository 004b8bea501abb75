//! Where the admin API is, and with what key: from flags, the environment, or the `dev.json` of a
//! `keyledger dev` on this machine.

use std::path::{Path, PathBuf};

use clap::Args;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::Environment;
use super::client::{Client, Target};
use super::error::CliError;
use super::output::{Column, Output};
use crate::config::{Secret, is_loopback};

const DATA: &str = ".keyledger";

/// What every command that speaks the admin API takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Admin API")]
pub struct Connection {
    /// The admin API's URL; or KEYLEDGER_API, or that of a running `keyledger dev`
    #[arg(long, value_name = "URL")]
    api: Option<Url>,
    /// A file that holds the admin key; or the key itself in KEYLEDGER_ADMIN_KEY
    #[arg(long, value_name = "FILE")]
    admin_key_file: Option<PathBuf>,
    /// Certificate authorities in place of the public ones, PEM; or KEYLEDGER_CA_FILE
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Where `keyledger dev` keeps its data
    #[arg(long, value_name = "DIR", default_value = DATA)]
    data: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The facts of a running `keyledger dev` that the command line needs.
#[derive(Debug, Deserialize, Default)]
pub struct DevFacts {
    #[serde(default)]
    pub admin_url: Option<Url>,
    #[serde(default)]
    pub admin_key: Option<Secret>,
    /// Its configuration file.
    #[serde(default)]
    pub configuration: Option<PathBuf>,
}

impl DevFacts {
    pub const FILE: &str = "dev.json";

    /// `None`: no `keyledger dev` has run there.
    pub fn read(data: &Path) -> Result<Option<Self>, CliError> {
        let path = data.join(Self::FILE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CliError::Usage(format!("{}: {error}", path.display()))),
        };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))
    }
}

/// A command's way to the API and to its reader.
pub struct Session<'a> {
    pub client: Client,
    pub output: &'a mut Output,
    pub json: bool,
}

impl Session<'_> {
    /// Says so when what was read is not all that is known.
    pub fn note_age(&mut self) {
        if let Some(as_of) = self.client.as_of() {
            self.output.note(format!(
                "the read models are behind: this is as of {as_of}, and newer changes hold already"
            ));
        }
    }

    /// Shows one thing.
    pub fn show(&mut self, columns: &[Column], found: &Value) -> Result<(), CliError> {
        self.note_age();
        if self.json { self.output.json(found) } else { self.output.card(columns, found) }
    }
}

impl Connection {
    /// As the flags of a command line that is still being written say it.
    pub fn written(value: impl Fn(&str) -> Option<String>) -> Self {
        let path = |flag| value(flag).map(PathBuf::from);
        Self {
            api: value("--api").and_then(|url| url.parse().ok()),
            admin_key_file: path("--admin-key-file"),
            ca_file: path("--ca-file"),
            data: path("--data").unwrap_or_else(|| PathBuf::from(DATA)),
            json: false,
        }
    }

    pub fn open<'a>(
        &self,
        environment: &Environment,
        output: &'a mut Output,
    ) -> Result<Session<'a>, CliError> {
        let client = Client::new(self.target(environment)?)?;
        Ok(Session { client, output, json: self.json })
    }

    fn target(&self, environment: &Environment) -> Result<Target, CliError> {
        let named = match (&self.api, environment.get("KEYLEDGER_API")) {
            (Some(url), _) => Some(url.clone()),
            // Not repeated: it may hold a password.
            (None, Some(text)) => Some(
                text.parse().map_err(|error| CliError::Usage(format!("KEYLEDGER_API is no URL: {error}")))?,
            ),
            (None, None) => None,
        };
        let key = match (&self.admin_key_file, environment.get("KEYLEDGER_ADMIN_KEY")) {
            (Some(path), _) => Some(read_key(path)?),
            (None, Some(key)) => Some(Zeroizing::new(key.clone())),
            (None, None) => None,
        };
        let (base, key) = match (named, key) {
            (Some(base), Some(key)) => (base, key),
            (named, key) => {
                let dev = DevFacts::read(&self.data)?.unwrap_or_default();
                let base = named.or_else(|| dev.admin_url.clone()).ok_or_else(|| {
                    CliError::Usage(
                        "no admin API: name its URL with --api or KEYLEDGER_API, or start `keyledger dev` here".into(),
                    )
                })?;
                // The dev node's key is for the dev node alone.
                let own = dev.admin_url.filter(|own| own.origin() == base.origin()).and(dev.admin_key);
                let own = own.map(|own| Zeroizing::new(own.expose().to_owned()));
                let key = key.or(own).ok_or_else(|| {
                    CliError::Usage(format!(
                        "no admin key for {}: put it into KEYLEDGER_ADMIN_KEY, or name its file with --admin-key-file",
                        base.origin().ascii_serialization()
                    ))
                })?;
                (base, key)
            }
        };
        check(&base)?;
        Ok(Target { base, key, roots: self.roots(environment)? })
    }

    /// `None`: none is named, or by an empty variable.
    pub fn ca_file(&self, environment: &Environment) -> Option<PathBuf> {
        let variable = environment.get("KEYLEDGER_CA_FILE").filter(|path| !path.is_empty());
        self.ca_file.clone().or_else(|| variable.map(PathBuf::from))
    }

    /// `None`: the public ones.
    fn roots(&self, environment: &Environment) -> Result<Option<rustls::RootCertStore>, CliError> {
        let Some(path) = &self.ca_file(environment) else { return Ok(None) };
        let wrong = |error: &dyn std::fmt::Display| CliError::Usage(format!("{}: {error}", path.display()));
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))? {
            roots.add(certificate.map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
        }
        Ok(Some(roots))
    }
}

/// As it may be shown: what stands before its host may be a password.
pub fn without_user(url: &Url) -> Url {
    let mut url = url.clone();
    // Refused by URLs that have no host, and so no user.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

/// A key leaves this machine under TLS only.
fn check(base: &Url) -> Result<(), CliError> {
    let base = &without_user(base);
    match base.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(base) => Ok(()),
        "http" => Err(CliError::Usage(format!(
            "{base}: the admin key would leave this machine without TLS: use https"
        ))),
        _ => Err(CliError::Usage(format!(
            "{base}: the admin API's URL starts with https, or http on loopback"
        ))),
    }
}

fn read_key(path: &Path) -> Result<Zeroizing<String>, CliError> {
    std::fs::read_to_string(path)
        .map(|text| Zeroizing::new(text.trim().to_owned()))
        .map_err(|error| CliError::Usage(format!("--admin-key-file {}: {error}", path.display())))
}
