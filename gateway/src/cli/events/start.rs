//! Where reading begins.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use events::log::Log;
use events::timestamp::GivenError;
use events::{LogId, Position, Timestamp};

use super::unread;
use crate::cli::error::CliError;

/// A moment by the log's clock, a position as the API and these lines tell it, or its sequence alone.
#[derive(Debug, Clone, Copy)]
pub enum From {
    Time(Timestamp),
    Position(Position),
    Sequence(NonZeroU64),
}

impl FromStr for From {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let place = text.parse().map(Self::Position).or_else(|_| text.parse().map(Self::Sequence));
        place.or_else(|_| Timestamp::given(text).map(Self::Time)).map_err(|error| match error {
            GivenError::NoMoment(_) => {
                "a time such as 2026-11-24T08:00:00Z, a position as an answer gave it, or its sequence"
                    .to_owned()
            }
            GivenError::TooFine(_) | GivenError::LeapSecond(_) | GivenError::NoSeparator(_) => {
                error.to_string()
            }
        })
    }
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => time.fmt(f),
            Self::Position(position) => position.fmt(f),
            Self::Sequence(sequence) => sequence.fmt(f),
        }
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

/// Refuses a stretch of time, or of the log, in which nothing can lie.
pub fn in_order(from: Option<From>, to: Option<From>) -> Result<(), CliError> {
    let (Some(from), Some(to)) = (from, to) else { return Ok(()) };
    let told = match (from, to) {
        (From::Time(first), From::Time(end)) if first >= end => {
            format!("it begins at {from} and ends before {to}")
        }
        // The last one belongs to it.
        _ if from.place().zip(to.place()).is_some_and(|(first, last)| first > last) => {
            format!("it begins with {from} and ends with {to}")
        }
        _ => return Ok(()),
    };
    Err(CliError::Usage(format!("--to: nothing lies in this stretch: {told}")))
}

impl From {
    /// The sequence that it names.
    fn place(self) -> Option<u64> {
        match self {
            Self::Time(_) => None,
            Self::Position(position) => Some(position.sequence),
            Self::Sequence(sequence) => Some(sequence.get()),
        }
    }

    /// The sequence of the first message to read.
    pub async fn sequence(self, log: &dyn Log, id: LogId, last: u64) -> Result<u64, CliError> {
        match self {
            Self::Position(position) if position.log == id => Ok(position.sequence),
            Self::Position(_) => Err(CliError::Refused("this position belongs to another log".to_owned())),
            Self::Sequence(sequence) => Ok(sequence.get()),
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
    fn a_stretch_does_not_end_before_it_begins() {
        let (early, late) = ("2026-11-24T08:00:00Z", "2026-11-24T09:00:00Z");
        let log = "0190a1b2c3d47e5f8a6b7c8d9e0f1a2b";
        let (first, second) = (format!("{log}-0-1"), format!("{log}-0-2"));
        let judged = |from: &str, to: &str| in_order(from.parse().ok(), to.parse().ok());
        for (from, to) in [
            (early, late),
            (&first, &second),
            (&first, &first),
            (&second, early),
            (early, ""),
            ("1", &second),
            ("2", &second),
            ("3", early),
        ] {
            judged(from, to).unwrap_or_else(|error| panic!("{from} {to}: {error}"));
        }
        for (from, to) in [(late, early), (early, early), (&second, &first), ("2", &first), ("2", "1")] {
            let told = judged(from, to).unwrap_err();
            assert!(matches!(&told, CliError::Usage(said) if said.contains("--to")), "{told}");
        }
    }

    #[test]
    fn what_is_no_beginning_is_told_with_what_is_wrong() {
        assert!(matches!("2026-11-24T08:00:00.5Z".parse(), Ok(From::Time(_))));
        assert!(matches!("15".parse(), Ok(From::Sequence(sequence)) if sequence.get() == 15));
        for (text, word) in [
            ("yesterday", "a position"),
            ("0", "its sequence"),
            ("2026-11-24T08:00:00.1234Z", "millisecond"),
            ("2026-11-24 08:00:00Z", "no T between"),
        ] {
            let told = text.parse::<From>().unwrap_err();
            assert!(told.contains(word), "{told}");
        }
    }
}
