use events::clock::{SystemClock, SystemRandom};
use events::sealed::Field;
use events::{EventId, OrganizationId};
use uuid::Uuid;

use super::super::VaultName;
use super::super::tests::{Memory, reopened, vault};
use super::*;

fn organization(number: u128) -> Owner {
    Owner::Organization(OrganizationId::new(Uuid::from_u128(number)))
}

fn keys() -> (Arc<Memory>, SealingKeys) {
    let (entries, vault) = vault(VaultName::People, 1);
    (entries, SealingKeys::new(vault, Arc::new(SystemClock), Arc::new(SystemRandom)))
}

/// Another process's view of the same vault.
fn another(entries: &Arc<Memory>) -> SealingKeys {
    let vault = reopened(VaultName::People, entries, 1);
    SealingKeys::new(vault, Arc::new(SystemClock), Arc::new(SystemRandom))
}

fn field(owner: Owner) -> SealedField {
    SealedField {
        keyholder: owner.into(),
        aggregate: "key-1".parse().unwrap(),
        event: EventId::new(Uuid::from_u128(7)),
        field: Field::Name,
    }
}

#[tokio::test]
async fn a_text_comes_back_at_its_own_field_alone() {
    let (_, keys) = keys();
    let owner = organization(1);
    let key = keys.get_or_create(owner).await.unwrap();
    let sealed = key.seal(&field(owner), "Ada's laptop", &SystemRandom).unwrap();
    assert_eq!(keys.open(&field(owner), &sealed).await.unwrap().unwrap().as_str(), "Ada's laptop");
    let others = [
        SealedField { field: Field::Reason, ..field(owner) },
        SealedField { event: EventId::new(Uuid::from_u128(8)), ..field(owner) },
        SealedField { aggregate: "key-2".parse().unwrap(), ..field(owner) },
    ];
    for other in others {
        assert!(matches!(keys.open(&other, &sealed).await, Err(VaultError::Text { .. })));
    }
}

#[tokio::test]
async fn equal_texts_are_not_seen_to_be_equal() {
    let (_, keys) = keys();
    let key = keys.get_or_create(organization(1)).await.unwrap();
    let seal = || key.seal(&field(organization(1)), "same", &SystemRandom).unwrap();
    assert_ne!(seal(), seal());
}

#[tokio::test]
async fn each_owner_has_one_key_of_its_own() {
    let (entries, keys) = keys();
    let one = keys.get_or_create(organization(1)).await.unwrap();
    assert_eq!(another(&entries).get_or_create(organization(1)).await.unwrap().id(), one.id());
    assert_ne!(keys.get_or_create(organization(2)).await.unwrap().id(), one.id());
    assert_ne!(keys.get_or_create(Owner::Installation).await.unwrap().id(), one.id());
    assert!(keys.get(organization(3)).await.unwrap().is_none());
}

#[tokio::test]
async fn forgetting_takes_the_texts_along() {
    let (entries, keys) = keys();
    let owner = organization(1);
    let sealed = keys.get_or_create(owner).await.unwrap().seal(&field(owner), "Ada", &SystemRandom).unwrap();
    keys.forget(owner).await.unwrap();
    assert!(keys.open(&field(owner), &sealed).await.unwrap().is_none());
    assert!(entries.0.lock().unwrap().is_empty());
    // A new key does not bring them back.
    keys.get_or_create(owner).await.unwrap();
    assert!(keys.open(&field(owner), &sealed).await.unwrap().is_none());
}

#[tokio::test]
async fn a_fingerprint_tells_commands_apart_and_is_its_owners_own() {
    let (_, keys) = keys();
    let one = keys.get_or_create(organization(1)).await.unwrap();
    let other = keys.get_or_create(organization(2)).await.unwrap();
    assert_eq!(one.fingerprint(b"a"), one.fingerprint(b"a"));
    assert_ne!(one.fingerprint(b"a"), one.fingerprint(b"b"));
    assert_ne!(one.fingerprint(b"a"), other.fingerprint(b"a"));
}

/// Computed apart from this code (HKDF-SHA-256, then HMAC-SHA-256): fingerprints are compared for ever.
#[test]
fn fingerprints_are_the_committed_ones() {
    let key = SealingKey::new(SealingKeyId::new(Uuid::nil()), &[1; 32]).unwrap();
    assert_eq!(key.fingerprint(b"command").to_string(), "IYSIFpEETNkZvajhTOjPCk0WKWeYlf77NxZQw1zFuO0");
}

#[tokio::test]
async fn a_text_that_is_too_long_is_refused() {
    let (_, keys) = keys();
    let key = keys.get_or_create(Owner::Installation).await.unwrap();
    let long = "x".repeat(SealingKey::MAX_TEXT_BYTES + 1);
    let refused = key.seal(&field(Owner::Installation), &long, &SystemRandom);
    assert!(matches!(refused, Err(VaultError::TextTooLong)));
}
