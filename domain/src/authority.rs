//! What whoever sends a command holds. Nobody gives to a key what it does not hold itself, and that is decided
//! here, on the state that the log confirms: a view of it that lags would let a narrow key enable a wider one.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use events::scope::ScopeListError;
use events::{Scope, ScopeSet};

/// What it may give.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Authority {
    /// Everything: the installation itself acts.
    Whole,
    /// Of management what these scopes cover. What opens MCP servers is the organization's to give, by whoever
    /// may write its keys.
    Scopes(Arc<ScopeSet>),
}

impl Authority {
    /// The first of the scopes that it may not give.
    pub fn lacks<'a>(&self, scopes: &'a ScopeSet) -> Option<&'a Scope> {
        let Self::Scopes(held) = self else { return None };
        scopes.iter().find(|scope| match scope {
            Scope::Mcp(_) => false,
            Scope::Admin { .. } | Scope::KeysVerify => !held.covers(scope),
        })
    }
}

const WHOLE: &str = "whole";

/// As it goes through cqrs-es's metadata.
impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str(WHOLE),
            Self::Scopes(scopes) => scopes.fmt(f),
        }
    }
}

impl FromStr for Authority {
    type Err = ScopeListError;

    fn from_str(text: &str) -> Result<Self, ScopeListError> {
        if text == WHOLE {
            return Ok(Self::Whole);
        }
        Ok(Self::Scopes(Arc::new(text.parse()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn management_is_given_by_who_holds_it() {
        let held = Authority::Scopes(Arc::new("admin:keys:write admin:servers:read".parse().unwrap()));
        let lacks = |scopes: &str| {
            let scopes: ScopeSet = scopes.parse().unwrap();
            assert_eq!(Authority::Whole.lacks(&scopes), None);
            held.lacks(&scopes).map(ToString::to_string)
        };
        assert_eq!(lacks("mcp:*"), None);
        assert_eq!(lacks("admin:keys:write"), None);
        for beyond in ["admin:keys:read", "admin:keys:*", "admin:*:write", "admin:*:*", "keys:verify"] {
            assert_eq!(lacks(&format!("admin:keys:write {beyond}")), Some(beyond.to_owned()));
        }
    }

    #[test]
    fn it_comes_back_from_its_text() {
        let scopes = Authority::Scopes(Arc::new("admin:keys:write keys:verify".parse().unwrap()));
        for authority in [Authority::Whole, scopes] {
            assert_eq!(authority.to_string().parse(), Ok(authority));
        }
    }
}
