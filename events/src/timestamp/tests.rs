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
    fn texts_of_moments_sort_as_they_do(a in timestamp(), b in timestamp()) {
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
fn what_is_given_is_taken_as_it_was_given_or_refused_with_the_reason() {
    for text in ["2026-11-24T08:00:00Z", "2026-11-24t08:00:00.1z", "2026-11-24T09:00:00.123+01:00"] {
        assert_eq!(Timestamp::given(text), Ok(text.parse().unwrap()), "{text}");
    }
    type Why = fn(String) -> GivenError;
    let cases: [(&str, Why); 6] = [
        ("2026-11-24T08:00:00.1234Z", GivenError::TooFine),
        ("2026-11-24T08:00:00.123000+01:00", GivenError::TooFine),
        ("2016-12-31T23:59:60Z", GivenError::LeapSecond),
        ("2026-11-24T08:00:60.5Z", GivenError::LeapSecond),
        ("2026-11-24 08:00:00Z", GivenError::NoSeparator),
        ("2026-11-24", |text| TimestampError(text).into()),
    ];
    for (text, why) in cases {
        assert_eq!(Timestamp::given(text), Err(why(text.to_owned())), "{text}");
    }
    let long = "é".repeat(9_000);
    assert!(Timestamp::given(&long).unwrap_err().to_string().len() < 300);
}

#[test]
fn what_is_no_moment_is_refused() {
    for text in ["", "2026-11-24", "2026-11-24T08:00:00", "2026-13-24T08:00:00Z", "1795507200"] {
        assert!(text.parse::<Timestamp>().is_err(), "{text}");
    }
    assert_eq!(Timestamp::from_unix_millis(i64::MAX), None);
}

#[test]
fn moments_of_years_that_can_not_be_written_in_utc_are_refused() {
    for text in [
        "0000-01-01T00:00:00Z",
        "0000-12-31T23:59:59.999Z",
        "0001-01-01T00:00:00+01:00",
        "0000-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-05:00",
        "9999-12-31T23:59:60-00:01",
    ] {
        assert!(text.parse::<Timestamp>().is_err(), "{text}");
    }
    for text in ["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"] {
        let moment: Timestamp = text.parse().unwrap();
        assert_eq!(moment.to_string(), text);
        assert_eq!(Timestamp::from_unix_millis(moment.unix_millis()), Some(moment));
    }
    // With an offset, within them.
    assert_eq!("0000-12-31T23:00:00-01:00".parse(), Ok(Timestamp(FIRST)));
}

#[test]
fn a_clock_beyond_all_years_gives_the_nearest_moment() {
    let years = |count: u64| Duration::from_secs(count * 365 * 86_400);
    let year_0 = SystemTime::UNIX_EPOCH - years(2_000);
    let beyond = SystemTime::UNIX_EPOCH + years(9_000);
    assert_eq!(Timestamp::from(year_0).to_string(), "0001-01-01T00:00:00.000Z");
    assert_eq!(Timestamp::from(beyond).to_string(), "9999-12-31T23:59:59.999Z");
}

/// What is read from an event is what stands there: another spelling is another text.
#[test]
fn an_events_moment_has_one_spelling() {
    let read = |text: &str| {
        let text = serde_json::json!(text);
        crate::token::spelt::<Timestamp, _>(text).map(|moment| moment.to_string())
    };
    assert_eq!(read("2026-11-24T08:00:00.120Z").unwrap(), "2026-11-24T08:00:00.120Z");
    for text in [
        "2026-11-24T08:00:00Z",
        "2026-11-24T08:00:00.12Z",
        "2026-11-24T08:00:00.1200Z",
        "2026-11-24T08:00:00.120z",
        "2026-11-24t08:00:00.120Z",
        "2026-11-24T09:00:00.120+01:00",
        "2016-12-31T23:59:60.000Z",
        "0000-01-01T00:00:00.000Z",
    ] {
        read(text).unwrap_err();
    }
}
