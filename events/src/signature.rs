//! An event's signature: what is signed, and where it stands.
//!
//! The payload ends with the members `writer` and `signature`. Signed is the subject, a line feed, and the payload from
//! its first byte up to the comma before `"signature"`. The signature is the last member, so its place is found from
//! the end: 102 bytes, `,"signature":"`, 86 digits of base64url, `"}`.

use crate::id::SignerId;
use crate::signer::{PublicKey, Signature, SigningKey};

/// Why a signature proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    #[error("its last member is no signature")]
    NotLast,
    #[error("the key {0} signs no events of this log")]
    UnknownKey(SignerId),
    #[error("the key {key} signs events from message {from} on")]
    NotYet { key: SignerId, from: u64 },
    #[error("the key {key} was retired by message {by}")]
    Retired { key: SignerId, by: u64 },
    #[error("it publishes the key {0}, which is not the one that this installation began with")]
    OtherBeginning(SignerId),
    #[error("the signature is not that of the key {0} over this event")]
    Wrong(SignerId),
}

const BEFORE: &[u8] = b",\"signature\":\"";
/// In base64url without padding.
const DIGITS: usize = 86;
const AFTER: &[u8] = b"\"}";

/// The payload of an event: its members, a JSON object that ends with `writer`, and their signature after them.
pub fn sign(subject: &str, mut members: Vec<u8>, key: &SigningKey) -> Vec<u8> {
    let closing = members.pop();
    debug_assert_eq!(closing, Some(b'}'));
    let signature = key.sign(&message(subject, &members)).to_string();
    members.reserve_exact(BEFORE.len() + DIGITS + AFTER.len());
    members.extend_from_slice(BEFORE);
    members.extend_from_slice(signature.as_bytes());
    members.extend_from_slice(AFTER);
    members
}

/// Whether this key signed the message.
pub(crate) fn verify(
    subject: &str,
    payload: &[u8],
    id: SignerId,
    key: &PublicKey,
) -> Result<(), BadSignature> {
    let (signed, signature) = split(payload).ok_or(BadSignature::NotLast)?;
    if key.verifies(&message(subject, signed), &signature) { Ok(()) } else { Err(BadSignature::Wrong(id)) }
}

/// What is signed of the payload, and the signature.
fn split(payload: &[u8]) -> Option<(&[u8], Signature)> {
    let (payload, digits) = payload.strip_suffix(AFTER)?.split_last_chunk::<DIGITS>()?;
    let signature = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((payload.strip_suffix(BEFORE)?, signature))
}

fn message(subject: &str, signed: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(subject.len() + 1 + signed.len());
    message.extend_from_slice(subject.as_bytes());
    message.push(b'\n');
    message.extend_from_slice(signed);
    message
}

#[cfg(test)]
mod tests;
