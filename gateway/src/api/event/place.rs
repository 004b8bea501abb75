//! A place in the feed. Where a log was put back from an older copy, its sequences tell of other events than before: from
//! then on a place says which losses lie before it (`<position>.<sequence of the newest>`), so that one of before is told from one of
//! after.

use std::fmt;
use std::str::FromStr;

use events::Position;
use events::position::PositionError;
use projections::postgres::history::Loss;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::problem::Problem;

/// Opaque to readers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeedPlace {
    pub position: Position,
    /// The newest loss in the log up to there; `None`: there is none, or it is not known.
    pub loss: Option<u64>,
}

impl FeedPlace {
    pub fn of(position: Position, losses: &[Loss]) -> Self {
        Self { position, loss: Loss::newest(losses, position.sequence) }
    }

    /// Refused where events that its reader has seen are lost.
    pub fn holds(&self, losses: &[Loss]) -> Result<(), Problem> {
        let Some(loss) = Loss::before(losses, self.position.sequence, self.loss) else { return Ok(()) };
        let kept =
            Self { position: Position { sequence: loss.kept, ..self.position }, loss: Some(loss.sequence) };
        let Loss { sequence, kept: last, .. } = loss;
        let said = format!(
            "The log was put back from an older copy, which an operator has accepted (`installation.loss_accepted`, sequence \
             {sequence}): what you know after sequence {last} is lost. Take it back, and go on with `after={kept}`."
        );
        Err(Problem::invalid("?after", said))
    }
}

impl fmt::Display for FeedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.position.fmt(f)?;
        self.loss.map_or(Ok(()), |loss| write!(f, ".{loss}"))
    }
}

impl FromStr for FeedPlace {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let (position, loss) = text.split_once('.').map_or((text, None), |(at, loss)| (at, Some(loss)));
        let wrong = |_| PositionError(text.chars().take(80).collect());
        let place =
            Self { position: position.parse()?, loss: loss.map(u64::from_str).transpose().map_err(wrong)? };
        Ok(place)
    }
}

impl Serialize for FeedPlace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FeedPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_its_position_until_something_is_lost() {
        let at = |sequence: u64| format!("0190a1b2c3d47e5f8a6b000000000001-0-{sequence}");
        let losses = [Loss { sequence: 25, kept: 24, lost: 42 }];
        let place = |text: String| text.parse::<FeedPlace>().unwrap();
        for text in [at(7), at(40) + ".25"] {
            assert_eq!(place(text.clone()).to_string(), text);
            assert_eq!(FeedPlace::of(place(text.clone()).position, &losses), place(text));
        }
        for wrong in [at(7) + ".", at(7) + ".x", at(7) + ".1.2", ".1".to_owned()] {
            wrong.parse::<FeedPlace>().unwrap_err();
        }
        place(at(24)).holds(&losses).unwrap();
        place(at(40) + ".25").holds(&losses).unwrap();
        let told = place(at(40)).holds(&losses).unwrap_err().detail;
        assert!(told.contains(&format!("`after={}.25`", at(24))), "{told}");
    }
}
