use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Metadata, serde_json::Error> {
    serde_json::from_str(text)
}

#[test]
fn it_is_an_object_of_bounded_size_and_one_spelling() {
    let one = read(r#"{"b": {"y": 1, "x": 2}, "a": []}"#).unwrap();
    assert_eq!(one.to_text(), r#"{"a":[],"b":{"x":2,"y":1}}"#);
    assert!(read("[]").is_err() && read("1").is_err() && read("null").is_err());
    assert!(read(&format!(r#"{{"a": "{}"}}"#, "x".repeat(Metadata::MAX_BYTES))).is_err());
}

#[test]
fn it_is_nested_at_most_64_deep() {
    let nested = |depth: usize| format!("{}{}", r#"{"a":"#.repeat(depth - 1) + "{}", "}".repeat(depth - 1));
    assert!(read(&nested(64)).is_ok());
    for depth in [65, 124, 200, 5_000] {
        let told = read(&nested(depth)).unwrap_err().to_string();
        assert!(told.starts_with("metadata is nested at most 64 deep"), "{depth}: {told}");
    }
    let arrays = format!(r#"{{"a":{}{}}}"#, "[".repeat(64), "]".repeat(64));
    assert!(read(&arrays).is_err());
}

#[test]
fn no_member_has_a_name_that_reading_gives_another_meaning() {
    for bad in [
        r#"{"$serde_json::private::RawValue": "1"}"#,
        r#"{"b": [{"\u0024serde_json::private::RawValue": {}}]}"#,
        r#"{"a": {"$serde_json::private::Number": "1"}}"#,
    ] {
        let told = read(bad).unwrap_err().to_string();
        assert!(told.starts_with("no member of metadata is named"), "{bad}: {told}");
    }
    assert!(read(r#"{"$serde_json": "$serde_json::private::RawValue"}"#).is_ok());
}

#[test]
fn numbers_that_would_come_back_as_others_are_refused() {
    for good in [
        "0",
        "-1",
        "18446744073709551615",
        "-9223372036854775808",
        "1.0",
        "0.1",
        "1e5",
        "1E+2",
        "2.50",
        "1e300",
        "5e-324",
        "0.0",
        "0e5",
        "1.7976931348623157e308",
    ] {
        assert!(read(&format!(r#"{{"n": {good}}}"#)).is_ok(), "{good}");
    }
    for bad in [
        "18446744073709551616",
        "-9223372036854775809",
        "-0",
        "-0.0",
        "1e400",
        "1e-400",
        "0.1234567890123456789",
        "9007199254740993.0",
        "1e99999999999999999999",
    ] {
        assert!(read(&format!(r#"{{"n": [{bad}]}}"#)).is_err(), "{bad}");
    }
}

#[test]
fn texts_that_would_come_back_as_others_are_refused() {
    assert!(read(r#"{"a": "é\u00e9\ud83d\ude00\ufffe"}"#).is_ok());
    for bad in [
        r#"{"a": "\u0000"}"#,
        r#"{"\u0000": 1}"#,
        r#"{"a": "\ud800"}"#,
        r#"{"\udc00": 1}"#,
        r#"{"a": 1, "\u0061": 2}"#,
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn a_double_comes_back_as_it_was(bits in any::<u64>()) {
        let double = f64::from_bits(bits);
        prop_assume!(double.is_finite() && double != 0.0);
        for text in [format!("{double:?}"), format!("{double:e}"), serde_json::to_string(&double).unwrap()] {
            prop_assume!(text.contains(['.', 'e']));
            let kept = read(&format!(r#"{{"n":{text}}}"#)).unwrap();
            let back: Value = serde_json::from_str(&kept.to_text()).unwrap();
            prop_assert_eq!(back["n"].as_f64().unwrap().to_bits(), bits, "{}", text);
        }
    }

    #[test]
    fn no_text_breaks_the_reader(text in r#"[\[\]{}":,0-9.eE+\\u-]{0,40}"#) {
        let _ = read(&text);
    }
}
