//! Identity providers at which people sign in: OpenID Connect, and Microsoft Entra ID.
//!
//! It promises: of an issuer only what its own discovery document and keys say is believed, fetched past the same guard on
//! addresses as upstreams have, bounded in size and time, without redirects; an id token counts only when signature,
//! issuer, audience, nonce and times are right ([`token::judge`], which is pure); the issuer is asked for our own scopes
//! alone and told nothing of what a client asked us. Whom a person is here, and what they may do, is left to the caller.
//!
//! What is discovered is fetched in the background ([`SignIn::keep`]), cached, and kept while an issuer is away.

use std::sync::Arc;

use events::clock::{Clock, Random};
use events::{IssuerId, Timestamp};
use projections::directory::{Directory, IssuerEntry};
use url::Url;

use self::claims::Overage;
use self::credential::Client;
use self::error::SignInError;
use self::exchange::Tokens;
use self::known::{Found, Known};
use self::web::Web;
use crate::upstream::HyperUpstream;
use crate::vault::IssuerCredentials;

mod authorize;
mod callback;
mod claims;
pub mod credential;
mod discovery;
mod entra;
pub mod error;
mod exchange;
mod graph;
mod identity;
mod keys;
mod known;
mod secret_text;
#[cfg(test)]
mod tests;
mod token;
pub mod trial;
mod web;

pub use authorize::Kept;
pub use callback::{Callback, CallbackError};
pub use identity::{Granted, Identity};

/// Signing in at issuers. Cheap to clone.
#[derive(Clone)]
pub struct SignIn(Arc<Shared>);

/// What signing in is made of.
pub struct SignInParts {
    pub directory: Arc<Directory>,
    pub credentials: IssuerCredentials,
    /// The way to issuers, whose guard is theirs; it keeps no connections.
    pub upstream: HyperUpstream,
    /// Where issuers send people back to: `…/sign-in/callback`.
    pub redirect: Url,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

struct Shared {
    directory: Arc<Directory>,
    credentials: IssuerCredentials,
    redirect: Url,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    web: Web,
    known: Known,
}

/// A sign-in that has begun.
pub struct Begun {
    /// Where the person's browser goes.
    pub redirect: Url,
    /// What is needed to finish it. It holds a secret: it is kept sealed, for [`Kept::LASTS`] at most, and bound to the
    /// browser that began.
    pub kept: Kept,
}

impl SignIn {
    pub fn new(parts: SignInParts) -> Self {
        let SignInParts { directory, credentials, upstream, redirect, clock, random } = parts;
        let (web, known) = (Web::new(upstream), Known::new(Arc::clone(&clock)));
        Self(Arc::new(Shared { directory, credentials, redirect, clock, random, web, known }))
    }

    /// Where issuers send people back to: what is registered with them.
    pub fn redirect(&self) -> &Url {
        &self.0.redirect
    }

    /// Begins a sign-in: `state`, nonce and PKCE (RFC 7636, S256) are drawn. The issuer is asked for its own scopes, and for
    /// nothing that a client of ours said.
    pub async fn begin(&self, issuer: IssuerId) -> Result<Begun, SignInError> {
        let entry = self.standing(issuer)?;
        let found = self.found(&entry).await?;
        let kept = Kept::drawn(issuer, self.0.clock.now(), &*self.0.random);
        let redirect = authorize::url(&entry.settings, &found.provider, &self.0.redirect, &kept);
        Ok(Begun { redirect, kept })
    }

    /// Finishes a sign-in with what the issuer sent the browser back with. `kept` is taken from where [`Begun::kept`] was
    /// put, once: a second use is the caller's to refuse.
    ///
    /// What an organization's own issuer says counts within that organization alone ([`Identity::owner`]).
    pub async fn finish(&self, kept: &Kept, callback: &Callback) -> Result<Identity, SignInError> {
        kept.is_of(callback, self.0.clock.now())?;
        let entry = self.standing(kept.issuer)?;
        let found = self.found(&entry).await?;
        let code = callback.code(&entry.settings, &found.provider)?;
        let client = self.client(&entry).await?;
        let tokens = exchange::redeem(&self.0.web, &entry, &found.provider, &client, code, kept).await?;
        let claims = self.judged(&entry, found, &tokens, kept).await?;
        let groups = match claims::overage(&entry.settings, &claims) {
            Overage::None => None,
            Overage::Refused => return Err(SignInError::TooManyGroups),
            Overage::Elsewhere(claim) => return Err(SignInError::ClaimElsewhere(claim)),
            Overage::Graph => {
                let found = self.found(&entry).await?;
                Some(graph::groups(&self.0.web, &entry, &found.provider, &tokens).await?)
            }
        };
        // It may have ended meanwhile.
        self.standing(kept.issuer)?;
        Identity::of(&entry, &claims, groups.as_deref())
    }

    /// The claims of a good id token. A key that nobody knows may be a new one: they are fetched once more, if that was not
    /// done just now.
    async fn judged(
        &self,
        entry: &IssuerEntry,
        found: Arc<Found>,
        tokens: &Tokens,
        kept: &Kept,
    ) -> Result<token::Claims, SignInError> {
        let now = self.0.clock.now();
        let judge = |found: &Found| {
            let expected = token::Expected {
                settings: &entry.settings,
                provider: &found.provider,
                keys: &found.keys,
                nonce: kept.nonce(),
                now,
            };
            token::judge(&tokens.id_token, &expected)
        };
        match judge(&found) {
            Err(token::TokenError::UnknownKey) => {
                let Some(newer) = self.0.known.newer(&self.0.web, entry, &found).await else {
                    return Err(token::TokenError::UnknownKey.into());
                };
                Ok(judge(&newer)?)
            }
            judged => Ok(judged?),
        }
    }

    fn standing(&self, issuer: IssuerId) -> Result<Arc<IssuerEntry>, SignInError> {
        let stands = self.0.directory.issuer_stands(issuer);
        self.0.directory.issuer(issuer).filter(|_| stands).ok_or(SignInError::IssuerGone)
    }

    async fn found(&self, entry: &IssuerEntry) -> Result<Arc<Found>, SignInError> {
        Ok(self.0.known.get(&self.0.web, entry).await?)
    }

    async fn client(&self, entry: &IssuerEntry) -> Result<Client, SignInError> {
        let credential = match entry.credential {
            Some((id, _)) => self.0.credentials.get(id).await?,
            None => None,
        };
        let made = Client::of(entry, &self.0.redirect, credential.as_ref(), self.now(), &*self.0.random);
        Ok(made?)
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}
