use proptest::prelude::*;

use super::*;

/// From the year 0001 to 9999, which RFC 3339 can write.
fn timestamp() -> impl Strategy<Value = Timestamp> {
    (-62_135_596_800_000..253_402_300_800_000_i64)
        .prop_map(|millis| Timestamp::from_unix_millis(millis).unwrap())
}

proptest! {
    #[test]
    fn a_moment_is_read_back_from_its_text(moment in timestamp()) {
        prop_assert_eq!(moment.to_string().parse::<Timestamp>().unwrap(), moment);
        prop_assert_eq!(Timestamp::from_unix_millis(moment.unix_millis()).unwrap(), moment);
    }

    #[test]
    fn texts_of_moments_to_the_second_sort_as_they_do(a in timestamp(), b in timestamp()) {
        let second = |t: Timestamp| Timestamp::from_unix_millis(t.unix_seconds() * 1_000).unwrap();
        let (a, b) = (second(a), second(b));
        prop_assert_eq!(a.to_string().cmp(&b.to_string()), a.cmp(&b));
    }

    #[test]
    fn adding_what_passed_since_arrives(a in timestamp(), b in timestamp()) {
        let (early, late) = (a.min(b), a.max(b));
        prop_assert_eq!(early.saturating_add(late.since(early)), late);
        prop_assert_eq!(early.since(late), Duration::ZERO);
    }

    #[test]
    fn adding_never_goes_back(moment in timestamp(), seconds in any::<u64>()) {
        prop_assert!(moment.saturating_add(Duration::from_secs(seconds)) >= moment);
    }
}

#[test]
fn what_is_finer_than_a_millisecond_is_cut_off_and_offsets_are_turned_to_utc() {
    let moment: Timestamp = "2026-11-24T09:00:00.123999+01:00".parse().unwrap();
    assert_eq!(moment.to_string(), "2026-11-24T08:00:00.123Z");
    assert_eq!(moment.unix_millis(), 1_795_507_200_123);
}

#[test]
fn what_is_no_moment_is_refused() {
    for text in ["", "2026-11-24", "2026-11-24T08:00:00", "2026-13-24T08:00:00Z", "1795507200"] {
        assert!(text.parse::<Timestamp>().is_err(), "{text}");
    }
    assert_eq!(Timestamp::from_unix_millis(i64::MAX), None);
}
