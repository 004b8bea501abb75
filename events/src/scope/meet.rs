//! What two sets of scopes allow alike: a credential that rests on another one may do no more than both.

use super::{McpScope, NamePattern, Scope, ScopeSet, ServerPattern, Thing};

impl ScopeSet {
    /// What of MCP servers both allow: a call passes by it exactly where it passes by each. Of management nothing, and no
    /// more than [`ScopeSet::MAX`] scopes: what is left out is not allowed.
    pub fn meet(&self, other: &Self) -> Self {
        let both = self.mcp().flat_map(|own| other.mcp().filter_map(|theirs| own.meet(theirs)));
        let mut scopes: Vec<_> = both.map(Scope::Mcp).collect();
        scopes.sort();
        scopes.dedup();
        scopes.truncate(Self::MAX);
        Self(scopes)
    }
}

impl McpScope {
    fn meet(&self, other: &Self) -> Option<Self> {
        let server = match (&self.server, &other.server) {
            (ServerPattern::Any, server) | (server, ServerPattern::Any) => server,
            (ServerPattern::Slug(own), ServerPattern::Slug(theirs)) if own == theirs => &self.server,
            (ServerPattern::Slug(_), ServerPattern::Slug(_)) => return None,
        };
        let thing = match (&self.thing, &other.thing) {
            (None, thing) | (thing, None) => thing.clone(),
            (Some((own, name)), Some((theirs, pattern))) if own == theirs => {
                Some((*own, name.meet(pattern, *own)?))
            }
            (Some(_), Some(_)) => return None,
        };
        Some(Self { server: server.clone(), thing })
    }
}

impl NamePattern {
    fn meet(&self, other: &Self, thing: Thing) -> Option<Self> {
        match (self, other) {
            (Self::Any, pattern) | (pattern, Self::Any) => Some(pattern.clone()),
            (Self::Prefix(own), Self::Prefix(theirs)) => {
                let (longer, shorter) = if own.len() < theirs.len() { (other, own) } else { (self, theirs) };
                let (Self::Prefix(text) | Self::Exact(text)) = longer else { return None };
                text.starts_with(&**shorter).then(|| longer.clone())
            }
            (Self::Exact(name), pattern) | (pattern, Self::Exact(name)) => {
                let named = super::Named::new(thing, name);
                pattern.matches(&named).then(|| Self::Exact(name.clone()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::slug::Slug;

    fn scope() -> impl Strategy<Value = String> {
        let server = prop_oneof![Just("*"), Just("a"), Just("b")];
        let thing = prop_oneof![
            Just(String::new()),
            (
                prop_oneof![Just("tools"), Just("prompts"), Just("resources")],
                prop_oneof![
                    Just("*"),
                    Just("get_*"),
                    Just("get_a*"),
                    Just("get_a"),
                    Just("put"),
                    Just("file%3A//x/*"),
                    Just("file%3A//x/../y")
                ]
            )
                .prop_map(|(kind, name)| format!(":{kind}:{name}")),
        ];
        (server, thing).prop_map(|(server, thing)| format!("mcp:{server}{thing}"))
    }

    fn set() -> impl Strategy<Value = ScopeSet> {
        prop::collection::vec(scope(), 1..6).prop_map(|scopes| scopes.join(" ").parse().unwrap())
    }

    proptest! {
        #[test]
        fn a_call_passes_by_what_two_sets_have_alike_exactly_where_it_passes_by_both(one in set(), two in set()) {
            let both = one.meet(&two);
            prop_assert_eq!(&both, &two.meet(&one));
            for server in ["a", "b", "c"] {
                let server: Slug = server.parse().unwrap();
                let (whole, any) = (both.allows_whole_server(&server), both.allows_server(&server));
                prop_assert_eq!(whole, one.allows_whole_server(&server) && two.allows_whole_server(&server));
                prop_assert!(!any || (one.allows_server(&server) && two.allows_server(&server)));
                for thing in Thing::ALL {
                    for name in ["get_a", "get_ab", "get_b", "get_", "put", "other", "file://x/a", "file://x/../y"] {
                        let by = |set: &ScopeSet| set.allows_thing(&server, thing, name);
                        prop_assert_eq!(by(&both), by(&one) && by(&two), "{} {:?} {}", server, thing, name);
                    }
                }
            }
        }
    }

    #[test]
    fn management_and_mcp_have_nothing_alike() {
        let mcp: ScopeSet = "mcp:*".parse().unwrap();
        let admin: ScopeSet = "admin:*:* keys:verify".parse().unwrap();
        assert_eq!(mcp.meet(&admin), ScopeSet::nothing());
        assert_eq!(admin.meet(&admin), ScopeSet::nothing());
    }
}
