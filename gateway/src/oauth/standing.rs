//! Whether a grant works now: all that it rests on stands, as a node asks at each call.

use events::{GrantId, Holder, OrganizationId, ScopeSet};
use projections::directory::TokenKeyState;

use super::state::Accounts;
use crate::access_token::{self, Claims};
use crate::request::ancestry::Ancestry;

/// A grant that works, with what it may do by now.
pub struct Standing {
    pub holder: Holder,
    pub organization: OrganizationId,
    pub scopes: ScopeSet,
}

/// What an access token of ours says, by its signature and its times alone.
pub fn judged(accounts: &Accounts, text: &str) -> Option<Claims> {
    let now = accounts.clock.now().unix_seconds();
    let key = |kid: &str| {
        let entry = accounts.directory.token_key(kid.parse().ok()?)?;
        let stands = entry.state == TokenKeyState::Published;
        stands.then(|| access_token::public_key(&entry.x.0, &entry.y.0))
    };
    access_token::judge(text, accounts.issuer.as_str(), now, key).ok()
}

/// The grant of this id, if all that it rests on stands.
pub fn standing(accounts: &Accounts, id: GrantId) -> Option<Standing> {
    let ancestry = Ancestry::of(&accounts.directory, accounts.directory.grant(id)?);
    ancestry.check(accounts.clock.now()).ok()?;
    let grant = ancestry.grant();
    let scopes = ScopeSet::clone(ancestry.scopes());
    Some(Standing { holder: grant.holder, organization: grant.organization, scopes })
}
