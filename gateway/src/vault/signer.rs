//! The private keys that sign events and heads of the log (Ed25519, RFC 8032). They lie in the control vault, each under
//! its purpose and id; the log publishes their public halves, and says which of them sign now (decision 0017). So a
//! key is in the vault before its publication is in the log, and every control finds it there.

use std::fmt::Write;

use events::clock::{Clock, Random};
use events::{PublicKey, SignerId, SignerKey, SignerPurpose, SigningKey};

use super::node::Secret;
use super::{Purpose, Vault, VaultError};

/// `writer.<id>` or `checkpoint.<id>`.
fn entry(purpose: SignerPurpose, id: SignerId) -> String {
    let mut entry = purpose.as_str().to_owned();
    // Writing into a String can't fail.
    let _ = write!(entry, ".{id}");
    entry
}

impl From<SignerPurpose> for Purpose {
    fn from(purpose: SignerPurpose) -> Self {
        match purpose {
            SignerPurpose::Writer => Self::Writer,
            SignerPurpose::Checkpoint => Self::Checkpoint,
        }
    }
}

/// A new key, which nobody believes before the log has published it.
pub async fn draw(
    control: &Vault,
    purpose: SignerPurpose,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<SigningKey, VaultError> {
    let drawn = Secret::draw(clock, random);
    let Secret { id, .. } = Secret::parse(control, purpose.as_str(), &drawn)?;
    let entry = entry(purpose, SignerId::new(id));
    let value = control.get_or_create(&entry, purpose.into(), &drawn, random).await?;
    of(control, &entry, &value)
}

/// The key of this id; `None`: the vault has none.
pub async fn load(
    control: &Vault,
    purpose: SignerPurpose,
    id: SignerId,
) -> Result<Option<SigningKey>, VaultError> {
    let entry = entry(purpose, id);
    match control.get(&entry, purpose.into()).await? {
        Some(value) => of(control, &entry, &value).map(Some),
        None => Ok(None),
    }
}

/// In the node vault: the public half of the key that the log begins with. A log that signs itself proves nothing to a
/// node that does not know this from elsewhere.
const FIRST: &str = "writer.first";

/// Puts the first key where nodes look for it. As control, once the log has published it.
pub async fn ensure_first(node: &Vault, first: SignerKey, random: &dyn Random) -> Result<(), VaultError> {
    let mut value = first.id.uuid().as_bytes().to_vec();
    value.extend_from_slice(&first.public.0);
    let chosen = node.get_or_create(FIRST, Purpose::FirstWriter, &value, random).await?;
    if *chosen == value { Ok(()) } else { Err(VaultError::Disagree { entry: FIRST.to_owned() }) }
}

/// The key that the log begins with; `None`: control has not put it there yet.
pub async fn first(node: &Vault) -> Result<Option<SignerKey>, VaultError> {
    let Some(value) = node.get(FIRST, Purpose::FirstWriter).await? else { return Ok(None) };
    let Secret { id, bytes } = Secret::parse(node, FIRST, &value)?;
    Ok(Some(SignerKey { id: SignerId::new(id), public: PublicKey(*bytes) }))
}

/// Deletes a private key for ever: it signs nothing any more.
pub async fn purge(control: &Vault, purpose: SignerPurpose, id: SignerId) -> Result<(), VaultError> {
    control.purge(&entry(purpose, id)).await
}

fn of(control: &Vault, entry: &str, value: &[u8]) -> Result<SigningKey, VaultError> {
    let Secret { id, bytes } = Secret::parse(control, entry, value)?;
    let key = SigningKey::from_seed(SignerId::new(id), &bytes);
    key.ok_or_else(|| control.broken(entry, "it is no Ed25519 key"))
}

#[cfg(test)]
mod tests {
    use events::clock::{SystemClock, SystemRandom};

    use super::super::VaultName;
    use super::super::tests::vault;
    use super::*;

    #[tokio::test]
    async fn a_key_that_was_drawn_is_found_by_its_purpose_and_id() {
        let (entries, control) = vault(VaultName::Control, 1);
        let purpose = SignerPurpose::Writer;
        let drawn = draw(&control, purpose, &SystemClock, &SystemRandom).await.unwrap();
        let found = load(&control, purpose, drawn.id()).await.unwrap().unwrap();
        assert_eq!(found.public(), drawn.public());
        assert!(drawn.public().public.verifies(b"a message", &found.sign(b"a message")));
        assert!(load(&control, SignerPurpose::Checkpoint, drawn.id()).await.unwrap().is_none());
        let other = draw(&control, purpose, &SystemClock, &SystemRandom).await.unwrap();
        assert_ne!(other.public(), drawn.public());
        purge(&control, purpose, drawn.id()).await.unwrap();
        assert!(load(&control, purpose, drawn.id()).await.unwrap().is_none());
        assert_eq!(entries.0.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_node_knows_the_first_key_and_no_other_takes_its_place() {
        let (_, node) = vault(VaultName::Node, 1);
        assert_eq!(first(&node).await.unwrap(), None);
        let key =
            |number| SignerKey { id: SignerId::new(uuid::Uuid::nil()), public: PublicKey([number; 32]) };
        for _ in 0..2 {
            ensure_first(&node, key(1), &SystemRandom).await.unwrap();
        }
        assert_eq!(first(&node).await.unwrap(), Some(key(1)));
        let other = ensure_first(&node, key(2), &SystemRandom).await;
        assert!(matches!(other, Err(VaultError::Disagree { .. })), "{other:?}");
    }

    #[tokio::test]
    async fn a_key_does_not_open_under_another_purpose() {
        let (entries, control) = vault(VaultName::Control, 1);
        let drawn = draw(&control, SignerPurpose::Checkpoint, &SystemClock, &SystemRandom).await.unwrap();
        {
            let mut entries = entries.0.lock().unwrap();
            let value = entries[&entry(SignerPurpose::Checkpoint, drawn.id())].clone();
            entries.insert(entry(SignerPurpose::Writer, drawn.id()), value);
        }
        let moved = load(&control, SignerPurpose::Writer, drawn.id()).await;
        assert!(matches!(moved, Err(VaultError::Sealed { .. })), "{moved:?}");
    }
}
