use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn subject() -> impl Strategy<Value = Subject> {
    let owner = proptest::option::of(any::<u128>()).prop_map(|id| {
        id.map_or(Owner::Installation, |id| Owner::Organization(OrganizationId::new(Uuid::from_u128(id))))
    });
    (owner, "[a-z0-9_-]{1,20}", "[a-z0-9_-]{1,80}").prop_map(|(owner, kind, id)| Subject {
        shard: Shard::ZERO,
        owner,
        aggregate_type: kind.parse().unwrap(),
        aggregate_id: id.parse().unwrap(),
    })
}

proptest! {
    #[test]
    fn a_subject_is_read_back_from_its_text(subject in subject()) {
        let text = subject.to_string();
        prop_assert_eq!(text.parse::<Subject>().unwrap(), subject);
        // One shard's stream holds it, and no wildcard is in it.
        prop_assert!(text.starts_with("kl.events.0.") && text.split('.').count() == 6);
        prop_assert!(!text.contains(['*', '>', ' ']));
    }

    #[test]
    fn what_is_read_has_one_spelling(text in r"kl\.events\.(0|1|00)\.(_|[0-9a-fA-F-]{36})\.[a-zA-Z*>.]{0,6}\.[a-z0-9.>*]{0,8}") {
        if let Ok(subject) = text.parse::<Subject>() {
            prop_assert_eq!(subject.to_string(), text);
        }
    }
}

#[test]
fn the_kinds_of_subject_are_told_apart() {
    let id = Uuid::from_u128(1);
    let organization = OrganizationId::new(id);
    let owner = Owner::Organization(organization);
    let slug: Slug = "acme".parse().unwrap();
    let uuid = "00000000-0000-0000-0000-000000000001";
    for (subject, text) in [
        (Subject::installation(InstallationId::new(id)), format!("kl.events.0._.installation.{uuid}")),
        (Subject::organization(organization), format!("kl.events.0._.organization.{uuid}")),
        (Subject::server(organization, ServerId::new(id)), format!("kl.events.0.{uuid}.server.{uuid}")),
        (Subject::key(owner, KeyId::new(id)), format!("kl.events.0.{uuid}.key.{uuid}")),
        (Subject::key(Owner::Installation, KeyId::new(id)), format!("kl.events.0._.key.{uuid}")),
        (
            Subject::slug(Owner::Installation, SlugKind::Organization, &slug),
            "kl.events.0._.slug.organization-acme".to_owned(),
        ),
        (Subject::slug(owner, SlugKind::Server, &slug), format!("kl.events.0.{uuid}.slug.server-acme")),
    ] {
        assert_eq!(subject.to_string(), text);
        assert_eq!(text.parse::<Subject>().unwrap(), subject);
    }
}

#[test]
fn what_is_no_subject_is_refused() {
    for text in [
        "",
        "kl.events.0._.key",
        "kl.events.0._.key.a.b",
        "kl.events.1._.key.a",
        "kl.events.0.acme.key.a",
        "kl.events.0._.key.*",
        "kl.events.0._.key.>",
        "kl.events.0._.Key.a",
        "kl.events.0._..a",
        "kl.event.0._.key.a",
        " kl.events.0._.key.a",
    ] {
        assert!(text.parse::<Subject>().is_err(), "{text}");
    }
}
