//! A length of time as people say it: `500ms`, `15m`, `30d`.

use std::str::FromStr;
use std::time::Duration;

use events::Timestamp;
use events::clock::{Clock, SystemClock};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length(Duration);

impl FromStr for Length {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "a number of s, m, h or d, such as 15m or 7d, at most 36500d";
        let unit = text.chars().last().ok_or(FORM)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(FORM),
        };
        let count: u32 = text.strip_suffix(unit).and_then(|count| count.parse().ok()).ok_or(FORM)?;
        let length = u64::from(count) * seconds;
        if length > MOST_SECONDS { Err(FORM) } else { Ok(Self(Duration::from_secs(length))) }
    }
}

/// A hundred years: what is longer was mistyped, and no moment that the log can write may lie so far away.
const MOST_SECONDS: u64 = 36_500 * 86_400;

impl Length {
    /// So long ago, by this machine's clock.
    pub fn ago(self) -> Timestamp {
        let ago = i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX);
        let began = SystemClock.now().unix_millis().saturating_sub(ago);
        Timestamp::from_unix_millis(began).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// So long from now on, as the API takes a moment.
    pub fn after_now(self) -> String {
        SystemClock.now().saturating_add(self.0).to_string()
    }
}

/// A time that somebody waits: a number and `ms`, `s` or `m`; an hour at most.
pub fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..) {
        Some("ms") => 1,
        Some("s") => 1_000,
        Some("m") => 60_000,
        Some(_) | None => 0,
    };
    match digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)) {
        Some(millis @ 1..=3_600_000) => Ok(Duration::from_millis(millis)),
        Some(_) | None => Err("a time of 1ms to 60m is asked for, such as 90s, 500ms or 2m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_a_number_and_a_unit() {
        for (text, seconds) in
            [("30s", 30), ("15m", 900), ("2h", 7_200), ("30d", 2_592_000), ("36500d", MOST_SECONDS)]
        {
            assert_eq!(text.parse(), Ok(Length(Duration::from_secs(seconds))), "{text}");
        }
        for wrong in ["", "30", "d", "-1d", "1 d", "1w", "1.5h", "99999999999d", "36501d", "é"] {
            assert!(wrong.parse::<Length>().is_err(), "{wrong}");
        }
        let (before, after) =
            ("1h".parse::<Length>().unwrap().ago(), "1h".parse::<Length>().unwrap().after_now());
        let after: Timestamp = after.parse().unwrap();
        let hours = (after.unix_millis() - before.unix_millis()) / 3_600_000;
        assert_eq!(hours, 2);
    }

    #[test]
    fn a_time_has_a_unit_and_a_bound() {
        assert_eq!(time("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(time("2m"), Ok(Duration::from_secs(120)));
        for wrong in [
            "",
            "90",
            "s",
            "0s",
            "61m",
            "1h",
            "-1s",
            "1.5s",
            "99999999999999999999s",
            "18446744073709551615m",
        ] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
