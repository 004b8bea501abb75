//! Whether a grant works now: all that it rests on stands, as a node asks at each call.

use std::sync::Arc;

use events::{GrantId, Holder, OrganizationId, ScopeSet, TokenKeyId};
use projections::directory::TokenKeyState;

use super::state::Accounts;
use crate::access_token::Claims;
use crate::request::ancestry::Ancestry;
use crate::request::token;

/// An access token, and the key that signed it.
pub struct Judged {
    pub claims: Claims,
    key: TokenKeyId,
}

impl Judged {
    fn of((claims, key): (Claims, TokenKeyId)) -> Self {
        Self { claims, key }
    }
}

/// A grant that works, with what it may do by now.
pub struct Standing {
    pub holder: Holder,
    pub organization: OrganizationId,
    pub scopes: ScopeSet,
}

/// What an access token of ours says that counts now by its signature, its times and its key. The signature of each is
/// looked at once.
pub fn judged(accounts: &Accounts, text: &str) -> Option<Arc<Judged>> {
    let (directory, now) = (&accounts.directory, accounts.clock.now());
    let read = || token::read(directory, accounts.issuer.as_str(), text, now).map(Judged::of);
    let judged = accounts.tokens.get(text, read).ok()?;
    let stands = directory.token_key(judged.key).is_some_and(|key| key.state == TokenKeyState::Published);
    (stands && now.unix_seconds() < judged.claims.exp).then_some(judged)
}

/// The grant of this id, if all that it rests on stands.
pub fn standing(accounts: &Accounts, id: GrantId) -> Option<Standing> {
    let ancestry = Ancestry::of(&accounts.directory, accounts.directory.grant(id)?);
    ancestry.check(accounts.clock.now()).ok()?;
    let grant = ancestry.grant();
    let scopes = ScopeSet::clone(ancestry.scopes());
    Some(Standing { holder: grant.holder, organization: grant.organization, scopes })
}
