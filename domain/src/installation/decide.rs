//! The installation's decisions.

use events::AggregateType;
use events::installation::{Bootstrapped, InstallationEvent, Recovered};

use super::{Command, Installation, Refusal};
use crate::aggregate::{Decide, Facts, Room};

impl Decide for Installation {
    const TYPE: &'static str = "installation";
    type Command = Command;
    type Event = InstallationEvent;
    type Refusal = Refusal;

    fn aggregate_type() -> AggregateType {
        AggregateType::Installation
    }

    fn decide(&self, command: &Command, facts: &Facts) -> Result<Vec<InstallationEvent>, Refusal> {
        match (self, command) {
            (Self::Unknown, Command::Bootstrap { admin_key, pepper }) if !facts.bootstrapped => {
                let bootstrapped = Bootstrapped { admin_key: *admin_key, pepper: *pepper };
                Ok(vec![InstallationEvent::Bootstrapped(bootstrapped)])
            }
            (Self::Unknown | Self::Bootstrapped { .. }, Command::Bootstrap { .. }) => {
                Err(Refusal::AlreadyBootstrapped)
            }
            (Self::Unknown, Command::Recover { .. }) => Err(Refusal::Unknown),
            (Self::Bootstrapped { admin_key: now, .. }, Command::Recover { admin_key }) => {
                if now == admin_key {
                    return Ok(vec![]);
                }
                Ok(vec![InstallationEvent::Recovered(Recovered { admin_key: *admin_key })])
            }
        }
    }

    fn creates(command: &Command) -> bool {
        match command {
            // Whether there is one already is the log's to say.
            Command::Bootstrap { .. } | Command::Recover { .. } => false,
        }
    }

    fn urgent(command: &Command) -> bool {
        match command {
            Command::Bootstrap { .. } | Command::Recover { .. } => false,
        }
    }

    fn room(&self, command: &Command) -> Room {
        match command {
            Command::Bootstrap { .. } => Room::Bound,
            // The way back in.
            Command::Recover { .. } => Room::Always,
        }
    }

    fn apply(&mut self, event: &InstallationEvent) {
        self.applied(event);
    }

    fn admits(&self, event: &InstallationEvent) -> bool {
        match (self, event) {
            (Self::Unknown, event) => matches!(event, InstallationEvent::Bootstrapped(_)),
            (Self::Bootstrapped { .. }, InstallationEvent::Bootstrapped(_)) => false,
            (Self::Bootstrapped { .. }, InstallationEvent::Recovered(_)) => true,
        }
    }
}
