//! Who calls by an access token: the token, and all that its grant rests on as the directory has it at one moment
//! (`ancestry`).

use std::sync::Arc;

use events::{ScopeSet, Timestamp};
use projections::directory::{Directory, GrantEntry, Part, TokenKeyState};

use super::ancestry::{Ancestry, Fallen};
use super::principal::{self, Invalid};
use super::token::AccessToken;

/// A token with what stands behind it.
#[derive(Debug)]
pub struct Granted {
    pub token: Arc<AccessToken>,
    ancestry: Ancestry,
    /// What its client may do now: of what its grant may, what the token says.
    scopes: Arc<ScopeSet>,
    /// The key that signed the token counts, and the token is of its grant.
    is_good: bool,
}

impl Granted {
    /// `None`: there is no such grant, or its time is over.
    pub fn of(directory: &Directory, token: Arc<AccessToken>) -> Option<Self> {
        let ancestry = Ancestry::of(directory, directory.grant(token.grant)?);
        let signer = directory.token_key(token.key);
        let is_signed = signer.is_some_and(|key| key.state == TokenKeyState::Published);
        // What a signed token says of its grant is what the log says, or nobody knows which of them was meant.
        let is_of = ancestry.grant().organization == token.organization
            && ancestry.server().is_none_or(|server| server.slug == token.server.server);
        let scopes = principal::narrowed(&token.scopes, ancestry.scopes());
        Some(Self { token, ancestry, scopes, is_good: is_signed && is_of })
    }

    pub fn grant(&self) -> &Arc<GrantEntry> {
        self.ancestry.grant()
    }

    pub fn scopes(&self) -> &Arc<ScopeSet> {
        &self.scopes
    }

    /// For whom it speaks: a person, or whoever the key speaks for that it is bound to.
    pub fn subject(&self) -> String {
        match self.ancestry.key() {
            Some(key) => principal::subject_of(key),
            None => self.grant().holder.to_string(),
        }
    }

    /// Whether another sign-in can give the client these scopes, separated by spaces.
    pub fn can_step_up_to(&self, scopes: &str) -> bool {
        let Some(holds) = self.ancestry.holds() else { return false };
        let wanted = scopes.parse::<ScopeSet>();
        wanted.is_ok_and(|wanted| wanted.iter().all(|scope| holds.covers(scope)))
    }

    /// Whether it works at this time.
    pub fn check(&self, now: Timestamp) -> Result<(), Invalid> {
        if !self.is_good {
            return Err(Invalid::TokenKey);
        }
        if now >= self.token.expires_at {
            return Err(Invalid::Expired);
        }
        match self.ancestry.check(now) {
            // Whether its server takes calls is told of the server, by keys as by tokens.
            Ok(()) | Err(Fallen::Server) => Ok(()),
            Err(Fallen::Closed) => Err(Invalid::Closed),
            Err(Fallen::Expired) => Err(Invalid::Expired),
            Err(Fallen::OrganizationSuspended) => Err(Invalid::OrganizationSuspended),
            Err(
                fallen @ (Fallen::Ended
                | Fallen::Holder
                | Fallen::Issuer
                | Fallen::ClientDisabled
                | Fallen::ClientGone
                | Fallen::NotApproved
                | Fallen::NoConsent),
            ) => Err(Invalid::Fallen(fallen)),
        }
    }

    /// When it ends by itself.
    pub fn until(&self) -> Timestamp {
        self.token.expires_at.min(self.ancestry.until())
    }

    /// What of the directory it rests on.
    pub fn parts(&self) -> Vec<Part> {
        self.ancestry.parts().chain([Part::TokenKey(self.token.key)]).collect()
    }
}
