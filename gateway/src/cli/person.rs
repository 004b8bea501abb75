//! `keyledger people`

use clap::{Args, Subcommand};
use events::UserId;

use super::Environment;
use super::error::CliError;
use super::output::{Column, Output, text};

mod add;
mod change;
mod end;
mod identity;
mod list;
mod sessions;
mod show;

#[derive(Debug, Subcommand)]
pub enum People {
    /// List people
    List(list::List),
    /// Show a person and all that they hold
    Show(show::Show),
    /// Add somebody who has not signed in yet
    Add(add::Add),
    /// Suspend a person: nothing of theirs works until they are resumed
    Suspend(change::WithReason),
    /// Resume a suspended person
    Resume(change::WithReason),
    /// List the browsers at which a person is signed in
    Sessions(sessions::Sessions),
    /// Let a person sign in by another identity as well, named by its issuer and subject
    Link(identity::Link),
    /// Take an identity away from a person: nobody signs in by it any more
    Unlink(identity::Unlink),
    /// End every session of a person that began before
    SignOut(change::SignOut),
    /// End a person, for ever, with all that they hold
    End(end::End),
    /// Forget a person who is ended: what is known of them is erased, for ever
    Forget(change::Forget),
}

impl People {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(environment, output).await,
            Self::Show(command) => command.run(environment, output).await,
            Self::Add(command) => command.run(environment, output).await,
            Self::Suspend(command) => command.run("suspend", "suspended", environment, output).await,
            Self::Resume(command) => command.run("resume", "resumed", environment, output).await,
            Self::Sessions(command) => command.run(environment, output).await,
            Self::Link(command) => command.run(environment, output).await,
            Self::Unlink(command) => command.run(environment, output).await,
            Self::SignOut(command) => command.run(environment, output).await,
            Self::End(command) => command.run(environment, output).await,
            Self::Forget(command) => command.run(environment, output).await,
        }
    }
}

/// Which person.
#[derive(Debug, Args)]
pub struct OfPerson {
    /// The person's id
    person: UserId,
}

impl OfPerson {
    fn path(&self) -> String {
        format!("/api/v1/people/{}", self.person)
    }
}

const COLUMNS: &[Column] = &[
    Column { head: "ID", cell: |item| text(item, "id") },
    Column { head: "NAME", cell: |item| text(item, "name") },
    Column { head: "EMAIL", cell: |item| text(item, "email") },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "ADDED", cell: |item| text(item, "created_at") },
];
