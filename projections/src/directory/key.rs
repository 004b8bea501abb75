//! What a node holds of an API key: enough to refuse or let in, and nothing that people wrote.

use std::fmt;
use std::sync::Arc;

use events::digest::DigestBytes;
use events::key::{Environment, Issued, KeyEvent, KeyOwner};
use events::{KeyId, Owner, ScopeSet, SecretId, Timestamp};

use super::newest::{Cause, Newest};

/// One key as of one event. A change makes a new entry; one that was handed out never changes.
///
/// Its fields lie in memory as they stand here, so that what each call asks comes first and together: of many keys none
/// of this is in the processor's cache.
#[derive(Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct KeyEntry {
    /// Under which the key was looked up.
    pub digest: DigestBytes,
    /// The organization that the key belongs to, or the installation.
    pub owner: Owner,
    pub state: KeyState,
    pub not_before: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    /// None for a revoked key.
    pub scopes: Arc<ScopeSet>,
    /// The sequence of the event that made this entry.
    pub generation: u64,
    pub id: KeyId,
    /// The newest event, which may have changed nothing here.
    pub newest: Newest,
    /// Such as `kl_live`.
    pub prefix: Arc<str>,
    pub secret_id: SecretId,
    /// For whom it speaks.
    pub key_owner: KeyOwner,
    pub last_four: LastFour,
    pub environment: Environment,
}

/// What the events say of the key. Times are apart: whoever asks knows what time it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KeyState {
    Active,
    Disabled,
    /// For ever.
    Revoked,
    /// An event of it can't be read here: nobody knows what it may do.
    Closed,
}

/// The last four characters of a key, for people to know it by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LastFour([u8; 4]);

impl LastFour {
    /// `????` for what is not four visible ASCII characters.
    pub fn new(text: &str) -> Self {
        match <[u8; 4]>::try_from(text.as_bytes()) {
            Ok(bytes) if bytes.iter().all(u8::is_ascii_graphic) => Self(bytes),
            Ok(_) | Err(_) => Self(*b"????"),
        }
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("????")
    }
}

impl fmt::Display for LastFour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for LastFour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl KeyEntry {
    pub(super) fn issued(
        id: KeyId,
        owner: Owner,
        issued: &Issued,
        scopes: Arc<ScopeSet>,
        prefix: Arc<str>,
        cause: Cause,
    ) -> Self {
        Self {
            id,
            secret_id: issued.secret_id,
            digest: issued.digest.bytes,
            owner,
            key_owner: issued.owner.clone(),
            state: KeyState::Active,
            not_before: issued.not_before,
            expires_at: issued.expires_at,
            scopes,
            generation: cause.sequence,
            newest: cause.newest,
            prefix,
            last_four: LastFour::new(&issued.last_four),
            environment: issued.environment,
        }
    }

    /// The entry after an event; `None` when a node has nothing to change. `intern` shares equal scopes.
    pub(super) fn after(
        &self,
        event: &KeyEvent,
        cause: Cause,
        intern: impl FnOnce(&ScopeSet) -> Arc<ScopeSet>,
    ) -> Option<Self> {
        if matches!(self.state, KeyState::Revoked | KeyState::Closed) {
            return None;
        }
        let entry = Self { generation: cause.sequence, newest: cause.newest, ..self.clone() };
        match event {
            // What only a key that works needs is let go.
            KeyEvent::Revoked(_) => Some(Self {
                state: KeyState::Revoked,
                scopes: intern(&ScopeSet::nothing()),
                not_before: None,
                expires_at: None,
                ..entry
            }),
            KeyEvent::Disabled(_) => Some(Self { state: KeyState::Disabled, ..entry }),
            KeyEvent::Enabled(_) => Some(Self { state: KeyState::Active, ..entry }),
            KeyEvent::ExpiryChanged(changed) => Some(Self { expires_at: changed.expires_at, ..entry }),
            KeyEvent::ScopesChanged(changed) => Some(Self { scopes: intern(&changed.scopes), ..entry }),
            KeyEvent::Issued(_) | KeyEvent::Renamed(_) | KeyEvent::MetadataChanged(_) => None,
        }
    }
}
