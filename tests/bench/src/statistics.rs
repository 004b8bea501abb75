//! Medians, spreads and percentiles.

use std::fmt;

/// What several rounds came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub low: f64,
    pub high: f64,
    /// How many they were. One has no spread, and shows none.
    pub rounds: usize,
}

impl Spread {
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (Some(low), Some(high)) = (sorted.first(), sorted.last()) else {
            return Self { median: f64::NAN, low: f64::NAN, high: f64::NAN, rounds: 0 };
        };
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
            _ => sorted[middle],
        };
        Self { median, low: *low, high: *high, rounds: sorted.len() }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&short(self.median))?;
        if self.rounds > 1 { write!(f, " ({} to {})", short(self.low), short(self.high)) } else { Ok(()) }
    }
}

/// To three decimals: what comes after says nothing.
pub fn thousandths(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// Three digits that say something; of a number and of its `thousandths` the same.
pub fn short(value: f64) -> String {
    // 3.445 is a little less in binary, and is 3.45 all the same.
    let value = thousandths(value) * (1.0 + 1e-12);
    match value.abs() {
        size if size >= 1_000.0 => thousands(value.round()),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 && digit.is_ascii_digit() && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The value that this share of all does not exceed (nearest rank); the values are sorted.
pub fn percentile<T: Copy>(sorted: &[T], share: f64) -> Option<T> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1).min(sorted.len().saturating_sub(1))).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_or_between_the_middle_two() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Spread { median: 2.0, low: 1.0, high: 3.0, rounds: 3 });
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 3.0]).median, 2.5);
        assert!(Spread::of(&[]).median.is_nan());
    }

    #[test]
    fn what_was_taken_once_shows_no_spread() {
        assert_eq!(Spread::of(&[2.5]).to_string(), "2.50");
        assert_eq!(Spread::of(&[2.0, 3.0]).to_string(), "2.50 (2.00 to 3.00)");
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<u32> = (1..=100).collect();
        let at = |share| percentile(&values, share);
        assert_eq!(
            [at(0.0), at(0.5), at(0.99), at(0.999), at(1.0)].map(Option::unwrap),
            [1, 50, 99, 100, 100]
        );
        assert_eq!(percentile(&[7], 0.5), Some(7));
        assert_eq!(percentile::<u32>(&[], 0.5), None);
    }

    #[test]
    fn numbers_are_short() {
        let shown = [1_234_567.0, 12_345.6, 999.4, 12.34, 0.5, 0.0123].map(short);
        assert_eq!(shown, ["1,234,567", "12,346", "999", "12.3", "0.50", "0.012"]);
        for value in [3.445, 3.444_7, 1.345_2, 0.986_5] {
            assert_eq!(short(value), short(thousandths(value)));
        }
        assert_eq!(short(3.445), "3.45");
    }
}
