//! `Mcp-Session-Id` as the client sees it: the upstream's own id, sealed together with the server and the key
//! that it belongs to (AES-256-GCM). Every node opens it, no node keeps it, and nobody else can use it.
//!
//! Another key's session is refused with 403: nothing that a client can mend by starting anew. An id that no
//! node of this installation sealed is 404, which the protocol gives to sessions that are no more, so that a
//! client starts a new one (2025-11-25, "Session Management").

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::clock::Random;
use events::{KeyId, ServerId};
use http::{HeaderMap, HeaderValue};

use crate::mcp::header::SESSION_ID;

/// Seals and opens session ids.
pub struct Sessions {
    key: LessSafeKey,
    random: Arc<dyn Random>,
}

/// A session id that the caller may use, with what it stands for.
#[derive(Debug, Clone)]
pub struct OpenedSession {
    /// As the client sent it.
    pub sealed: HeaderValue,
    /// As the upstream gave it.
    pub upstream: HeaderValue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    #[error("Mcp-Session-Id stands twice")]
    Two,
    #[error("no such session: initialize a new one")]
    Unknown,
    #[error("the session belongs to another key or another server")]
    Foreign,
}

/// An upstream's id is at most this long, in bytes, and visible ASCII (2025-11-25, "Session Management").
const MAX_UPSTREAM_ID: usize = 1_024;
const ASSOCIATED: &[u8] = b"keyledger session id v1";
/// Before the upstream's id: the server's and the key's.
const IDS: usize = 32;

impl SessionError {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Two => "two_sessions",
            Self::Unknown => "session_unknown",
            Self::Foreign => "session_foreign",
        }
    }
}

/// The session key is no AES-256 key.
#[derive(Debug, thiserror::Error)]
#[error("the session key is not 32 bytes")]
pub struct SessionKeyError;

impl Sessions {
    pub fn new(key: &[u8], random: Arc<dyn Random>) -> Result<Self, SessionKeyError> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| SessionKeyError)?;
        Ok(Self { key: LessSafeKey::new(key), random })
    }

    /// The session that a request names, if this caller may use it.
    pub fn open(
        &self,
        headers: &HeaderMap,
        server: ServerId,
        caller: KeyId,
    ) -> Result<Option<OpenedSession>, SessionError> {
        let mut values = headers.get_all(&SESSION_ID).iter();
        let Some(sealed) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(SessionError::Two);
        }
        let (owner, upstream) = self.unseal(sealed.as_bytes()).ok_or(SessionError::Unknown)?;
        if owner != ids(server, caller) {
            return Err(SessionError::Foreign);
        }
        Ok(Some(OpenedSession { sealed: sealed.clone(), upstream }))
    }

    /// What the client gets for an upstream's id. `None`: it is no session id.
    pub fn seal(&self, upstream: &HeaderValue, server: ServerId, caller: KeyId) -> Option<HeaderValue> {
        let id = upstream.as_bytes();
        if id.is_empty() || id.len() > MAX_UPSTREAM_ID || !id.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce);
        let mut sealed = Vec::with_capacity(IDS + id.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(&ids(server, caller));
        sealed.extend_from_slice(id);
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(ASSOCIATED), &mut sealed)
            .ok()?;
        let mut bytes = nonce.to_vec();
        bytes.append(&mut sealed);
        HeaderValue::from_str(&URL_SAFE_NO_PAD.encode(bytes)).ok()
    }

    fn unseal(&self, sealed: &[u8]) -> Option<([u8; IDS], HeaderValue)> {
        if sealed.len() > 2 * (MAX_UPSTREAM_ID + 64) {
            return None;
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let plain = self.key.open_in_place(nonce, Aad::from(ASSOCIATED), sealed).ok()?;
        let (owner, id) = plain.split_at_checked(IDS)?;
        Some((owner.try_into().ok()?, HeaderValue::from_bytes(id).ok()?))
    }
}

fn ids(server: ServerId, caller: KeyId) -> [u8; IDS] {
    let mut ids = [0; IDS];
    let (first, second) = ids.split_at_mut(16);
    first.copy_from_slice(server.uuid().as_bytes());
    second.copy_from_slice(caller.uuid().as_bytes());
    ids
}

#[cfg(test)]
mod tests {
    use events::clock::SystemRandom;
    use uuid::Uuid;

    use super::*;

    const SERVER: ServerId = ServerId::new(Uuid::from_u128(1));
    const CALLER: KeyId = KeyId::new(Uuid::from_u128(2));

    fn sessions() -> Sessions {
        Sessions::new(&[7; 32], Arc::new(SystemRandom)).unwrap()
    }

    fn headers(value: HeaderValue) -> HeaderMap {
        HeaderMap::from_iter([(SESSION_ID, value)])
    }

    #[test]
    fn any_node_opens_what_another_sealed() {
        let sealed = sessions().seal(&HeaderValue::from_static("abc-123"), SERVER, CALLER).unwrap();
        let opened = sessions().open(&headers(sealed.clone()), SERVER, CALLER).unwrap().unwrap();
        assert_eq!(opened.upstream, "abc-123");
        assert_eq!(opened.sealed, sealed);
        assert!(!sealed.to_str().unwrap().contains("abc"));
    }

    #[test]
    fn no_other_caller_and_no_other_server_can_use_it() {
        let sealed = sessions().seal(&HeaderValue::from_static("abc"), SERVER, CALLER).unwrap();
        let other = KeyId::new(Uuid::from_u128(3));
        assert_eq!(
            sessions().open(&headers(sealed.clone()), SERVER, other).unwrap_err(),
            SessionError::Foreign
        );
        let other = ServerId::new(Uuid::from_u128(3));
        assert_eq!(sessions().open(&headers(sealed), other, CALLER).unwrap_err(), SessionError::Foreign);
    }

    #[test]
    fn what_was_not_sealed_here_is_unknown() {
        let mut altered = sessions().seal(&HeaderValue::from_static("abc"), SERVER, CALLER).unwrap();
        let mut text = altered.to_str().unwrap().to_owned();
        let flipped = if text.ends_with('A') { "B" } else { "A" };
        text.replace_range(20..21, if &text[20..21] == "A" { "B" } else { flipped });
        altered = HeaderValue::from_str(&text).unwrap();
        let another = Sessions::new(&[8; 32], Arc::new(SystemRandom)).unwrap();
        let foreign = another.seal(&HeaderValue::from_static("abc"), SERVER, CALLER).unwrap();
        for value in [altered, foreign, HeaderValue::from_static("abc"), HeaderValue::from_static("")] {
            let error = sessions().open(&headers(value), SERVER, CALLER).unwrap_err();
            assert_eq!(error, SessionError::Unknown);
        }
    }

    #[test]
    fn an_upstream_gives_visible_ascii_of_bounded_length() {
        let long = HeaderValue::from_str(&"a".repeat(MAX_UPSTREAM_ID + 1)).unwrap();
        for id in [HeaderValue::from_static("a b"), HeaderValue::from_static(""), long] {
            assert!(sessions().seal(&id, SERVER, CALLER).is_none());
        }
    }
}
