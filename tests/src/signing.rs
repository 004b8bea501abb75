//! Signatures of events: by a key of the tests, or as an installation's own control signs.

use std::sync::Arc;

use domain::Writer;
use events::log::jetstream::JetStreamLog;
use events::signers::PublishedSigner;
use events::{Draft, Signed, SignerId, SignerKey, SignerPurpose, SignerSet, Signers, SigningKey, signature};
use gateway::config::{Config, NatsRole};
use gateway::serve::connections;
use gateway::vault::{Vault, VaultName, VaultWriter};
use serde_json::Value;
use uuid::Uuid;

/// The one key of the tests.
pub fn key() -> SigningKey {
    numbered(1)
}

/// Another key of this number.
pub fn numbered(number: u8) -> SigningKey {
    let id = Uuid::from_u128(0x0190_a1b2_c3d4_7e5f_8a6b_0000_0000_0000 + u128::from(number));
    SigningKey::from_seed(SignerId::new(id), &[number; 32]).expect("a key")
}

/// What a log of the tests publishes beside [`key`].
pub fn checkpoint() -> SignerKey {
    numbered(2).public()
}

/// Those of a log whose first event publishes [`key`].
pub fn signers() -> Arc<Signers> {
    let (purpose, key) = (SignerPurpose::Writer, key().public());
    let known = PublishedSigner { purpose, key, published: 1, retired: None };
    Arc::new(Signers::of(SignerSet::restored(vec![known], None)))
}

/// Signed by the tests' key.
pub fn signed(draft: Draft) -> Signed {
    draft.signed(&key()).expect("JSON")
}

/// The payload of an event with this JSON, signed by the tests' key whatever it says.
pub fn signed_as(subject: &str, mut event: Value) -> Vec<u8> {
    event.as_object_mut().expect("an object").remove("signature");
    signature::sign(subject, event.to_string().into_bytes(), &key())
}

/// Signs as the control of an installation does.
pub fn writer_of(log: JetStreamLog, control: Vault) -> Arc<dyn Writer> {
    Arc::new(VaultWriter::new(control, Arc::new(log), Arc::<Signers>::default()))
}

/// The same, of a configured installation.
pub async fn writer(config: &Config, log: JetStreamLog) -> Arc<dyn Writer> {
    let client = connections::client(config, NatsRole::Control).await.expect("a connection");
    let control = connections::vault(config, VaultName::Control, &client).await.expect("a vault");
    writer_of(log, control)
}
