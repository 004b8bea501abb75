//! The `scope` of a request (RFC 6749 §3.3): which of a server's scopes are asked for, in its words and in people's.

use events::Scope;

use crate::unseen;
use events::scope::{McpScope, NamePattern, ScopeSet, ServerPattern, Thing};
use events::slug::Slug;

/// OpenID Connect's, which ask for nothing of a server (Core §5.4, §11): clients of other servers send them by habit.
const OPENID: &[&str] = &["openid", "profile", "email", "address", "phone", "offline_access"];

/// What was asked for on one server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    pub scopes: ScopeSet,
    /// `offline_access`: a refresh token.
    pub offline: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeFault {
    #[error("`{0}` is no scope of this server: ask for `mcp:{1}` or a part of it, or leave `scope` out")]
    Unknown(String, Slug),
    #[error("there are more than {} scopes", ScopeSet::MAX)]
    TooMany,
}

impl Asked {
    /// Absent, empty or of OpenID alone: the whole server. Each scope is narrowed to the server.
    pub fn parse(text: Option<&str>, server: &Slug) -> Result<Self, ScopeFault> {
        let mut scopes = Vec::new();
        let mut offline = false;
        // Some send a leading space, where a list began empty.
        for token in text.unwrap_or_default().split(' ').filter(|token| !token.is_empty()) {
            if OPENID.contains(&token) {
                offline |= token == "offline_access";
                continue;
            }
            let unknown = || ScopeFault::Unknown(token.chars().take(80).collect(), server.clone());
            let scope: Scope = token.parse().map_err(|_| unknown())?;
            scopes.push(narrowed(&scope, server).ok_or_else(unknown)?);
            if scopes.len() > ScopeSet::MAX {
                return Err(ScopeFault::TooMany);
            }
        }
        if scopes.is_empty() {
            scopes.push(whole(server));
        }
        let scopes = ScopeSet::new(scopes).map_err(|_| ScopeFault::TooMany)?;
        Ok(Self { scopes, offline })
    }
}

/// What of `asked`, which is narrowed to a server, somebody may have who has `held`. `None`: nothing.
pub fn common(asked: &ScopeSet, held: &ScopeSet) -> Option<ScopeSet> {
    let both = asked.meet(held);
    let is_empty = both.iter().next().is_none();
    if is_empty { None } else { Some(both) }
}

/// All of a server.
pub fn whole(server: &Slug) -> Scope {
    Scope::Mcp(McpScope { server: ServerPattern::Slug(server.clone()), thing: None })
}

/// The scope as far as it is on this server.
fn narrowed(scope: &Scope, server: &Slug) -> Option<Scope> {
    match scope {
        Scope::Mcp(McpScope { server: ServerPattern::Slug(own), .. }) if own != server => None,
        Scope::Mcp(McpScope { thing, .. }) => {
            Some(Scope::Mcp(McpScope { server: ServerPattern::Slug(server.clone()), thing: thing.clone() }))
        }
        Scope::Admin { .. } | Scope::KeysVerify => None,
    }
}

/// What people are asked to allow.
pub fn words(scope: &Scope) -> String {
    match scope {
        Scope::Mcp(McpScope { thing: None, .. }) => "Everything that this server offers".to_owned(),
        Scope::Mcp(McpScope { thing: Some((thing, pattern)), .. }) => {
            let (one, all) = match thing {
                Thing::Tool => ("The tool", "All tools"),
                Thing::Prompt => ("The prompt", "All prompts"),
                Thing::Resource => ("The resource", "All resources"),
            };
            match pattern {
                NamePattern::Any => all.to_owned(),
                NamePattern::Exact(name) => format!("{one} “{}”", unseen::one_line(name)),
                NamePattern::Prefix(name) => {
                    format!("{all} whose names begin with “{}”", unseen::one_line(name))
                }
            }
        }
        Scope::Admin { .. } | Scope::KeysVerify => format!("The management scope {scope}"),
    }
}

/// As a token and an answer have it.
pub fn text(scopes: &ScopeSet) -> String {
    let texts: Vec<_> = scopes.iter().map(ToString::to_string).collect();
    texts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn docs() -> Slug {
        "docs".parse().unwrap()
    }

    fn asked(text: Option<&str>) -> Result<(String, bool), ScopeFault> {
        Asked::parse(text, &docs()).map(|asked| (super::text(&asked.scopes), asked.offline))
    }

    #[test]
    fn without_a_scope_of_its_own_a_request_is_for_the_whole_server() {
        for text in [None, Some(""), Some("  "), Some("openid"), Some("openid profile email")] {
            assert_eq!(asked(text), Ok(("mcp:docs".to_owned(), false)), "{text:?}");
        }
        assert_eq!(asked(Some(" offline_access")), Ok(("mcp:docs".to_owned(), true)));
    }

    #[test]
    fn scopes_are_of_this_server_alone() {
        assert_eq!(
            asked(Some("mcp:docs:tools:get_* openid")),
            Ok(("mcp:docs:tools:get_*".to_owned(), false))
        );
        assert_eq!(asked(Some("mcp:*:tools:x")), Ok(("mcp:docs:tools:x".to_owned(), false)));
        for text in ["mcp:other", "admin:keys:write", "keys:verify", "api.read", "mcp:docs mcp:other"] {
            assert!(asked(Some(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn each_scope_has_words() {
        let said = |scope: &str| words(&scope.parse().unwrap());
        assert_eq!(said("mcp:docs"), "Everything that this server offers");
        assert_eq!(said("mcp:docs:tools:*"), "All tools");
        assert_eq!(said("mcp:docs:tools:get_*"), "All tools whose names begin with “get_”");
        assert_eq!(said("mcp:docs:resources:file%3A//a"), "The resource “file://a”");
    }
}
