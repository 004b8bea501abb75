use proptest::prelude::*;
use uuid::Uuid;

use super::*;

struct Fixed([u8; 32]);

impl Random for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0[..bytes.len()]);
    }
}

fn counting(from: u8) -> [u8; 32] {
    std::array::from_fn(|place| from + u8::try_from(place).unwrap())
}

fn pepper() -> Pepper {
    Pepper::new(PepperId::new(Uuid::from_u128(7)), &counting(32))
}

fn key(prefix: &str, secret: [u8; 32]) -> PlainKey {
    PlainKey::draw(&prefix.parse().unwrap(), &Fixed(secret))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Computed apart from this code: keys are out in the world and digests in the log for ever.
#[test]
fn keys_and_digests_are_the_committed_ones() {
    for (secret, text, digest) in [
        (
            [0; 32],
            "kl_live_00000000000000000000000000000000000000000002WhFO2",
            "a4111a348a2ea93092299acf61be37019ec385f56a4b81b490d1f613d11d10af",
        ),
        (
            counting(0),
            "kl_live_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf33eMGk",
            "2017c3f85b87dc7707633d5a6ffb4146e1da0bdb3e608a8081af211b5e0a2a0f",
        ),
        (
            [255; 32],
            "kl_live_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp10c5x5i",
            "02e5df1af2c4893e1cd887227b193c77aec1d8b6e55278ef171a62005a72f27d",
        ),
    ] {
        let key = key("kl_live", secret);
        assert_eq!(key.expose(), text);
        let made = pepper().digest(&ParsedKey::parse(text).unwrap());
        assert_eq!(hex(&made.bytes.0), digest);
        assert_eq!((made.kind, made.pepper), (DigestKind::Native, pepper().id()));
    }
    assert_eq!(key("acme", counting(0)).expose(), "acme_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf346kWq");
}

#[test]
fn the_largest_secret_is_the_largest_key() {
    let text = key("kl_live", [255; 32]);
    assert!(text.expose().as_bytes()[8..].starts_with(LARGEST_SECRET));
    // One more than 32 bytes hold, with a true checksum.
    let mut beyond = "kl_live_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp2".to_owned();
    let checksum = checksum_digits(crc32fast::hash(beyond.as_bytes()));
    beyond.push_str(std::str::from_utf8(&checksum).unwrap());
    assert_eq!(ParsedKey::parse(&beyond).unwrap_err(), KeyFormatError::Digits);
}

#[test]
fn what_is_no_key_is_refused_with_its_reason() {
    let good = key("kl_live", counting(0));
    let digits = &good.expose()["kl_live_".len()..];
    for (text, reason) in [
        (String::new(), KeyFormatError::Length),
        ("x".repeat(ParsedKey::MAX_BYTES + 1), KeyFormatError::Length),
        ("x".repeat(ParsedKey::MIN_BYTES), KeyFormatError::Prefix),
        (format!("kl_live_{}", &digits[1..]), KeyFormatError::Length),
        (format!("KL_live_{digits}"), KeyFormatError::Prefix),
        (format!("kl__live_{digits}"), KeyFormatError::Prefix),
        (format!("_{digits}aa"), KeyFormatError::Length),
        (format!("_live_{digits}"), KeyFormatError::Prefix),
        (format!("1_{digits}"), KeyFormatError::Prefix),
        (format!("kl_live_{}", digits.replace('0', "-")), KeyFormatError::Digits),
        (format!("kl_live_ü{}", &digits[2..]), KeyFormatError::Digits),
        (format!("kl_test_{digits}"), KeyFormatError::Checksum),
        (format!("{} ", good.expose()), KeyFormatError::Length),
    ] {
        assert_eq!(ParsedKey::parse(&text).unwrap_err(), reason, "{text}");
    }
}

#[test]
fn debug_shows_nothing_of_a_secret() {
    let key = key("kl_live", counting(0));
    assert_eq!(format!("{key:?} {:?}", key.parsed()), "PlainKey(hidden) ParsedKey(hidden)");
    assert_eq!(format!("{:?}", pepper()), format!("Pepper({})", pepper().id()));
}

#[test]
fn prefixes_have_a_grammar() {
    for good in ["a", "kl_live", "acme_prod_2", &"x".repeat(32)] {
        assert!(good.parse::<Prefix>().is_ok(), "{good}");
    }
    for bad in ["", "_a", "a_", "a__b", "1a", "Kl", "a-b", "ä", &"x".repeat(33)] {
        assert!(bad.parse::<Prefix>().is_err(), "{bad}");
    }
}

#[test]
fn another_pepper_or_key_makes_another_digest() {
    let one = key("kl_live", counting(0));
    let other = Pepper::new(pepper().id(), &counting(33));
    assert_ne!(pepper().digest(&one.parsed()), other.digest(&one.parsed()));
    let same_secret = key("acme", counting(0));
    assert_ne!(pepper().digest(&one.parsed()), pepper().digest(&same_secret.parsed()));
}

proptest! {
    #[test]
    fn a_drawn_key_parses_as_itself(secret: [u8; 32], prefix in "[a-z][a-z0-9]{0,10}(_[a-z0-9]{1,9}){0,2}") {
        let key = key(&prefix, secret);
        let parsed = ParsedKey::parse(key.expose()).unwrap();
        prop_assert_eq!(parsed.prefix(), &prefix);
        prop_assert_eq!(key.parsed().prefix(), &prefix);
        prop_assert!(key.expose().ends_with(parsed.last_four()) && parsed.last_four().len() == 4);
        prop_assert_eq!(pepper().digest(&parsed), pepper().digest(&key.parsed()));
    }

    /// CRC-32 finds every burst of up to 32 bits, so every single wrong character.
    #[test]
    fn every_single_wrong_character_is_refused(secret: [u8; 32]) {
        let key = key("kl_live", secret);
        for place in 0..key.expose().len() {
            for wrong in 0x20..0x7f_u8 {
                let mut text = key.expose().as_bytes().to_vec();
                if text[place] == wrong {
                    continue;
                }
                text[place] = wrong;
                let text = String::from_utf8(text).unwrap();
                prop_assert!(ParsedKey::parse(&text).is_err(), "{}", text);
            }
        }
    }

    #[test]
    fn two_characters_changed_about_are_refused(secret: [u8; 32], place in 8_usize..56) {
        let key = key("kl_live", secret);
        let mut text = key.expose().as_bytes().to_vec();
        text.swap(place, place + 1);
        if text != key.expose().as_bytes() {
            prop_assert!(ParsedKey::parse(std::str::from_utf8(&text).unwrap()).is_err());
        }
    }

    #[test]
    fn no_text_makes_the_parser_fail(text in "\\PC{0,100}") {
        let _ = ParsedKey::parse(&text);
    }
}
