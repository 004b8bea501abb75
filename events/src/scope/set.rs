//! The scopes of one key together: what they allow, and whether they cover another's.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    Access, AccessPattern, McpScope, NamePattern, Named, Resource, ResourcePattern, Scope, ScopeError,
    ServerPattern, Thing,
};
use crate::slug::Slug;

/// A key's scopes: sorted, no duplicates, at least one, all `mcp:` or all management.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Vec<Scope>", into = "Vec<Scope>")]
#[schemars(
    with = "Vec<Scope>",
    extend(
        "minItems" = 1,
        "maxItems" = ScopeSet::MAX,
        "anyOf" = [{ "items": { "pattern": "^mcp:" } }, { "items": { "pattern": "^(?:admin|keys):" } }],
    )
)]
pub struct ScopeSet(pub(super) Vec<Scope>);

/// The scopes can't stand together on one key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeSetError {
    #[error("a key needs at least one scope")]
    Empty,
    #[error("a key has at most {max} scopes; this one would have {count}", max = ScopeSet::MAX)]
    TooMany { count: usize },
    #[error("a key's scopes are all mcp: or all management (admin:, keys:verify): issue two keys")]
    Mixed,
}

impl ScopeSet {
    pub const MAX: usize = 100;

    pub fn new(mut scopes: Vec<Scope>) -> Result<Self, ScopeSetError> {
        if scopes.len() > Self::MAX {
            return Err(ScopeSetError::TooMany { count: scopes.len() });
        }
        scopes.sort();
        scopes.dedup();
        let Some(first) = scopes.first() else { return Err(ScopeSetError::Empty) };
        if scopes.iter().any(|scope| scope.is_mcp() != first.is_mcp()) {
            return Err(ScopeSetError::Mixed);
        }
        Ok(Self(scopes))
    }

    /// What a credential may do that will never work again. No key is issued with it.
    pub fn nothing() -> Self {
        Self(Vec::new())
    }

    /// How long its text is.
    pub fn text_bytes(&self) -> u64 {
        self.0.iter().map(|scope| scope.to_string().len() as u64 + 1).sum::<u64>().saturating_sub(1)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// Whether the key is for MCP servers rather than for management.
    pub fn is_mcp(&self) -> bool {
        self.0.first().is_some_and(Scope::is_mcp)
    }

    pub(super) fn mcp(&self) -> impl Iterator<Item = &McpScope> {
        self.0.iter().filter_map(|scope| match scope {
            Scope::Mcp(scope) => Some(scope),
            Scope::Admin { .. } | Scope::KeysVerify => None,
        })
    }

    /// Those on a server.
    pub fn on_server(&self, server: &Slug) -> impl Iterator<Item = &Scope> {
        self.0.iter().filter(move |scope| match scope {
            Scope::Mcp(scope) => scope.covers_server(server),
            Scope::Admin { .. } | Scope::KeysVerify => false,
        })
    }

    /// Any scope on a server opens its greeting, lists, notifications and responses.
    pub fn allows_server(&self, server: &Slug) -> bool {
        self.mcp().any(|scope| scope.covers_server(server))
    }

    /// What names no thing (an unknown method) needs the whole server.
    pub fn allows_whole_server(&self, server: &Slug) -> bool {
        self.mcp().any(|scope| scope.thing.is_none() && scope.covers_server(server))
    }

    pub fn allows_thing(&self, server: &Slug, thing: Thing, name: &str) -> bool {
        self.allows_named(server, &Named::new(thing, name))
    }

    /// A name that is too long is refused unseen.
    pub(super) fn allows_named(&self, server: &Slug, named: &Named<'_>) -> bool {
        named.name.len() <= Thing::MAX_NAME && self.mcp().any(|scope| scope.allows(server, named))
    }

    pub fn allows_admin(&self, resource: Resource, access: Access) -> bool {
        self.0.iter().any(|scope| match scope {
            Scope::Admin { resource: r, access: a } => {
                (*r == ResourcePattern::Any || *r == ResourcePattern::One(resource))
                    && (*a == AccessPattern::Any || *a == AccessPattern::One(access))
            }
            Scope::Mcp(_) | Scope::KeysVerify => false,
        })
    }

    pub fn allows_verify(&self) -> bool {
        self.0.contains(&Scope::KeysVerify)
    }

    /// Whether every call that `wanted` allows is allowed by these too. A scope is asked as itself: one that
    /// is a pattern is covered only by a pattern at least as wide.
    pub fn covers(&self, wanted: &Scope) -> bool {
        self.0.iter().any(|own| match (own, wanted) {
            (Scope::KeysVerify, Scope::KeysVerify) => true,
            (Scope::Admin { resource: r, access: a }, Scope::Admin { resource, access }) => {
                (*r == ResourcePattern::Any || r == resource) && (*a == AccessPattern::Any || a == access)
            }
            (Scope::Mcp(own), Scope::Mcp(wanted)) => covers_mcp(own, wanted),
            (Scope::Mcp(_) | Scope::Admin { .. } | Scope::KeysVerify, _) => false,
        })
    }
}

fn covers_mcp(own: &McpScope, wanted: &McpScope) -> bool {
    if own.server != ServerPattern::Any && own.server != wanted.server {
        return false;
    }
    match (&own.thing, &wanted.thing) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some((own_thing, own_name)), Some((thing, name))) => {
            own_thing == thing
                && match (own_name, name) {
                    (NamePattern::Any, _) => true,
                    (NamePattern::Exact(own), NamePattern::Exact(name)) => own == name,
                    (NamePattern::Prefix(_), NamePattern::Exact(name)) => {
                        own_name.matches(&Named::new(*thing, name))
                    }
                    (NamePattern::Prefix(own), NamePattern::Prefix(name)) => name.starts_with(&**own),
                    (NamePattern::Exact(_), NamePattern::Any | NamePattern::Prefix(_))
                    | (NamePattern::Prefix(_), NamePattern::Any) => false,
                }
        }
    }
}

impl TryFrom<Vec<Scope>> for ScopeSet {
    type Error = ScopeSetError;

    fn try_from(scopes: Vec<Scope>) -> Result<Self, ScopeSetError> {
        Self::new(scopes)
    }
}

impl From<ScopeSet> for Vec<Scope> {
    fn from(set: ScopeSet) -> Self {
        set.0
    }
}

impl FromStr for ScopeSet {
    type Err = ScopeListError;

    /// Scopes separated by spaces (RFC 6749 §3.3).
    fn from_str(text: &str) -> Result<Self, ScopeListError> {
        let scopes = text.split_ascii_whitespace().map(Scope::from_str).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::new(scopes)?)
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            scope.fmt(f)?;
        }
        Ok(())
    }
}

/// The text is not a list of scopes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeListError {
    #[error(transparent)]
    Scope(#[from] ScopeError),
    #[error(transparent)]
    Set(#[from] ScopeSetError),
}
