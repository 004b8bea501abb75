//! `keyledger issuers credential`

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::OfIssuer;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::wait::Waiting;

/// A credential, which stands in no command line: others see those.
#[derive(Debug, Args)]
pub struct Given {
    /// A file that holds the client secret, and nothing else; - reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "certificate_file")]
    secret_file: Option<PathBuf>,
    /// A PEM file with a private key and its certificate, for private_key_jwt; - reads standard input
    #[arg(long, value_name = "FILE")]
    certificate_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Credential {
    #[command(flatten)]
    issuer: OfIssuer,
    #[command(flatten)]
    given: Given,
    /// Remove it: who must show one signs nobody in any more
    #[arg(long, conflicts_with_all = ["secret_file", "certificate_file"])]
    remove: bool,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Given {
    /// `None`: there is none.
    pub fn body(&self) -> Result<Option<Value>, CliError> {
        match (&self.secret_file, &self.certificate_file) {
            (Some(file), _) => Ok(Some(json!({ "secret": read("--secret-file", file)?.trim() }))),
            (None, Some(file)) => Ok(Some(json!({ "certificate": read("--certificate-file", file)? }))),
            (None, None) => Ok(None),
        }
    }
}

fn read(flag: &str, file: &Path) -> Result<String, CliError> {
    let read = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    read.map_err(|error| CliError::Usage(format!("{flag}: {} can't be read: {error}", file.display())))
}

impl Credential {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/credential", self.issuer.path(&session).await?);
        if self.remove {
            let to = Method::DELETE;
            return session.command(&self.waiting, to, &path, &json!({}), "its credential is removed").await;
        }
        let body = self.given.body()?.ok_or_else(|| {
            CliError::Usage("say what it is: --secret-file, --certificate-file or --remove".to_owned())
        })?;
        session.command(&self.waiting, Method::PUT, &path, &body, "its credential is set").await
    }
}
