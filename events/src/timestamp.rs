//! A moment on the wall clock.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::token::text_serde;

/// A moment in UTC with millisecond precision, of the years 1 to 9999, which RFC 3339 and PostgreSQL both can write;
/// RFC 3339 text in JSON, always with three digits of a second (`2026-11-24T08:00:00.120Z`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(
    /// Milliseconds since 1970-01-01T00:00:00Z: each call compares some.
    i64,
);

/// The text is not an RFC 3339 date and time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an RFC 3339 date and time of the years 1 to 9999 in UTC, such as 2026-11-24T08:00:00Z")]
pub struct TimestampError(pub String);

/// Why a text that somebody gives is taken for no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GivenError {
    #[error(transparent)]
    NoMoment(#[from] TimestampError),
    #[error("`{0}` is finer than a millisecond: give at most three digits of a second")]
    TooFine(String),
    #[error(
        "`{0}` is a leap second, which computers' clocks do not have: give the second before or after it"
    )]
    LeapSecond(String),
    #[error("`{0}` has no T between date and time, such as 2026-11-24T08:00:00Z")]
    NoSeparator(String),
}

const FIRST: i64 = time::macros::datetime!(0001-01-01 00:00 UTC).unix_timestamp() * 1_000;
const LAST: i64 = time::macros::datetime!(9999-12-31 23:59:59 UTC).unix_timestamp() * 1_000 + 999;

impl Timestamp {
    pub const UNIX_EPOCH: Self = Self(0);

    /// Cuts off what is finer than a millisecond.
    fn within(moment: OffsetDateTime) -> Option<Self> {
        let millis = moment.unix_timestamp_nanos().div_euclid(1_000_000);
        Self::from_unix_millis(i64::try_from(millis).ok()?)
    }

    /// As somebody gives it: nothing is cut off or moved in silence.
    pub fn given(text: &str) -> Result<Self, GivenError> {
        let told = || text.chars().take(64).collect();
        let bytes = text.as_bytes();
        if bytes.get(10) == Some(&b' ') {
            return Err(GivenError::NoSeparator(told()));
        }
        if bytes.get(16..19) == Some(b":60") {
            return Err(GivenError::LeapSecond(told()));
        }
        let moment = text.parse()?;
        let fraction = bytes.get(19..).and_then(|rest| rest.strip_prefix(b".")).unwrap_or_default();
        if fraction.iter().take_while(|byte| byte.is_ascii_digit()).count() > 3 {
            return Err(GivenError::TooFine(told()));
        }
        Ok(moment)
    }

    /// From whole milliseconds since 1970-01-01T00:00:00Z; `None` where that is of no year that can be written.
    pub fn from_unix_millis(millis: i64) -> Option<Self> {
        (FIRST..=LAST).contains(&millis).then_some(Self(millis))
    }

    pub fn unix_millis(self) -> i64 {
        self.0
    }

    /// Whole ones.
    pub fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    pub fn date_time(self) -> OffsetDateTime {
        let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000);
        // Every moment within the years of a timestamp is one.
        moment.unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// `self + duration`, or the last moment that can be written when that is beyond it.
    pub fn saturating_add(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis).min(LAST))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }
}

/// The moment, or the nearest one that can be written.
impl From<SystemTime> for Timestamp {
    fn from(moment: SystemTime) -> Self {
        let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let since = match moment.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => millis(after),
            Err(before) => -millis(before.duration()),
        };
        Self(since.clamp(FIRST, LAST))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = self.date_time();
        let (date, time) = (moment.date(), moment.time());
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            date.year(),
            u8::from(date.month()),
            date.day(),
            time.hour(),
            time.minute(),
            time.second(),
            time.millisecond()
        )
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As the log and its servers write it, to the nanosecond; what somebody gives is read by [`Timestamp::given`].
impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        OffsetDateTime::parse(text, &Rfc3339)
            .ok()
            .and_then(Self::within)
            .ok_or_else(|| TimestampError(text.chars().take(64).collect()))
    }
}

text_serde!(Timestamp, "Timestamp", "RFC 3339 date and time in UTC, to the millisecond", {
    "format": "date-time",
    "pattern": r"^(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]\.[0-9]{3}Z$",
});
