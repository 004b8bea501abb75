//! When a delivery is tried again.

use std::time::Duration;

use events::clock::Random;

/// An endpoint that asks for a longer pause than the schedule's gets at most this one.
const LONGEST_ASKED: Duration = Duration::from_secs(24 * 60 * 60);
/// A tenth more or less, so that what failed together does not come together again.
const JITTER: u64 = 10;

/// The pause after so many attempts before this one; `None`: it was the last.
pub fn pause(
    schedule: &[u32],
    before: u32,
    asked: Option<Duration>,
    random: &dyn Random,
) -> Option<Duration> {
    let seconds = schedule.get(usize::try_from(before).ok()?)?;
    let millis = u64::from(*seconds) * 1_000;
    let mut drawn = [0; 8];
    random.fill(&mut drawn);
    let spread = millis / JITTER * 2;
    let jittered = millis - millis / JITTER + u64::from_le_bytes(drawn).checked_rem(spread + 1).unwrap_or(0);
    let pause = Duration::from_millis(jittered);
    Some(pause.max(asked.unwrap_or_default().min(LONGEST_ASKED)))
}

#[cfg(test)]
mod tests {
    use events::clock::SystemRandom;
    use proptest::prelude::*;

    use super::*;
    use crate::config::Webhooks;

    #[test]
    fn attempts_are_spread_over_three_days_and_then_end() {
        let schedule = Webhooks::default().retry_seconds;
        let mut all = Duration::ZERO;
        for before in 0..9 {
            all += pause(&schedule, before, None, &SystemRandom).unwrap();
        }
        let days = all.as_secs_f64() / 86_400.0;
        assert!((2.8..3.5).contains(&days), "{days} days");
        assert_eq!(pause(&schedule, 9, None, &SystemRandom), None);
        assert_eq!(pause(&schedule, 9, Some(Duration::from_secs(1)), &SystemRandom), None);
    }

    #[test]
    fn an_endpoint_asks_for_more_and_not_for_less() {
        let asked = |asked| pause(&[60], 0, Some(Duration::from_secs(asked)), &SystemRandom).unwrap();
        assert!(asked(1) >= Duration::from_secs(54));
        assert_eq!(asked(600), Duration::from_secs(600));
        assert_eq!(asked(u64::MAX), LONGEST_ASKED);
    }

    proptest! {
        #[test]
        fn a_pause_is_within_a_tenth_of_its_schedule(seconds in 0u32..100_000, before in 0u32..3) {
            let pause = pause(&[seconds; 3], before, None, &SystemRandom).unwrap().as_millis();
            let millis = u128::from(seconds) * 1_000;
            prop_assert!(pause >= millis * 9 / 10 && pause <= millis * 11 / 10 + 1);
        }
    }
}
