use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn a_slug_can_stand_in_a_url_a_subject_and_a_host_name(text in "[a-zA-Z0-9-]{0,66}") {
        let Ok(slug) = text.parse::<Slug>() else { return Ok(()) };
        prop_assert_eq!(slug.as_str(), text.as_str());
        prop_assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
        prop_assert!((1..=63).contains(&text.len()));
        let id = AggregateId::of_reservation(SlugKind::Server, &slug);
        prop_assert_eq!(id.as_str().parse::<AggregateId>().unwrap(), id);
    }

    /// Two names never share a reservation.
    #[test]
    fn reservations_differ_where_names_do(a in "[a-z]{1,3}(-[a-z]{1,3})?", b in "[a-z]{1,3}(-[a-z]{1,3})?") {
        let of = |kind, text: &str| AggregateId::of_reservation(kind, &text.parse().unwrap());
        prop_assert_eq!(of(SlugKind::Server, &a) == of(SlugKind::Server, &b), a == b);
        prop_assert_ne!(of(SlugKind::Server, &a), of(SlugKind::Organization, &b));
    }
}

#[test]
fn what_is_no_slug_is_refused() {
    for text in ["", "-a", "a-", "a--b", "A", "a_b", "a.b", "a/b", "é", "a b", &"a".repeat(64)] {
        assert!(text.parse::<Slug>().is_err(), "{text}");
    }
}
