use super::*;

fn invalid(body: &str) -> String {
    match Message::parse(body.as_bytes()) {
        Err(MessageError::Invalid(why)) => why,
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn a_tool_call_is_read_without_copies() {
    let body =
        br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"add","arguments":{"name":"x"},
        "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","progressToken":1}}}"#;
    let message = Message::parse(body).unwrap();
    assert_eq!(message.shape, Shape::Request);
    assert_eq!(message.id.unwrap().get(), "7");
    assert!(matches!(message.method, Cow::Borrowed("tools/call")));
    assert!(matches!(message.params.name, Member::Text(Cow::Borrowed("add"))));
    assert_eq!(message.params.meta.version.text(), Some("2026-07-28"));
}

#[test]
fn shapes_are_told_apart() {
    let shape = |body: &str| Message::parse(body.as_bytes()).unwrap().shape;
    assert_eq!(shape(r#"{"jsonrpc":"2.0","method":"ping","id":"a"}"#), Shape::Request);
    assert_eq!(
        shape(r#"{"jsonrpc":"2.0","method":"notifications/initialized","params":null}"#),
        Shape::Notification
    );
    assert_eq!(shape(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#), Shape::Response);
    assert_eq!(shape(r#"{"jsonrpc":"2.0","id":1,"error":{"code":1}}"#), Shape::Response);
}

#[test]
fn duplicates_are_refused_on_every_level_that_is_read() {
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","m\u0065thod":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{},"params":{"name":"x"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{},"arguments":{}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"x":1,"x":2}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"name":"a","name":"b"}}}"#,
    ] {
        assert!(invalid(body).contains("stands twice"), "{body}");
    }
}

#[test]
fn a_member_that_differs_from_ours_in_case_is_refused() {
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","PARAMS":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Name":"b"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","param\u017f":{}}"#,
    ] {
        assert!(invalid(body).contains("in case alone"), "{body}");
    }
}

#[test]
fn batches_are_refused() {
    for body in ["[]", " \n[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]"] {
        assert!(matches!(Message::parse(body.as_bytes()), Err(MessageError::Batch)));
    }
}

#[test]
fn what_is_no_json_rpc_is_refused() {
    for body in [
        r#""ping""#,
        r#"{"id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":["ping"]}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":5}}"#,
    ] {
        invalid(body);
    }
    for body in [&b""[..], b"{", b"{\"jsonrpc\":\"2.0\"} x", b"{\"a\":\"\xff\"}", b"\xef\xbb\xbf{}"] {
        assert!(matches!(Message::parse(body), Err(MessageError::NotJson(_))), "{body:?}");
    }
}

#[test]
fn deep_arguments_do_not_exhaust_the_stack() {
    let deep = "[".repeat(500_000) + &"]".repeat(500_000);
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"a","arguments":{deep}}}}}"#
    );
    assert_eq!(Message::parse(body.as_bytes()).unwrap().params.name.text(), Some("a"));
}

mod what_is_read {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn text() -> impl Strategy<Value = String> {
        prop_oneof!["[a-z/]{0,8}", "\\PC{0,6}", Just("tools/call".to_owned())]
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            text().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("[a-d]{1,2}", inner, 0..4)
                    .prop_map(|map| map.into_iter().collect::<Value>()),
            ]
        })
    }

    proptest! {
        /// An ordinary parser of the same body finds the same names: no body means one thing to us and
        /// another to the upstream.
        #[test]
        fn is_what_any_parser_reads(method in text(), name in value(), uri in value(), version in value(),
            more in value(), pretty: bool)
        {
            let message = json!({"jsonrpc": "2.0", "id": 1, "method": method,
                "params": {"name": name, "uri": uri, "arguments": more, "_meta": {params::VERSION_KEY: version}}});
            let body = if pretty { serde_json::to_string_pretty(&message) } else { serde_json::to_string(&message) };
            let body = body.unwrap();
            let read = Message::parse(body.as_bytes()).unwrap();
            prop_assert_eq!(&*read.method, &method);
            prop_assert_eq!(read.params.name.text(), name.as_str());
            prop_assert_eq!(read.params.uri.text(), uri.as_str());
            prop_assert_eq!(read.params.meta.version.text(), version.as_str());
        }

        #[test]
        fn never_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Message::parse(&body);
        }
    }
}
