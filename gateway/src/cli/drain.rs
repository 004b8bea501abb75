//! `keyledger drains`: how far each is, and whether what is sent arrives.

use std::sync::Arc;

use clap::{Args, Subcommand};
use events::clock::{Clock, SystemClock, SystemRandom};
use projections::postgres::place::PlaceKind;

use super::Environment;
use super::error::CliError;
use super::outlet::{List, Reset};
use super::output::Output;
use super::process::Configured;
use crate::config::Role;
use crate::drains::{TrialError, trial};
use crate::serve::outlets;

#[derive(Debug, Subcommand)]
pub enum Drains {
    /// Show how far each is, who keeps it, and why one stands still
    List(List),
    /// Send a message that is no event, and say whether it was taken
    Test(Test),
    /// Forget how far one is: it begins anew, as its `from` says
    Reset(Reset),
}

#[derive(Debug, Args)]
pub struct Test {
    /// Its name in the configuration
    name: String,
    #[command(flatten)]
    configured: Configured,
}

impl Drains {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::List(list) => list.run(PlaceKind::Drain, environment, output).await,
            Self::Test(test) => test.run(environment, output).await,
            Self::Reset(reset) => reset.run(PlaceKind::Drain, environment, output).await,
        }
    }
}

impl Test {
    async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let config = self.configured.load(vec![Role::Worker], environment)?;
        let drain = outlets::configured_drain(&config, &self.name)?;
        let host = outlets::host(&config);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        match trial(&self.name, drain, host, &clock, &SystemRandom).await {
            Ok(()) => output.line(format!("{}: taken", self.name)),
            Err(TrialError::Config(error)) => Err(error.into()),
            Err(error @ TrialError::Undelivered(_)) => {
                Err(CliError::Refused(format!("{}: {error}", self.name)))
            }
        }
    }
}
