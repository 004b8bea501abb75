use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn an_id_is_read_back_from_its_text(bits in any::<u128>()) {
        let id = KeyId::new(Uuid::from_u128(bits));
        prop_assert_eq!(id.to_string().parse::<KeyId>().unwrap(), id);
        let json = serde_json::to_string(&id).unwrap();
        prop_assert_eq!(serde_json::from_str::<KeyId>(&json).unwrap(), id);
    }
}

#[test]
fn one_id_has_one_spelling() {
    for text in [
        "",
        "0190A1B2-C3D4-7E5F-8A6B-7C8D9E0F1A2B",
        "0190a1b2c3d47e5f8a6b7c8d9e0f1a2b",
        "{0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b}",
        "urn:uuid:0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b",
        "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2",
    ] {
        assert!(text.parse::<KeyId>().is_err(), "{text}");
        assert!(serde_json::from_value::<KeyId>(text.into()).is_err(), "{text} in JSON");
    }
}

#[test]
fn an_error_names_the_kind_and_not_more_than_a_line() {
    let error = "x".repeat(1_000).parse::<ServerId>().unwrap_err();
    assert_eq!(error.kind, "ServerId");
    assert!(error.to_string().len() < 160);
}
