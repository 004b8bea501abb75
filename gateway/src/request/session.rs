//! `Mcp-Session-Id` as the client sees it: the upstream's own id, sealed together with the server, its address and
//! the principal that it belongs to (AES-256-GCM). Every node opens it, no node keeps it, and nobody else can use it.
//!
//! Another holder's session is refused with 403: nothing that a client can mend by starting anew. 404 is what the
//! protocol gives to sessions that are no more, so that a client starts a new one (2025-11-25, "Session Management"):
//! for an id that no node of this installation sealed, for one of before the holder's key was replaced, and for one
//! that another upstream gave before the server was moved.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::clock::Random;
use http::{HeaderMap, HeaderValue};
use projections::directory::ServerEntry;

use super::belonging::{BELONGING, Belonging, Difference};
use super::principal::Principal;
use crate::crypto::aead::{AeadKey, NONCE_LEN, SealError, Sealed};
use crate::current::Current;
use crate::mcp::header::SESSION_ID;

/// Seals and opens session ids.
pub struct Sessions {
    /// The first seals, all open: an id lives on when another key is in use.
    keys: Current<Vec<AeadKey>>,
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
    /// The upstream has said so, and nothing else.
    #[error("the MCP server knows this session no more: initialize a new one")]
    Over,
    #[error("the session belongs to another caller or another server")]
    Foreign,
}

/// An upstream's id is at most this long, in bytes, and visible ASCII (2025-11-25, "Session Management").
const MAX_UPSTREAM_ID: usize = 1_024;
const ASSOCIATED: &[u8] = b"keyledger session id v2";

/// Whether an upstream's id is one that can be sealed.
pub fn is_session_id(id: &HeaderValue) -> bool {
    let id = id.as_bytes();
    (1..=MAX_UPSTREAM_ID).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

impl SessionError {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Two => "two_sessions",
            Self::Unknown => "session_unknown",
            Self::Over => "session_over",
            Self::Foreign => "session_foreign",
        }
    }
}

/// The session key is no AES-256 key.
#[derive(Debug, thiserror::Error)]
#[error("a session key is no AES-256 key")]
pub struct SessionKeyError;

impl Sessions {
    /// `keys`: the one in use first.
    pub fn new<'a>(
        keys: impl IntoIterator<Item = &'a [u8; 32]>,
        random: Arc<dyn Random>,
    ) -> Result<Self, SessionKeyError> {
        Ok(Self { keys: Current::new(made_of(keys)?), random })
    }

    /// Others from now on.
    pub fn take<'a>(&self, keys: impl IntoIterator<Item = &'a [u8; 32]>) -> Result<(), SessionKeyError> {
        self.keys.set(made_of(keys)?);
        Ok(())
    }

    /// The session that a request names, if this principal may use it.
    pub fn open(
        &self,
        headers: &HeaderMap,
        server: &ServerEntry,
        principal: &Principal,
    ) -> Result<Option<OpenedSession>, SessionError> {
        let mut values = headers.get_all(&SESSION_ID).iter();
        let Some(sealed) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(SessionError::Two);
        }
        let (belonging, upstream) = self.unseal(sealed.as_bytes()).ok_or(SessionError::Unknown)?;
        belonging.check(server, principal)?;
        Ok(Some(OpenedSession { sealed: sealed.clone(), upstream }))
    }

    /// What the client gets for an upstream's id. `None`: it is no session id.
    pub fn seal(
        &self,
        upstream: &HeaderValue,
        server: &ServerEntry,
        principal: &Principal,
    ) -> Option<HeaderValue> {
        if !is_session_id(upstream) {
            return None;
        }
        let value = [Belonging::of(server, principal).bytes().as_slice(), upstream.as_bytes()].concat();
        let sealed = self.keys.with(|keys| keys.first()?.seal(ASSOCIATED, &value, &*self.random).ok());
        let Sealed { nonce, ciphertext } = sealed?;
        let bytes = [nonce.as_slice(), &ciphertext].concat();
        HeaderValue::from_str(&URL_SAFE_NO_PAD.encode(bytes)).ok()
    }

    fn unseal(&self, sealed: &[u8]) -> Option<(Belonging, HeaderValue)> {
        if sealed.len() > 2 * (MAX_UPSTREAM_ID + 64) {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let open = |key: &AeadKey| key.open(ASSOCIATED, nonce, sealed.to_vec()).ok();
        let plain = self.keys.with(|keys| keys.iter().find_map(open))?;
        let (belonging, id) = plain.split_at_checked(BELONGING)?;
        Some((Belonging::read(belonging)?, HeaderValue::from_bytes(id).ok()?))
    }
}

fn made_of<'a>(keys: impl IntoIterator<Item = &'a [u8; 32]>) -> Result<Vec<AeadKey>, SessionKeyError> {
    keys.into_iter().map(|key| AeadKey::new(key).map_err(|SealError| SessionKeyError)).collect()
}

/// What a request of another belonging is told.
impl Belonging {
    fn check(&self, server: &ServerEntry, principal: &Principal) -> Result<(), SessionError> {
        match self.differs_from(server, principal) {
            None => Ok(()),
            Some(Difference::Holder | Difference::Server) => Err(SessionError::Foreign),
            Some(Difference::Credential | Difference::Address) => Err(SessionError::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use events::UserId;
    use events::clock::SystemRandom;
    use events::key::KeyOwner;
    use uuid::Uuid;

    use super::*;
    use crate::request::testing::{key, server};

    const URL: &str = "https://docs.example.com/mcp";

    fn sessions() -> Sessions {
        Sessions::new([&[7; 32]], Arc::new(SystemRandom)).unwrap()
    }

    fn headers(value: HeaderValue) -> HeaderMap {
        HeaderMap::from_iter([(SESSION_ID, value)])
    }

    fn user(id: u128) -> KeyOwner {
        KeyOwner::User { id: UserId::new(Uuid::from_u128(id)) }
    }

    fn sealed(principal: &Principal) -> HeaderValue {
        sessions().seal(&HeaderValue::from_static("abc-123"), &server(1, URL), principal).unwrap()
    }

    #[test]
    fn any_node_opens_what_another_sealed() {
        let own = key(2, user(1), "mcp:*");
        let sealed = sealed(&own);
        // What of the key changes, but not that it is this key.
        let wider = key(2, user(1), "mcp:docs");
        let opened = sessions().open(&headers(sealed.clone()), &server(1, URL), &wider).unwrap().unwrap();
        assert_eq!(opened.upstream, "abc-123");
        assert_eq!(opened.sealed, sealed);
        assert!(!sealed.to_str().unwrap().contains("abc"));
    }

    #[test]
    fn it_lives_on_when_another_key_is_in_use_and_ends_when_its_own_is_retired() {
        let own = key(2, user(1), "mcp:*");
        let sealed = headers(sealed(&own));
        let sessions = sessions();
        sessions.take([&[9; 32], &[7; 32]]).unwrap();
        assert!(sessions.open(&sealed, &server(1, URL), &own).unwrap().is_some());
        let new = sessions.seal(&HeaderValue::from_static("abc-123"), &server(1, URL), &own).unwrap();
        sessions.take([&[9; 32]]).unwrap();
        assert!(sessions.open(&headers(new), &server(1, URL), &own).unwrap().is_some());
        assert_eq!(sessions.open(&sealed, &server(1, URL), &own).unwrap_err(), SessionError::Unknown);
    }

    #[test]
    fn no_other_holder_and_no_other_server_can_use_it() {
        let sealed = sealed(&key(2, user(1), "mcp:*"));
        let open = |server: ServerEntry, principal: Principal| {
            sessions().open(&headers(sealed.clone()), &server, &principal).unwrap_err()
        };
        for other in [user(2), KeyOwner::Organization] {
            assert_eq!(open(server(1, URL), key(3, other, "mcp:*")), SessionError::Foreign);
        }
        assert_eq!(open(server(5, URL), key(2, user(1), "mcp:*")), SessionError::Foreign);
    }

    #[test]
    fn it_is_no_more_for_the_holders_next_key_and_where_the_server_went() {
        let sealed = sealed(&key(2, user(1), "mcp:*"));
        let open = |server: ServerEntry, principal: Principal| {
            sessions().open(&headers(sealed.clone()), &server, &principal).unwrap_err()
        };
        assert_eq!(open(server(1, URL), key(3, user(1), "mcp:*")), SessionError::Unknown);
        let moved = server(1, "https://elsewhere.example.com/mcp");
        assert_eq!(open(moved, key(2, user(1), "mcp:*")), SessionError::Unknown);
    }

    #[test]
    fn what_was_not_sealed_here_is_unknown() {
        let own = key(2, user(1), "mcp:*");
        let altered = sealed(&own);
        let mut text = altered.to_str().unwrap().to_owned();
        let flipped = if &text[20..21] == "A" { "B" } else { "A" };
        text.replace_range(20..21, flipped);
        let altered = HeaderValue::from_str(&text).unwrap();
        let another = Sessions::new([&[8; 32]], Arc::new(SystemRandom)).unwrap();
        let foreign = another.seal(&HeaderValue::from_static("abc"), &server(1, URL), &own).unwrap();
        for value in [altered, foreign, HeaderValue::from_static("abc"), HeaderValue::from_static("")] {
            let error = sessions().open(&headers(value), &server(1, URL), &own).unwrap_err();
            assert_eq!(error, SessionError::Unknown);
        }
    }

    #[test]
    fn an_upstream_gives_visible_ascii_of_bounded_length() {
        let long = HeaderValue::from_str(&"a".repeat(MAX_UPSTREAM_ID + 1)).unwrap();
        for id in [HeaderValue::from_static("a b"), HeaderValue::from_static(""), long] {
            assert!(sessions().seal(&id, &server(1, URL), &key(2, user(1), "mcp:*")).is_none());
        }
    }
}
