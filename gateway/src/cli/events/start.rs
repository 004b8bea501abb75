//! Where reading begins.

use std::str::FromStr;

use events::log::Log;
use events::timestamp::GivenError;
use events::{LogId, Position, Timestamp};

use super::unread;
use crate::cli::error::CliError;

/// A moment by the log's clock, or a position as the API and these lines tell it.
#[derive(Debug, Clone, Copy)]
pub enum From {
    Time(Timestamp),
    Position(Position),
}

impl FromStr for From {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self::Position).or_else(|_| Timestamp::given(text).map(Self::Time)).map_err(
            |error| match error {
                GivenError::NoMoment(_) => {
                    "a time such as 2026-11-24T08:00:00Z, or a position as an answer gave it".to_owned()
                }
                GivenError::TooFine(_) | GivenError::LeapSecond(_) | GivenError::NoSeparator(_) => {
                    error.to_string()
                }
            },
        )
    }
}

impl From {
    /// The sequence of the first message to read.
    pub async fn sequence(self, log: &dyn Log, id: LogId, last: u64) -> Result<u64, CliError> {
        match self {
            Self::Position(position) if position.log == id => Ok(position.sequence),
            Self::Position(_) => Err(CliError::Refused("this position belongs to another log".to_owned())),
            Self::Time(time) => first_since(log, time, last).await,
        }
    }
}

/// The first message that the log stored at this moment or later: its clock only goes forward, so that a search
/// by halves finds it in a few reads.
async fn first_since(log: &dyn Log, time: Timestamp, last: u64) -> Result<u64, CliError> {
    let (mut low, mut high) = (1, last + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let message = log.message(middle).await.map_err(unread)?;
        if message.is_some_and(|message| message.stored_at >= time) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_beginning_is_told_with_what_is_wrong() {
        assert!(matches!("2026-11-24T08:00:00.5Z".parse(), Ok(From::Time(_))));
        for (text, word) in [
            ("yesterday", "a position"),
            ("2026-11-24T08:00:00.1234Z", "millisecond"),
            ("2026-11-24 08:00:00Z", "no T between"),
        ] {
            let told = text.parse::<From>().unwrap_err();
            assert!(told.contains(word), "{told}");
        }
    }
}
