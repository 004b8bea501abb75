//! Who is signed in at a browser: a person, by an issuer, or whoever holds a key.
//!
//! A session is a secret in a `__Host-` cookie, drawn anew at each sign-in, and an entry of the bucket with an end
//! (`passing::sessions`). It grants nothing by itself: each look asks the directory whether its holder still stands.

use std::sync::Arc;

use events::clock::uuid_v7;
use events::{Holder, IssuerId, OrganizationId, Owner, ScopeSet};
use http::HeaderMap;
use projections::directory::{MemberState, PersonState};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::state::Shared;
use super::web::Cookie;
use crate::passing::PassingError;
use crate::passing::sessions::{self, Session};
use crate::request::Principal;
use crate::vault::PassingKey;

/// A session that counts, and the browser's proof of it.
pub struct Active {
    pub session: Session,
    secret: Zeroizing<String>,
}

/// What a form may be sent for: a token of one is none of another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    SignInByKey,
    SignOut,
    Consent,
    Account,
    Invitation,
}

impl Use {
    fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::SignInByKey => b"sign in by key",
            Self::SignOut => b"sign out",
            Self::Consent => b"consent",
            Self::Account => b"account",
            Self::Invitation => b"invitation",
        }
    }
}

impl Shared {
    /// Who is signed in at this browser, if that still counts.
    pub async fn session(&self, headers: &HeaderMap) -> Result<Option<Active>, PassingError> {
        let Some(secret) = Cookie::SESSION.of(headers) else { return Ok(None) };
        let found = self.passing.get::<Session>(secret).await?;
        let counts = found.filter(|held| self.counts(&held.value));
        Ok(counts.map(|held| Active { session: held.value, secret: Zeroizing::new(secret.to_owned()) }))
    }

    /// Begins one; the answer is its secret. Whatever session there was before stays what it is: no secret that the
    /// browser brought becomes a session's.
    pub async fn begin_session(
        &self,
        holder: Holder,
        issuer: Option<IssuerId>,
    ) -> Result<Zeroizing<String>, PassingError> {
        let lasts = match holder {
            Holder::Person { .. } => self.settings.session_lasts(),
            // A key was typed for one request.
            Holder::Key { .. } => self.settings.request_lasts(),
        };
        let (begun, now) = (self.directory.applied(), self.clock.now());
        let (id, ends_at) = (uuid_v7(&*self.clock, &*self.random), now.saturating_add(lasts));
        let session = Session { id, holder, issuer, begun, ends_at };
        self.passing.begin_session(&session, now, lasts).await
    }

    /// Ends the browser's session.
    pub async fn end_session(&self, headers: &HeaderMap) -> Result<(), PassingError> {
        if let Some(secret) = Cookie::SESSION.of(headers) {
            self.passing.end_session(secret, self.clock.now()).await?;
        }
        Ok(())
    }

    fn counts(&self, session: &Session) -> bool {
        if session.ends_at <= self.clock.now() {
            return false;
        }
        match session.holder {
            Holder::Person { id } => session
                .issuer
                .is_some_and(|issuer| sessions::stands(&self.directory, id, issuer, session.begun)),
            Holder::Key { .. } => self.key_of(session.holder).is_some(),
        }
    }

    /// The key that a holder is, if it works now.
    pub fn key_of(&self, holder: Holder) -> Option<Principal> {
        let Holder::Key { id } = holder else { return None };
        let key = self.directory.key(id)?;
        let principal = Principal::of_digest(&self.directory, &key.digest)?;
        principal.check(self.clock.now()).ok().map(|()| principal)
    }

    /// A form's proof that it was ours, for this browser and this matter: the same at each look, so that a page which was
    /// loaded twice works twice.
    pub fn form_token(&self, secret: &str, of: Use, matter: &str) -> String {
        form_token(&self.passing.key(), secret, of, matter)
    }

    pub fn is_form_token(&self, token: Option<&str>, secret: &str, of: Use, matter: &str) -> bool {
        let Some(token) = token else { return false };
        // The page may have been made under the key before.
        self.passing.keys().iter().any(|key| {
            let wanted = form_token(key, secret, of, matter);
            token.as_bytes().ct_eq(wanted.as_bytes()).into()
        })
    }

    /// What a session's holder may be granted on MCP servers of an organization. `None`: nothing.
    ///
    /// What an organization's own issuer says of somebody counts within that organization alone.
    pub fn held(
        &self,
        holder: Holder,
        issuer: Option<IssuerId>,
        organization: OrganizationId,
    ) -> Option<Arc<ScopeSet>> {
        let counts = match holder {
            Holder::Person { .. } => match self.directory.issuer(issuer?)?.owner {
                Owner::Installation => true,
                Owner::Organization(own) => own == organization,
            },
            Holder::Key { .. } => true,
        };
        self.right(holder, organization).filter(|_| counts)
    }

    /// What somebody may be granted there, however they sign in.
    pub fn right(&self, holder: Holder, organization: OrganizationId) -> Option<Arc<ScopeSet>> {
        match holder {
            Holder::Person { id } => {
                let is_person = self.directory.person(id).is_some_and(|it| it.state == PersonState::Active);
                let member = self.directory.member(organization, id).filter(|_| is_person)?;
                (member.state == MemberState::Active).then(|| Arc::clone(&member.scopes))
            }
            Holder::Key { .. } => {
                let key = self.key_of(holder)?;
                let is_own = key.owner().organization() == Some(organization) && key.scopes().is_mcp();
                is_own.then(|| Arc::clone(key.scopes()))
            }
        }
    }
}

fn form_token(key: &PassingKey, secret: &str, of: Use, matter: &str) -> String {
    use base64::Engine as _;
    let parts = [b"form".as_slice(), of.as_bytes(), secret.as_bytes(), matter.as_bytes()];
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(key.prove(parts))
}

impl Active {
    /// What forms of this browser are proved with.
    pub fn secret(&self) -> &str {
        &self.secret
    }
}
