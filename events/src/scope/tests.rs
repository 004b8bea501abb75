//! The grammar of scopes and the laws of what they allow.

use proptest::prelude::*;

use super::*;

fn slug() -> impl Strategy<Value = Slug> {
    "[a-c]{1,2}".prop_map(|text| text.parse().unwrap())
}

/// Names with all that is awkward in them, from a small alphabet, so that they meet each other.
fn name() -> impl Strategy<Value = String> {
    r#"[ab_.:*%" \\é/]{1,4}"#
}

fn thing() -> impl Strategy<Value = Thing> {
    prop_oneof![Just(Thing::Tool), Just(Thing::Prompt), Just(Thing::Resource)]
}

fn name_pattern() -> impl Strategy<Value = NamePattern> {
    prop_oneof![
        Just(NamePattern::Any),
        name().prop_map(|name| NamePattern::Exact(name.into())),
        name().prop_map(|name| NamePattern::Prefix(name.into())),
    ]
}

fn mcp() -> impl Strategy<Value = Scope> {
    let server = prop_oneof![Just(ServerPattern::Any), slug().prop_map(ServerPattern::Slug)];
    (server, proptest::option::of((thing(), name_pattern())))
        .prop_map(|(server, thing)| Scope::Mcp(McpScope { server, thing }))
}

fn resource() -> impl Strategy<Value = Resource> {
    proptest::sample::select(Resource::ALL.to_vec())
}

fn access() -> impl Strategy<Value = Access> {
    prop_oneof![Just(Access::Read), Just(Access::Write)]
}

fn management() -> impl Strategy<Value = Scope> {
    let resource = prop_oneof![Just(ResourcePattern::Any), resource().prop_map(ResourcePattern::One)];
    let access = prop_oneof![Just(AccessPattern::Any), access().prop_map(AccessPattern::One)];
    prop_oneof![
        4 => (resource, access).prop_map(|(resource, access)| Scope::Admin { resource, access }),
        1 => Just(Scope::KeysVerify),
    ]
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![mcp(), management()]
}

fn scope_set() -> impl Strategy<Value = ScopeSet> {
    prop_oneof![proptest::collection::vec(mcp(), 1..4), proptest::collection::vec(management(), 1..4)]
        .prop_map(|scopes| ScopeSet::new(scopes).unwrap())
}

/// Something that a caller may want to do.
#[derive(Debug, Clone)]
enum Wish {
    Server(Slug),
    WholeServer(Slug),
    Thing(Slug, Thing, String),
    Admin(Resource, Access),
    Verify,
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        1 => slug().prop_map(Wish::Server),
        1 => slug().prop_map(Wish::WholeServer),
        4 => (slug(), thing(), name()).prop_map(|(server, thing, name)| Wish::Thing(server, thing, name)),
        2 => (resource(), access()).prop_map(|(resource, access)| Wish::Admin(resource, access)),
        1 => Just(Wish::Verify),
    ]
}

fn allows(set: &ScopeSet, wish: &Wish) -> bool {
    match wish {
        Wish::Server(server) => set.allows_server(server),
        Wish::WholeServer(server) => set.allows_whole_server(server),
        Wish::Thing(server, thing, name) => set.allows_thing(server, *thing, name),
        Wish::Admin(resource, access) => set.allows_admin(*resource, *access),
        Wish::Verify => set.allows_verify(),
    }
}

proptest! {
    #[test]
    fn a_scope_is_read_back_from_its_text(scope in scope()) {
        let text = scope.to_string();
        prop_assert_eq!(text.parse::<Scope>().unwrap(), scope);
        // RFC 6749 §3.3: a scope token has no space, quote or backslash, and is ASCII.
        prop_assert!(text.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)), "{}", text);
    }

    /// Whatever is accepted has one spelling from then on, never longer than it came.
    #[test]
    fn what_is_accepted_is_written_in_one_way(text in r"(mcp|admin|keys)(:(\*|tools|read|verify|keys|[a-c*%:é2A-]{0,5})){0,4}") {
        if let Ok(scope) = text.parse::<Scope>() {
            let written = scope.to_string();
            prop_assert!(written.len() <= text.len());
            prop_assert_eq!(written.parse::<Scope>().unwrap(), scope);
        }
    }

    #[test]
    fn any_text_is_a_scope_or_a_reason(text in ".{0,40}") {
        let _ = text.parse::<Scope>();
        let _ = format!("mcp:a:tools:{text}").parse::<Scope>();
    }

    #[test]
    fn a_set_is_the_same_in_any_order_and_with_doubles(set in scope_set()) {
        let mut scopes: Vec<Scope> = set.iter().cloned().collect();
        scopes.reverse();
        scopes.extend(set.iter().cloned());
        prop_assert_eq!(ScopeSet::new(scopes).unwrap(), set.clone());
        prop_assert_eq!(set.to_string().parse::<ScopeSet>().unwrap(), set.clone());
        let json = serde_json::to_string(&set).unwrap();
        prop_assert_eq!(serde_json::from_str::<ScopeSet>(&json).unwrap(), set);
    }

    /// What covers a scope allows all that the scope allows: nobody hands on more than they have.
    #[test]
    fn covering_is_allowing_no_less(own in scope_set(), wanted in scope(), wish in wish()) {
        let alone = ScopeSet::new(vec![wanted.clone()]).unwrap();
        if own.covers(&wanted) && allows(&alone, &wish) {
            prop_assert!(allows(&own, &wish), "{own} covers {wanted} and refuses {wish:?}");
        }
    }

    #[test]
    fn a_set_covers_its_own(set in scope_set()) {
        for scope in set.iter() {
            prop_assert!(set.covers(scope));
        }
    }

    #[test]
    fn covering_passes_on(a in scope(), b in scope(), c in scope()) {
        let alone = |scope: &Scope| ScopeSet::new(vec![scope.clone()]).unwrap();
        if alone(&a).covers(&b) && alone(&b).covers(&c) {
            prop_assert!(alone(&a).covers(&c), "{a} covers {b} covers {c}");
        }
    }

    /// A key for MCP servers manages nothing, and a key for management calls nothing.
    #[test]
    fn the_two_families_stay_apart(set in scope_set(), wish in wish()) {
        let wants_mcp = matches!(wish, Wish::Server(_) | Wish::WholeServer(_) | Wish::Thing(..));
        if set.is_mcp() != wants_mcp {
            prop_assert!(!allows(&set, &wish), "{set} allows {wish:?}");
        }
    }

    #[test]
    fn more_scopes_never_allow_less(set in scope_set(), more in scope(), wish in wish()) {
        let mut scopes: Vec<Scope> = set.iter().cloned().collect();
        scopes.push(more);
        if let Ok(larger) = ScopeSet::new(scopes)
            && allows(&set, &wish)
        {
            prop_assert!(allows(&larger, &wish));
        }
    }
}

#[test]
fn texts_that_are_scopes() {
    for text in [
        "mcp:*",
        "mcp:docs",
        "mcp:docs:tools:search",
        "mcp:docs:tools:*",
        "mcp:docs:tools:get_*",
        "mcp:*:prompts:greet",
        "mcp:docs:resources:file%3A///a%2Ab",
        "mcp:docs:tools:caf%C3%A9",
        "admin:*:*",
        "admin:keys:write",
        "keys:verify",
    ] {
        assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
    }
}

#[test]
fn texts_that_are_none() {
    for text in [
        "",
        "mcp",
        "mcp:",
        "MCP:docs",
        "mcp:Docs",
        "mcp:do*",
        "mcp:docs:",
        "mcp:docs:tools",
        "mcp:docs:tools:",
        "mcp:docs:*:x",
        "mcp:docs:tools:a:b",
        "mcp:docs:tools:*a",
        "mcp:docs:tools:a*b",
        "mcp:docs:tools:a**",
        "mcp:docs:tools:a b",
        "mcp:docs:tools:é",
        "mcp:docs:tools:%",
        "mcp:docs:tools:%2",
        "mcp:docs:tools:%zz",
        "mcp:docs:tools:%ff",
        "admin:keys",
        "admin:keys:delete",
        "admin:keys:read:x",
        "admin:nobody:read",
        "keys:*",
        "keys:verify:x",
    ] {
        assert!(text.parse::<Scope>().is_err(), "{text}");
    }
    assert!(format!("mcp:a:tools:{}", "b".repeat(Scope::MAX_BYTES)).parse::<Scope>().is_err());
}

#[test]
fn an_encoded_star_is_a_letter_and_not_a_pattern() {
    let scopes: ScopeSet = "mcp:docs:tools:a%2A".parse().unwrap();
    let docs = "docs".parse().unwrap();
    assert!(scopes.allows_thing(&docs, Thing::Tool, "a*"));
    assert!(!scopes.allows_thing(&docs, Thing::Tool, "ab"));
}

#[test]
fn any_scope_on_a_server_opens_it_and_only_the_whole_one_opens_all() {
    let (docs, other) = ("docs".parse().unwrap(), "other".parse().unwrap());
    let one: ScopeSet = "mcp:docs:tools:search".parse().unwrap();
    assert!(one.allows_server(&docs) && !one.allows_server(&other));
    assert!(!one.allows_whole_server(&docs));
    assert!(one.allows_thing(&docs, Thing::Tool, "search"));
    assert!(!one.allows_thing(&docs, Thing::Prompt, "search"));
    let all_tools: ScopeSet = "mcp:docs:tools:*".parse().unwrap();
    assert!(!all_tools.allows_whole_server(&docs));
    let whole: ScopeSet = "mcp:docs".parse().unwrap();
    assert!(whole.allows_whole_server(&docs) && !whole.allows_whole_server(&other));
    assert!(whole.allows_thing(&docs, Thing::Resource, "file:///a"));
}

#[test]
fn a_set_has_bounds() {
    assert_eq!(ScopeSet::new(vec![]), Err(ScopeSetError::Empty));
    let many = (0..=ScopeSet::MAX).map(|n| format!("mcp:s{n}").parse().unwrap()).collect();
    assert_eq!(ScopeSet::new(many), Err(ScopeSetError::TooMany { count: ScopeSet::MAX + 1 }));
    assert!("mcp:docs keys:verify".parse::<ScopeSet>().is_err());
    assert!(serde_json::from_str::<ScopeSet>("[]").is_err());
}

#[test]
fn a_hundred_prefixes_look_once_at_a_name_and_never_at_one_that_is_too_long() {
    let prefix = |n: usize| format!("mcp:docs:resources:app%3A//{}*", "a".repeat(n));
    let scopes: ScopeSet = (0..100).map(prefix).collect::<Vec<_>>().join(" ").parse().unwrap();
    let docs = "docs".parse().unwrap();
    let start = format!("app://{}", "a".repeat(200));
    for (length, looked_at) in [(Thing::MAX_NAME, true), (Thing::MAX_NAME + 1, false)] {
        // With a dot segment, so that no prefix matches and each of them is asked.
        let name = format!("{start}/../{}", "b".repeat(length - start.len() - 4));
        let named = Named::new(Thing::Resource, &name);
        assert!(!scopes.allows_named(&docs, &named));
        assert_eq!(named.leads_elsewhere.get().is_some(), looked_at, "{length}");
    }
}
