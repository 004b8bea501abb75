//! A grant: what a client may do on one server by somebody's right. It ends by itself, or before, and never comes back.

mod command;
mod decide;
mod refusal;
#[cfg(test)]
mod tests;

use events::grant::{EndCause, Given, GrantEvent};
use serde::{Deserialize, Serialize};

pub use command::Command;
pub use refusal::Refusal;

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub enum Grant {
    #[default]
    Unknown,
    Known {
        given: Box<Given>,
        /// Why it ended before its time.
        ended: Option<EndCause>,
    },
}

impl Grant {
    /// The grant, once it is given; also when it ended.
    pub fn given(&self) -> Option<&Given> {
        match self {
            Self::Unknown => None,
            Self::Known { given, ended: _ } => Some(given),
        }
    }

    fn applied(&mut self, event: &GrantEvent) {
        match (event, &mut *self) {
            (GrantEvent::Given(given), Self::Unknown) => {
                *self = Self::Known { given: Box::new(given.clone()), ended: None };
            }
            // Why it ended first.
            (GrantEvent::Ended(end), Self::Known { given: _, ended }) => {
                ended.get_or_insert(end.cause);
            }
            // Decisions never make these: a second gift, or an end of what was never given.
            (GrantEvent::Given(_), Self::Known { .. }) | (GrantEvent::Ended(_), Self::Unknown) => {}
        }
    }
}
