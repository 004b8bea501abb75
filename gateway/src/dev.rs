//! `keyledger dev`: the whole of Keyledger on one machine, and its parts one by one for the tests.
//!
//! Real servers as private child processes, on free loopback ports, in one directory that its owner alone can
//! read. What it starts ends with it, also when it is killed. It knows nothing of what the servers hold.

pub mod children;
mod client;
pub mod demo;
mod facts;
pub mod nats;
mod nodes;
mod parts;
mod place;
pub mod port;
pub mod postgres;
pub mod private;
pub mod provider;
pub mod run;
mod settings;
mod show;
mod sign_in;
pub mod tools;

use std::path::PathBuf;
use std::time::Duration;

/// Why a server could not be started, stopped or found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{what} was not found ({looked}); run `scripts/setup`, or name it in {variable}")]
    NotFound { what: &'static str, looked: String, variable: &'static str },
    #[error(
        "{path} is {found}, and Keyledger needs {needed} or later; run `scripts/setup`, or name a newer one in {variable}"
    )]
    TooOld { path: PathBuf, found: String, needed: &'static str, variable: &'static str },
    #[error("{program} could not be started: {source}")]
    Spawn { program: String, source: std::io::Error },
    #[error("{program} did not start within {} s; its log is {log}", .waited.as_secs())]
    TooSlow { program: &'static str, waited: Duration, log: PathBuf },
    #[error("{program} ended at its start ({status}): {last_words}; its log is {log}")]
    Ended { program: &'static str, status: String, last_words: String, log: PathBuf },
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{path} can't be read as what this version wrote: {reason}")]
    Content { path: PathBuf, reason: String },
    #[error(
        "PostgreSQL refuses to run as root, and this machine lets root become no other user ({0}): run as an ordinary user"
    )]
    Root(String),
}

impl Error {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
