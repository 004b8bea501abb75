use events::clock::{Clock, SystemClock, SystemRandom};

use super::super::VaultName;
use super::super::tests::{reopened, vault};
use super::*;

async fn create(control: &Vault, node: &Vault) -> Result<NodeSecrets, VaultError> {
    NodeSecrets::create(control, node, &SystemClock, &SystemRandom).await
}

fn same(one: &NodeSecrets, other: &NodeSecrets) -> bool {
    one.peppers.issuing().id() == other.peppers.issuing().id()
        && one.identity.first().pkcs8() == other.identity.first().pkcs8()
        && one.session.first().bytes() == other.session.first().bytes()
}

#[tokio::test]
async fn secrets_are_drawn_once() {
    let ((_, control), (_, node)) = (vault(VaultName::Control, 1), vault(VaultName::Node, 2));
    let drawn = create(&control, &node).await.unwrap();
    assert!(same(&drawn, &create(&control, &node).await.unwrap()));
    assert!(same(&drawn, &NodeSecrets::load(&node, SystemClock.now()).await.unwrap()));
    let in_control = Peppers::load(&control, SystemClock.now()).await.unwrap();
    assert_eq!(in_control.issuing().id(), drawn.peppers.issuing().id());
}

#[tokio::test]
async fn a_pepper_of_one_vault_alone_is_told() {
    let (entries, node) = vault(VaultName::Node, 2);
    let (_, control) = vault(VaultName::Control, 1);
    create(&control, &node).await.unwrap();
    let (_, other) = vault(VaultName::Control, 1);
    let error = create(&other, &reopened(VaultName::Node, &entries, 2)).await.unwrap_err();
    assert!(matches!(error, VaultError::Disagree { .. }), "{error}");
}

#[tokio::test]
async fn an_empty_vault_says_what_is_missing_and_what_to_do() {
    let (_, node) = vault(VaultName::Node, 1);
    let error = NodeSecrets::load(&node, SystemClock.now()).await.unwrap_err().to_string();
    assert!(error.contains("pepper.1") && error.contains("keyledger bootstrap"), "{error}");
}

#[tokio::test]
async fn up_to_three_peppers_are_tried_the_newest_that_was_announced_first() {
    let (_, node) = vault(VaultName::Node, 1);
    let secret = |number: u8| {
        let id = uuid::Builder::from_unix_timestamp_millis(u64::from(number), &[7; 10]).into_uuid();
        [&id.as_bytes()[..], &[number; 32]].concat()
    };
    for (entry, number) in [("pepper.1", 2), ("pepper.2", 3), ("pepper.3", 1)] {
        node.get_or_create(entry, Purpose::Pepper, &secret(number), &SystemRandom).await.unwrap();
    }
    let peppers = Peppers::load(&node, SystemClock.now()).await.unwrap();
    let order: Vec<_> = peppers.0.get().iter().map(|pepper| pepper.id().uuid().as_bytes()[5]).collect();
    assert_eq!(order, [3, 2, 1]);
    assert_eq!(peppers.issuing().id().uuid().as_bytes()[5], 3);
}

/// RFC 8032 §7.1, test 1.
#[test]
fn the_identity_key_is_that_of_its_seed() {
    let hex = |text: &str| -> [u8; 32] {
        std::array::from_fn(|place| u8::from_str_radix(&text[place * 2..place * 2 + 2], 16).unwrap())
    };
    let seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    let public = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    let key = IdentityKey::from_seed(Uuid::nil(), &seed).unwrap();
    assert_eq!(key.public_key(), &public);
    assert!(Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.pkcs8()).is_ok());
    assert_eq!(format!("{key:?}"), format!("IdentityKey({})", Uuid::nil()));
}
