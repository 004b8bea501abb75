//! What a checkpoint says of signatures: which of the messages that it covers carry none that is good. Who believes
//! the checkpoint need not judge the others anew.
//!
//! It is an extension line of the note (C2SP tlog-checkpoint): `keyledger-unsigned`, a space, and `none`, or the
//! sequences in ascending order with a space between them, or `many`. The log itself tells whether it is true.

use std::fmt;

/// What the line begins with.
const NAME: &str = "keyledger-unsigned ";

/// Messages that no writer of the log is seen to have signed: those without a good signature, and those that are no
/// event that could be read whole.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Unsigned {
    /// There is no such line: a checkpoint of before.
    #[default]
    Untold,
    /// These sequences, ascending, at most [`Unsigned::MAX`], and no other.
    These(Vec<u64>),
    /// More than can be told.
    Many,
}

/// The line is not of its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnsignedError;

impl Unsigned {
    /// So many are told one by one.
    pub const MAX: usize = 64;

    /// None so far.
    pub fn none() -> Self {
        Self::These(Vec::new())
    }

    /// The next one in the log's order.
    pub fn add(&mut self, sequence: u64) {
        match self {
            Self::These(told) if told.len() < Self::MAX => told.push(sequence),
            Self::These(_) => *self = Self::Many,
            Self::Untold | Self::Many => {}
        }
    }

    /// Whether it says of this message, which the checkpoint covers, that its signature is good.
    pub fn vouches_for(&self, sequence: u64) -> bool {
        match self {
            Self::These(told) => told.binary_search(&sequence).is_err(),
            Self::Untold | Self::Many => false,
        }
    }

    /// What a line says; `None`: it is another extension's.
    pub(super) fn of_line(line: &str, size: u64) -> Option<Result<Self, UnsignedError>> {
        let said = line.strip_prefix(NAME)?;
        Some(Self::of_words(said).and_then(|told| match &told {
            Self::These(these) if these.last().is_some_and(|last| *last > size) => Err(UnsignedError),
            Self::These(_) | Self::Many | Self::Untold => Ok(told),
        }))
    }

    fn of_words(said: &str) -> Result<Self, UnsignedError> {
        match said {
            "none" => return Ok(Self::none()),
            "many" => return Ok(Self::Many),
            _ => {}
        }
        let mut told: Vec<u64> = Vec::new();
        for digits in said.split(' ') {
            let sequence: u64 = digits.parse().map_err(|_| UnsignedError)?;
            let ascends = sequence > told.last().copied().unwrap_or(0);
            if !ascends || sequence.to_string() != digits || told.len() == Self::MAX {
                return Err(UnsignedError);
            }
            told.push(sequence);
        }
        Ok(Self::These(told))
    }
}

impl fmt::Display for Unsigned {
    /// The line with its line feed; nothing where nothing is told.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untold => Ok(()),
            Self::Many => writeln!(f, "{NAME}many"),
            Self::These(told) if told.is_empty() => writeln!(f, "{NAME}none"),
            Self::These(told) => {
                let told: Vec<String> = told.iter().map(u64::to_string).collect();
                writeln!(f, "{NAME}{}", told.join(" "))
            }
        }
    }
}
