//! What access a message needs.
//!
//! Any scope on a server opens its greeting, lists, notifications and responses; calling, getting, reading,
//! subscribing and completing need the named thing; every other method needs the whole server, and so does what
//! names nothing, which is the upstream's to answer: a revision may not know the method any more.

use std::borrow::Cow;

use events::scope::{ScopeSet, Thing};
use events::slug::Slug;

use super::message::{Member, Message, Shape};

/// What a caller must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needs<'a> {
    /// Any scope on the server.
    Server,
    /// One named thing.
    Thing {
        kind: Thing,
        name: Cow<'a, str>,
    },
    /// Each of these resources, and any scope on the server.
    Resources(Vec<Cow<'a, str>>),
    WholeServer,
    /// The whole server, unless the id shows that who asks made the task.
    Task(Cow<'a, str>),
    /// The whole server, since it does not say which thing it is about.
    Unnamed(Unnamed),
}

/// The message does not say what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{method} needs {member}, a string")]
pub struct Unnamed {
    pub method: &'static str,
    pub member: &'static str,
}

/// The message names a thing by more than names have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{member} has more than {max} bytes", max = Thing::MAX_NAME)]
pub struct LongName {
    pub member: &'static str,
}

/// What this message needs.
pub fn needs<'a>(message: &Message<'a>) -> Result<Needs<'a>, LongName> {
    if message.shape == Shape::Response {
        return Ok(Needs::Server);
    }
    let params = &message.params;
    match &*message.method {
        "initialize"
        | "server/discover"
        | "ping"
        | "logging/setLevel"
        | "tools/list"
        | "prompts/list"
        | "resources/list"
        | "resources/templates/list" => Ok(Needs::Server),
        "tools/call" => thing(Thing::Tool, "tools/call", "params.name", &params.name),
        "prompts/get" => thing(Thing::Prompt, "prompts/get", "params.name", &params.name),
        "resources/read" => thing(Thing::Resource, "resources/read", "params.uri", &params.uri),
        "resources/subscribe" => thing(Thing::Resource, "resources/subscribe", "params.uri", &params.uri),
        "resources/unsubscribe" => thing(Thing::Resource, "resources/unsubscribe", "params.uri", &params.uri),
        "completion/complete" => match params.reference.kind.text() {
            Some("ref/prompt") => {
                thing(Thing::Prompt, "completion/complete", "params.ref.name", &params.reference.name)
            }
            Some("ref/resource") => {
                thing(Thing::Resource, "completion/complete", "params.ref.uri", &params.reference.uri)
            }
            Some(_) | None => {
                Ok(Needs::Unnamed(Unnamed { method: "completion/complete", member: "params.ref.type" }))
            }
        },
        "tasks/get" | "tasks/result" | "tasks/update" | "tasks/cancel" => match &params.task_id {
            Member::Text(id) => Ok(Needs::Task(id.clone())),
            Member::TooLong => Err(LongName { member: "params.taskId" }),
            Member::Absent | Member::Other => {
                Ok(Needs::Unnamed(Unnamed { method: "tasks/*", member: "params.taskId" }))
            }
        },
        "subscriptions/listen" if params.filter.other => Ok(Needs::WholeServer),
        "subscriptions/listen" => Ok(Needs::Resources(params.filter.resources.clone())),
        // Without an id, a method that is no notification may still be acted on: it needs what it needs.
        method if message.shape == Shape::Notification && method.starts_with("notifications/") => {
            Ok(Needs::Server)
        }
        _ => Ok(Needs::WholeServer),
    }
}

/// What this method needs for the thing of that name, which stands in `member`.
pub(super) fn thing<'a>(
    kind: Thing,
    method: &'static str,
    member: &'static str,
    name: &Member<'a>,
) -> Result<Needs<'a>, LongName> {
    match name {
        Member::Text(name) => Ok(Needs::Thing { kind, name: name.clone() }),
        Member::TooLong => Err(LongName { member }),
        Member::Absent | Member::Other => Ok(Needs::Unnamed(Unnamed { method, member })),
    }
}

impl Needs<'_> {
    pub fn into_owned(self) -> Needs<'static> {
        match self {
            Self::Server => Needs::Server,
            Self::Thing { kind, name } => Needs::Thing { kind, name: Cow::Owned(name.into_owned()) },
            Self::Resources(uris) => {
                Needs::Resources(uris.into_iter().map(|uri| Cow::Owned(uri.into_owned())).collect())
            }
            Self::WholeServer => Needs::WholeServer,
            Self::Task(id) => Needs::Task(Cow::Owned(id.into_owned())),
            Self::Unnamed(unnamed) => Needs::Unnamed(unnamed),
        }
    }

    pub fn met_by(&self, scopes: &ScopeSet, server: &Slug) -> bool {
        match self {
            Self::Server => scopes.allows_server(server),
            Self::Thing { kind, name } => scopes.allows_thing(server, *kind, name),
            Self::Resources(uris) => {
                scopes.allows_server(server)
                    && uris.iter().all(|uri| scopes.allows_thing(server, Thing::Resource, uri))
            }
            Self::WholeServer | Self::Task(_) | Self::Unnamed(_) => scopes.allows_whole_server(server),
        }
    }

    /// The scopes that would do for this very operation, as a challenge names them; `None` when they are too
    /// long to be one scope each.
    pub fn scopes(&self, server: &Slug) -> Option<String> {
        use events::scope::{McpScope, NamePattern, Scope, ServerPattern};
        let scope = |thing: Option<(Thing, &str)>| {
            let thing = thing.map(|(kind, name)| (kind, NamePattern::Exact(name.into())));
            let text =
                Scope::Mcp(McpScope { server: ServerPattern::Slug(server.clone()), thing }).to_string();
            (text.len() <= Scope::MAX_BYTES).then_some(text)
        };
        match self {
            Self::Server | Self::WholeServer | Self::Task(_) | Self::Unnamed(_) => scope(None),
            Self::Thing { kind, name } => scope(Some((*kind, name))),
            Self::Resources(uris) if uris.is_empty() => scope(None),
            Self::Resources(uris) => {
                let scopes: Option<Vec<_>> =
                    uris.iter().map(|uri| scope(Some((Thing::Resource, uri)))).collect();
                scopes.map(|scopes| scopes.join(" ")).filter(|text| text.len() <= 4 * Scope::MAX_BYTES)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &str, params: &str) -> Result<Needs<'static>, LongName> {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        let message = Message::parse(body.as_bytes()).unwrap();
        needs(&message).map(Needs::into_owned)
    }

    fn thing(kind: Thing, name: &str) -> Result<Needs<'static>, LongName> {
        Ok(Needs::Thing { kind, name: Cow::Owned(name.to_owned()) })
    }

    #[test]
    fn any_scope_opens_the_greeting_lists_and_notifications() {
        for method in [
            "initialize",
            "server/discover",
            "ping",
            "logging/setLevel",
            "tools/list",
            "prompts/list",
            "resources/list",
            "resources/templates/list",
        ] {
            assert_eq!(of(method, "{}"), Ok(Needs::Server), "{method}");
        }
        for body in [
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"jsonrpc":"2.0","id":4,"result":{"name":"x"}}"#,
        ] {
            assert_eq!(needs(&Message::parse(body.as_bytes()).unwrap()), Ok(Needs::Server));
        }
    }

    #[test]
    fn a_named_thing_is_needed_by_name() {
        assert_eq!(of("tools/call", r#"{"name":"add"}"#), thing(Thing::Tool, "add"));
        assert_eq!(of("prompts/get", r#"{"name":"p"}"#), thing(Thing::Prompt, "p"));
        for method in ["resources/read", "resources/subscribe", "resources/unsubscribe"] {
            assert_eq!(of(method, r#"{"uri":"a:b","name":"x"}"#), thing(Thing::Resource, "a:b"));
        }
        let complete = |r: &str| of("completion/complete", &format!(r#"{{"ref":{r}}}"#));
        assert_eq!(complete(r#"{"type":"ref/prompt","name":"p"}"#), thing(Thing::Prompt, "p"));
        assert_eq!(complete(r#"{"type":"ref/resource","uri":"u","name":"p"}"#), thing(Thing::Resource, "u"));
    }

    #[test]
    fn what_names_nothing_needs_the_whole_server() {
        let docs: Slug = "docs".parse().unwrap();
        let things: ScopeSet = "mcp:docs:tools:* mcp:docs:prompts:* mcp:docs:resources:*".parse().unwrap();
        for (method, params) in [
            ("tools/call", "{}"),
            ("tools/call", r#"{"name":7}"#),
            ("tools/call", r#"{"__proto__":{"name":"x"}}"#),
            ("resources/read", r#"{"name":"x"}"#),
            ("resources/subscribe", "{}"),
            ("completion/complete", "{}"),
            ("completion/complete", r#"{"ref":{"type":"ref/tool","name":"x"}}"#),
        ] {
            let needs = of(method, params).unwrap();
            assert!(matches!(needs, Needs::Unnamed(_)), "{method} {params}");
            assert!(!needs.met_by(&things, &docs));
            assert!(needs.met_by(&"mcp:docs".parse().unwrap(), &docs));
        }
    }

    #[test]
    fn a_name_has_a_bound() {
        let named = |length: usize| of("resources/read", &format!(r#"{{"uri":"{}"}}"#, "a".repeat(length)));
        named(Thing::MAX_NAME).unwrap();
        assert_eq!(named(Thing::MAX_NAME + 1), Err(LongName { member: "params.uri" }));
        let escaped = format!(r#"{{"name":"{}"}}"#, "\\u0061".repeat(Thing::MAX_NAME + 1));
        assert_eq!(of("tools/call", &escaped), Err(LongName { member: "params.name" }));
    }

    #[test]
    fn other_methods_need_the_whole_server() {
        for method in ["tasks/list", "tools/call ", "Tools/call", "roots/list", "notifications/x"] {
            assert_eq!(of(method, "{}"), Ok(Needs::WholeServer), "{method}");
        }
        let call = r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"add"}}"#;
        assert!(matches!(needs(&Message::parse(call.as_bytes()).unwrap()), Ok(Needs::Thing { .. })));
    }

    #[test]
    fn a_prefix_of_a_uri_opens_no_way_around_it() {
        let docs: Slug = "docs".parse().unwrap();
        let notes: ScopeSet = "mcp:docs:resources:file%3A///notes/*".parse().unwrap();
        let read =
            |uri: &str| of("resources/read", &format!(r#"{{"uri":"{uri}"}}"#)).unwrap().met_by(&notes, &docs);
        assert!(read("file:///notes/a.md"));
        for uri in ["file:///notes/../secrets", "file:///notes/%2e%2E/secrets", "file:///notes/./a"] {
            assert!(!read(uri), "{uri}");
            let filter = format!(r#"{{"notifications":{{"resourceSubscriptions":["{uri}"]}}}}"#);
            assert!(!of("subscriptions/listen", &filter).unwrap().met_by(&notes, &docs), "{uri}");
        }
        // Named whole, or with all, it is what was meant.
        for scopes in ["mcp:docs:resources:a/../b", "mcp:docs:resources:*", "mcp:docs"] {
            let scopes: ScopeSet = scopes.parse().unwrap();
            assert!(of("resources/read", r#"{"uri":"a/../b"}"#).unwrap().met_by(&scopes, &docs), "{scopes}");
        }
        // A tool's name is no path.
        let tools: ScopeSet = "mcp:docs:tools:a*".parse().unwrap();
        assert!(of("tools/call", r#"{"name":"a/../b"}"#).unwrap().met_by(&tools, &docs));
    }

    #[test]
    fn listening_needs_each_resource() {
        let filter = r#"{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["a","b"]}}"#;
        let needs = of("subscriptions/listen", filter).unwrap();
        assert_eq!(needs, Needs::Resources(vec!["a".into(), "b".into()]));
        let docs: Slug = "docs".parse().unwrap();
        let only_a: ScopeSet = "mcp:docs:resources:a".parse().unwrap();
        let both: ScopeSet = "mcp:docs:resources:a mcp:docs:resources:b".parse().unwrap();
        assert!(!needs.met_by(&only_a, &docs));
        assert!(needs.met_by(&both, &docs));
        assert_eq!(needs.scopes(&docs).unwrap(), "mcp:docs:resources:a mcp:docs:resources:b");
        let tasks = r#"{"notifications":{"taskIds":["t"]}}"#;
        assert_eq!(of("subscriptions/listen", tasks), Ok(Needs::WholeServer));
    }
}
