//! Why a command did not do what was asked, and the exit code that says so.

use events::log::jetstream::ConnectError;

use crate::config::ConfigError;
use crate::problem::{Kind, Problem};
use crate::store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line, the environment or a file named there is wrong.
    #[error("{0}")]
    Usage(String),
    /// It was understood and refused.
    #[error("{0}")]
    Refused(String),
    /// The API answered with a problem.
    #[error("{}{}", .0.detail, at(.0))]
    Problem(Box<Problem>),
    /// It is done, and not proven to hold on every process.
    #[error("{0}")]
    NotProven(String),
    /// What was asked for is there, and not as it should be (`status --check`).
    #[error("{0}")]
    Degraded(String),
    /// Somebody who is needed does not answer.
    #[error("{0}")]
    Unavailable(String),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("the output can't be written: {0}")]
    Output(#[from] std::io::Error),
}

impl From<ConnectError> for CliError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Address(_)
            | ConnectError::PasswordFile { .. }
            | ConnectError::CredentialsFile { .. } => Self::Usage(error.to_string()),
            ConnectError::Refused { .. } => Self::Refused(error.to_string()),
            ConnectError::Connect { .. } => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Config(error) => Self::Config(error),
            StoreError::Connect(error) => error.into(),
        }
    }
}

impl CliError {
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => 1,
            // What is closed does not become ready while one waits.
            Self::Problem(problem) if problem.status < 500 || problem.is(Kind::Closed) => 1,
            Self::Usage(_) | Self::Config(_) => 2,
            Self::Problem(_) | Self::Unavailable(_) | Self::Output(_) => 3,
            Self::NotProven(_) => 4,
            Self::Degraded(_) => 5,
        }
    }

    /// The problem's kind, for those who read errors by program.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            Self::Usage(_)
            | Self::Refused(_)
            | Self::NotProven(_)
            | Self::Degraded(_)
            | Self::Unavailable(_)
            | Self::Config(_)
            | Self::Output(_) => None,
        }
    }
}

fn at(problem: &Problem) -> String {
    problem.field.as_ref().map_or_else(String::new, |field| format!(" (at {field})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_closed_is_refused_and_what_is_not_ready_may_be_asked_again() {
        let code = |kind| CliError::Problem(Box::new(Problem::new(kind, "why"))).exit_code();
        assert_eq!((code(Kind::Closed), code(Kind::NotFound), code(Kind::NotReady)), (1, 1, 3));
    }
}
