//! Where reading begins.

use std::str::FromStr;
use std::time::Duration;

use events::clock::{Clock, SystemClock};
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

/// A moment alone.
#[derive(Debug, Clone, Copy)]
pub struct Moment(pub Timestamp);

impl FromStr for Moment {
    type Err = GivenError;

    fn from_str(text: &str) -> Result<Self, GivenError> {
        Timestamp::given(text).map(Self)
    }
}

/// So long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Last(Duration);

impl FromStr for Last {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "a number of s, m, h or d, such as 15m or 7d";
        let unit = text.chars().last().ok_or(FORM)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(FORM),
        };
        let count: u32 = text.strip_suffix(unit).and_then(|count| count.parse().ok()).ok_or(FORM)?;
        Ok(Self(Duration::from_secs(u64::from(count) * seconds)))
    }
}

impl Last {
    /// When that was, by this machine's clock.
    pub fn began(self) -> Timestamp {
        let ago = i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX);
        let began = SystemClock.now().unix_millis().saturating_sub(ago);
        Timestamp::from_unix_millis(began).unwrap_or(Timestamp::UNIX_EPOCH)
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
    fn so_long_ago_has_a_unit() {
        assert_eq!("90m".parse(), Ok(Last(Duration::from_secs(5_400))));
        assert_eq!("7d".parse(), Ok(Last(Duration::from_secs(604_800))));
        for text in ["", "h", "1", "1w", "-1h", "1.5h", "99999999999d", "é"] {
            text.parse::<Last>().unwrap_err();
        }
    }

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
