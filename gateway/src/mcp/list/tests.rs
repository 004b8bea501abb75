use events::ScopeSet;

use super::*;
use crate::mcp::Message;

fn seen(answer: &str, asked: List, hints: bool, scopes: &str) -> Result<Option<String>, ListFault> {
    let (scopes, docs): (ScopeSet, _) = (scopes.parse().unwrap(), "docs".parse().unwrap());
    shown(answer, Some(asked), hints, |needs| needs.met_by(&scopes, &docs))
}

#[test]
fn an_entry_is_shown_if_it_may_be_used_and_nothing_else_is_touched() {
    let tools = r#"{ "jsonrpc":"2.0", "result" : {"tools" : [ {"name":"add","x":[1e2, "}"]} ,{"title":"name","name":"\u0073ub"},
        {"name":"other","name2":{"name":"add"}}, {"name":"adder"}], "nextCursor":"c\n2"}, "id":7 } "#;
    assert_eq!(
        seen(tools, List::Tools, false, "mcp:docs:tools:add mcp:docs:tools:sub").unwrap().unwrap(),
        r#"{ "jsonrpc":"2.0", "result" : {"tools" : [{"name":"add","x":[1e2, "}"]},{"title":"name","name":"\u0073ub"}], "nextCursor":"c\n2"}, "id":7 } "#
    );
    assert_eq!(seen(tools, List::Tools, false, "mcp:docs:tools:*"), Ok(None));
    assert_eq!(seen(tools, List::Tools, false, "mcp:docs"), Ok(None));
    let none = seen(tools, List::Tools, false, "mcp:docs:prompts:*").unwrap().unwrap();
    assert!(none.contains(r#""tools" : [], "nextCursor":"c\n2"}"#), "{none}");
}

#[test]
fn each_list_has_names_of_its_own() {
    let uris = r#"{"result":{"resources":[{"uri":"file:///a/1","name":"b"},{"uri":"file:///a/../2"},{"name":"file:///a/3"}]}}"#;
    let only = |entry: &str, member: &str| format!(r#"{{"result":{{"{member}":[{entry}]}}}}"#);
    let scopes = "mcp:docs:resources:file%3A///a/* mcp:docs:prompts:p";
    let kept = only(r#"{"uri":"file:///a/1","name":"b"}"#, "resources");
    assert_eq!(seen(uris, List::Resources, false, scopes), Ok(Some(kept)));
    let templates = r#"{"result":{"resourceTemplates":[{"uriTemplate":"file:///b/{x}"},{"uriTemplate":"file:///a/{x}"}]}}"#;
    let kept = only(r#"{"uriTemplate":"file:///a/{x}"}"#, "resourceTemplates");
    assert_eq!(seen(templates, List::Templates, false, scopes), Ok(Some(kept)));
    let prompts = r#"{"result":{"prompts":[{"name":"p"},{"name":"q"}]}}"#;
    assert_eq!(seen(prompts, List::Prompts, false, scopes), Ok(Some(only(r#"{"name":"p"}"#, "prompts"))));
}

#[test]
fn what_names_nothing_or_two_things_is_shown_to_who_holds_the_whole_server() {
    let long = "a".repeat(Thing::MAX_NAME + 1);
    let entries = [
        "7".to_owned(),
        r#""add""#.to_owned(),
        "{}".to_owned(),
        r#"{"name":7}"#.to_owned(),
        r#"{"name":"add","name":"other"}"#.to_owned(),
        r#"{"name":"add","Name":"other"}"#.to_owned(),
    ];
    for entry in entries {
        let list = format!(r#"{{"result":{{"tools":[{entry}]}}}}"#);
        let empty = r#"{"result":{"tools":[]}}"#;
        assert_eq!(seen(&list, List::Tools, false, "mcp:docs:tools:*").unwrap().unwrap(), empty, "{entry}");
        assert_eq!(seen(&list, List::Tools, false, "mcp:docs"), Ok(None), "{entry}");
    }
    // Nobody can call it.
    let list = format!(r#"{{"result":{{"tools":[{{"name":"{long}"}}]}}}}"#);
    assert!(seen(&list, List::Tools, false, "mcp:docs").unwrap().is_some());
}

#[test]
fn a_list_is_kept_for_half_a_minute_and_by_its_client_alone() {
    let hinted = |hints: &str| {
        let list = format!(r#"{{"result":{{"tools":[]{hints}}}}}"#);
        seen(&list, List::Tools, true, "mcp:docs").unwrap().unwrap_or(list)
    };
    for (theirs, ours) in [
        (r#","ttlMs":300000,"cacheScope":"public""#, r#","ttlMs":30000,"cacheScope":"private""#),
        (r#","cacheScope":"private","ttlMs":7"#, r#","cacheScope":"private","ttlMs":7"#),
        ("", r#","ttlMs":0,"cacheScope":"private""#),
        (r#","ttlMs":-1,"cacheScope":null"#, r#","ttlMs":0,"cacheScope":"private""#),
        (r#","ttlMs":"1e9""#, r#","ttlMs":0,"cacheScope":"private""#),
    ] {
        assert_eq!(hinted(theirs), format!(r#"{{"result":{{"tools":[]{ours}}}}}"#), "{theirs}");
    }
}

#[test]
fn errors_and_other_messages_pass() {
    for other in [
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"tools":[{"name":"x"}]}}"#,
        "{}",
    ] {
        assert_eq!(seen(other, List::Tools, true, "mcp:docs:tools:a"), Ok(None), "{other}");
    }
}

#[test]
fn what_is_not_understood_is_a_fault() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let list = format!(r#"{{"result":{{"tools":[{{"name":"a","x":{deep}}},{{"name":"b"}}]}}}}"#);
    assert!(seen(&list, List::Tools, false, "mcp:docs:tools:b").unwrap().unwrap().len() < 50);
    for (answer, fault) in [
        (r#"{"result":{"tools":[{"name":"a"}]"#, ListFault::NotJson),
        (r#"{"result":{"tools":[{"name":"a"}]}} {}"#, ListFault::NotJson),
        (r#"{"result":{"tools":[{"name":"a"},]}}"#, ListFault::NotJson),
        (r#"{"result":{"tools":[{"name":"a"]}}}"#, ListFault::NotJson),
        (r#"[{"result":{"tools":[]}}]"#, ListFault::NotJson),
        ("", ListFault::NotJson),
        (r#"{"result":{"tools":[]},"result":{"tools":[{"name":"a"}]}}"#, ListFault::Doubtful),
        (r#"{"result":{"tools":[]},"Result":{"tools":[{"name":"a"}]}}"#, ListFault::Doubtful),
        (r#"{"result":{"tools":[],"Tools":[{"name":"a"}]}}"#, ListFault::Doubtful),
        (r#"{"result":{"tools":{"0":{"name":"a"}}}}"#, ListFault::NoList("tools")),
        (r#"{"result":{"prompts":[]}}"#, ListFault::NoList("tools")),
        (r#"{"result":[{"name":"a"}]}"#, ListFault::NoList("tools")),
        (r#"{"result":null}"#, ListFault::NoList("tools")),
    ] {
        assert_eq!(seen(answer, List::Tools, false, "mcp:docs:tools:b"), Err(fault), "{answer}");
    }
}

#[test]
fn on_a_stream_each_list_is_found_and_other_results_pass() {
    let (scopes, docs): (ScopeSet, _) = ("mcp:docs:tools:a".parse().unwrap(), "docs".parse().unwrap());
    let any = |answer: &str| shown(answer, None, false, |needs| needs.met_by(&scopes, &docs));
    assert_eq!(
        any(r#"{"result":{"tools":[{"name":"a"},{"name":"b"}],"prompts":[{"name":"p"}]}}"#).unwrap().unwrap(),
        r#"{"result":{"tools":[{"name":"a"}],"prompts":[]}}"#
    );
    for other in [r#"{"result":{"content":[{"tools":[{"name":"b"}]}]}}"#, r#"{"result":7}"#, r#"{"id":1}"#] {
        assert_eq!(any(other), Ok(None), "{other}");
    }
}

/// For whatever names and scopes: an entry is shown exactly if the message that uses it passes.
#[test]
fn calls_and_lists_agree() {
    use proptest::prelude::*;

    let part = "[a-c./%:*{}\"\\\\é ]{0,6}";
    let scope = ("(tools|prompts|resources)", part, any::<bool>()).prop_map(|(thing, name, prefix)| {
        use events::scope::{McpScope, NamePattern, Scope, ServerPattern};
        let thing = Thing::ALL.into_iter().find(|it| it.as_str() == thing).unwrap();
        let name = if prefix { NamePattern::Prefix(name.into()) } else { NamePattern::Exact(name.into()) };
        Scope::Mcp(McpScope { server: ServerPattern::Any, thing: Some((thing, name)) })
    });
    let all = (proptest::collection::vec(scope, 1..5), proptest::collection::vec(part, 0..12));
    proptest!(ProptestConfig::with_cases(512), |((scopes, names) in all)| {
        let (scopes, docs) = (ScopeSet::new(scopes).unwrap(), "docs".parse().unwrap());
        for (list, member, method, params) in [
            (List::Tools, "name", "tools/call", r#"{"name":NAME}"#),
            (List::Prompts, "name", "prompts/get", r#"{"name":NAME}"#),
            (List::Resources, "uri", "resources/read", r#"{"uri":NAME}"#),
            (List::Templates, "uriTemplate", "completion/complete", r#"{"ref":{"type":"ref/resource","uri":NAME}}"#),
        ] {
            let entries = names.iter().map(|name| serde_json::json!({ member: name })).collect::<Vec<_>>();
            let answer = serde_json::json!({"id": 1, "result": {list.member(): entries}}).to_string();
            let answer = shown(&answer, Some(list), false, |needs| needs.met_by(&scopes, &docs)).unwrap().unwrap_or(answer);
            let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
            let listed: Vec<_> = answer["result"][list.member()].as_array().unwrap().iter()
                .map(|entry| entry[member].as_str().unwrap().to_owned()).collect();
            let passing: Vec<_> = names.iter().filter(|name| {
                let params = params.replace("NAME", &serde_json::to_string(name).unwrap());
                let call = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
                access::needs(&Message::parse(call.as_bytes()).unwrap()).unwrap().met_by(&scopes, &docs)
            }).cloned().collect();
            prop_assert_eq!(listed, passing, "{} of {}", method, &scopes);
        }
    });
}

#[test]
fn an_error_says_code_and_message_and_nothing_beside_to_who_does_not_hold_the_whole_server() {
    let error =
        r#"{"id":1,"error":{"data":{"tools":["secret"]},"code":-32603, "message":"no \"list\"","secret":1}}"#;
    let told = r#"{"id":1,"error":{"code":-32603,"message":"no \"list\""}}"#;
    assert_eq!(seen(error, List::Tools, false, "mcp:docs:tools:add").unwrap().as_deref(), Some(told));
    assert_eq!(seen(error, List::Tools, true, "mcp:docs"), Ok(None));
    assert_eq!(seen(told, List::Tools, false, "mcp:docs:tools:add"), Ok(None));
    let text = r#"{"id":1,"error":"no secret"}"#;
    assert_eq!(seen(text, List::Tools, false, "mcp:docs:tools:add"), Err(ListFault::NotJson));
    let doubtful = r#"{"id":1,"error":{"code":1,"Message":"a","message":"b"}}"#;
    assert_eq!(seen(doubtful, List::Tools, false, "mcp:docs:tools:add"), Err(ListFault::Doubtful));
    let both = r#"{"id":1,"error":null,"result":{"tools":[]}}"#;
    assert_eq!(seen(both, List::Tools, false, "mcp:docs:tools:add"), Ok(None));
}
