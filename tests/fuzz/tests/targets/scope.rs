//! Scopes: one spelling each, and no set covers more than its text says.

use events::scope::{McpScope, NamePattern, ServerPattern, Thing};
use events::{Scope, ScopeSet};

/// The first line is a set, the second a set that is wanted of it; without one, the set itself.
#[test]
fn scope() {
    fuzz::target!("scope", |input| {
        let Ok(text) = std::str::from_utf8(input) else { return false };
        let (own, wanted) = text.split_once('\n').unwrap_or((text, text));
        let (Some(own), Some(wanted)) = (read(own), read(wanted)) else { return false };
        assert!(own.iter().all(|scope| own.covers(scope)), "{own} covers itself");
        for scope in wanted.iter() {
            let text = scope.to_string();
            let said = own.iter().any(|own| says(&own.to_string(), &text));
            let covered = own.covers(scope);
            assert!(said || !covered, "{own} does not say {scope}, and covers it");
            // A prefix of a resource's URI says less than it seems to: it may lead elsewhere.
            assert!(
                covered || !said || text.contains(":resources:"),
                "{own} says {scope}, and does not cover it"
            );
            if let Scope::Mcp(McpScope {
                server: ServerPattern::Slug(server),
                thing: Some((thing, NamePattern::Exact(name))),
            }) = scope
            {
                assert_eq!(own.allows_thing(server, *thing, name), covered, "{own}: {scope}");
            }
            if covered {
                let alone = ScopeSet::new(vec![scope.clone()]).unwrap();
                for name in ["a", "../a", "get_%2e", "é*"] {
                    allows_no_less(&own, &alone, name);
                }
            }
        }
        true
    });
}

fn read(text: &str) -> Option<ScopeSet> {
    for scope in text.split_ascii_whitespace().filter_map(|scope| scope.parse::<Scope>().ok()) {
        assert_eq!(scope.to_string().parse().as_ref(), Ok(&scope));
        assert!(scope.to_string().len() <= Scope::MAX_BYTES, "{scope}");
    }
    let set: ScopeSet = text.parse().ok()?;
    assert_eq!(set.to_string().parse().as_ref(), Ok(&set));
    assert_eq!(set.text_bytes(), set.to_string().len() as u64);
    Some(set)
}

/// Whether a scope's text says all of another's, read part by part. Both are written in the one way that scopes
/// are, so that a `*` stands for itself alone.
fn says(own: &str, wanted: &str) -> bool {
    let (own, wanted): (Vec<_>, Vec<_>) = (own.split(':').collect(), wanted.split(':').collect());
    match (&*own, &*wanted) {
        (["mcp", server], ["mcp", other, ..]) => same(server, other),
        (["mcp", server, thing, name], ["mcp", other, other_thing, other_name]) => {
            let named = match name.strip_suffix('*') {
                Some(start) => other_name.starts_with(start),
                None => name == other_name,
            };
            same(server, other) && thing == other_thing && named
        }
        (["admin", resource, access], ["admin", other, other_access]) => {
            same(resource, other) && same(access, other_access)
        }
        (own, wanted) => own == wanted,
    }
}

fn same(pattern: &str, other: &str) -> bool {
    pattern == "*" || pattern == other
}

/// What covers a scope allows all that the scope allows.
fn allows_no_less(own: &ScopeSet, alone: &ScopeSet, name: &str) {
    let servers = alone.iter().filter_map(Scope::server).cloned().chain(["docs".parse().unwrap()]);
    for server in servers {
        for thing in Thing::ALL {
            let allowed = alone.allows_thing(&server, thing, name);
            assert!(!allowed || own.allows_thing(&server, thing, name), "{own}, {alone}: {name}");
        }
        assert!(!alone.allows_whole_server(&server) || own.allows_whole_server(&server), "{own}, {alone}");
    }
}
