//! Values of every kind of field, the odd ones among them, as JSON text.

use events::Timestamp;
use keyledger_tests::upstreams::Authority;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub const CASES: usize = 30;

/// What a client may: judged when it is taken, and shown as it is kept.
pub const CLIENT: &str = r#"{"redirect_uris":["https://a.example/cb"],"token_endpoint_auth_method":"none"}"#;

/// Some of each, drawn the same way each time.
pub fn some(strategy: impl Strategy<Value = String>) -> Vec<String> {
    let mut runner = TestRunner::deterministic();
    (0..CASES).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// JSON text of a name or a reason.
pub fn texts() -> impl Strategy<Value = String> {
    let odd = [
        r#""\u0000""#,
        r#""a\u0000b""#,
        r#""\ud800""#,
        r#""\ud83d\ude00""#,
        r#""\ufffe\uffff""#,
        r#""e\u0301""#,
        r#"" a""#,
        r#""\u200b""#,
        r#""\u2028""#,
        r#""'; DROP TABLE keys; --""#,
        r#""$1 %s {} \\x00""#,
        r#""NULL""#,
        r#""""#,
        "1",
        "null",
    ];
    prop_oneof![
        prop::sample::select(odd.map(str::to_owned).to_vec()),
        any::<String>().prop_map(|text| json!(text).to_string()),
        "\\PC{1,40}".prop_map(|text| json!(text.trim()).to_string()),
    ]
}

/// JSON text of a moment.
pub fn moments() -> impl Strategy<Value = String> {
    let odd = [
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "0000-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-05:00",
        "9999-12-31T23:59:59.999Z",
        "2030-06-30T23:59:60Z",
        "2030-02-30T00:00:00Z",
        "2030-01-01T00:00:00.001+14:00",
        "1969-12-31T23:59:59.999Z",
        "-0001-01-01T00:00:00Z",
        "2030-01-01",
    ];
    prop_oneof![
        1 => prop::sample::select(odd.map(|moment| json!(moment).to_string()).to_vec()),
        1 => (-62_135_596_800_000..253_402_300_800_000_i64)
            .prop_map(|millis| json!(Timestamp::from_unix_millis(millis).unwrap()).to_string()),
    ]
}

/// JSON text of metadata: deep, wide, with numbers and texts that few programs keep.
pub fn metadata() -> impl Strategy<Value = String> {
    let numbers = [
        "0",
        "-0",
        "0.0",
        "-0.0",
        "1",
        "1.0",
        "1.10",
        "1e5",
        "1e16",
        "1e20",
        "1e300",
        "1e-300",
        "5e-324",
        "1e400",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775808",
        "-9223372036854775809",
        "9007199254740993",
        "9007199254740993.0",
        "0.1",
        "0.30000000000000004",
        "3.141592653589793238",
    ];
    let leaf = prop_oneof![
        3 => prop::sample::select(numbers.map(str::to_owned).to_vec()),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        2 => any::<f64>().prop_filter("JSON has no other", |double| double.is_finite())
            .prop_map(|double| format!("{double:e}")),
        2 => texts(),
        1 => prop::sample::select(vec!["true".to_owned(), "null".to_owned(), "[]".to_owned(), "{}".to_owned()]),
    ];
    let value = leaf.prop_recursive(6, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((texts(), inner), 0..4).prop_map(|members| object(&members)),
        ]
    });
    let deep = |depth: usize| format!("{}{}", r#"{"a":["#.repeat(depth / 2), "]}".repeat(depth / 2));
    prop_oneof![
        8 => value.prop_map(|value| object(&[(r#""a""#.to_owned(), value)])),
        1 => prop::sample::select(vec![deep(64), deep(66), deep(124), deep(128), deep(2_000)]),
        1 => prop::sample::select(vec![r#"{"a":1,"a":2}"#.to_owned(), "[]".to_owned(), "{".to_owned(), "{}".to_owned()]),
    ]
}

pub fn object(members: &[(String, String)]) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    format!("{{{}}}", members.join(","))
}

pub fn scopes() -> impl Strategy<Value = String> {
    let scope = prop_oneof![
        Just("mcp:*".to_owned()),
        "mcp:[a-z]{1,9}:tools:[a-zA-Z0-9_./-]{1,12}[*]?",
        "mcp:[a-z]{1,9}:resources:file%3A///[%0-9A-F]{0,9}",
        "mcp:[*a-z]{1,5}:(tools|prompts|things):([*]|[é %]{1,3})",
    ];
    prop::collection::vec(scope, 0..4).prop_map(|scopes| json!(scopes).to_string())
}

pub fn upstreams() -> impl Strategy<Value = String> {
    "(http|https|ftp)://(tools\\.example|TOOLS\\.example|bücher\\.example|127\\.0\\.0\\.1|\\[::1\\])(:[0-9]{1,5})?/[a-zA-Z0-9é %~._-]{0,9}"
        .prop_map(|url| json!(url).to_string())
}

/// No two are the same.
pub fn slugs() -> impl Strategy<Value = String> {
    "[a-z0-9][a-z0-9-]{6,9}|[A-Zé_-]{6,8}|[a-z]{64}".prop_map(|slug| json!(slug).to_string())
}

pub fn flags() -> impl Strategy<Value = String> {
    prop::sample::select(["true", "false", "null", "1", r#""true""#].map(str::to_owned).to_vec())
}

pub fn environments() -> impl Strategy<Value = String> {
    prop::sample::select([r#""live""#, r#""test""#, r#""Test""#, "1"].map(str::to_owned).to_vec())
}

pub fn owners() -> impl Strategy<Value = String> {
    let kinds = prop::sample::select(vec!["organization", "user", "service", "installation"]);
    (kinds, any::<u128>()).prop_map(|(kind, id)| match kind {
        "user" | "service" => json!({"kind": kind, "id": Uuid::from_u128(id)}).to_string(),
        kind => json!({"kind": kind}).to_string(),
    })
}

/// Settings of servers: each of them set, as the configuration has it, or unsaid.
pub fn settings() -> impl Strategy<Value = String> {
    let pem = Authority::new().pem();
    let credentials = prop_oneof![
        prop::sample::select(
            ["authorization", "none", "header:host", "header:", "null"].map(str::to_owned).to_vec()
        ),
        "header:x-[a-z0-9]{1,4}-?[a-z0-9]{0,4}",
    ];
    let ca = prop::sample::select(vec![
        pem.clone(),
        format!("\n{}\r\n", pem.replace('\n', " \r\n")),
        format!("{pem}\n\n{pem}"),
        format!("# ours\n{pem}"),
        String::new(),
    ]);
    let edges = vec![99, 100, 3_600_000, 3_600_001];
    let timeout = || prop_oneof![9 => 100..=3_600_000_u32, 1 => prop::sample::select(edges.clone())];
    let quoted = |text: String| json!(text).to_string();
    let said = |strategy: BoxedStrategy<String>| {
        prop::option::of(prop_oneof![5 => strategy, 1 => Just("null".to_owned())])
    };
    let each = (
        said(credentials.prop_map(quoted).boxed()),
        said(ca.prop_map(quoted).boxed()),
        said(timeout().prop_map(|millis| json!(f64::from(millis) / 1_000.0).to_string()).boxed()),
        said(timeout().prop_map(|millis| json!(f64::from(millis) / 1_000.0).to_string()).boxed()),
    );
    each.prop_map(|(credentials, ca, response, idle)| {
        let names = ["credentials", "ca", "response_timeout_seconds", "idle_timeout_seconds"];
        let said = names.into_iter().zip([credentials, ca, response, idle]);
        let members = said.filter_map(|(name, value)| Some((json!(name).to_string(), value?)));
        object(&members.collect::<Vec<_>>())
    })
}

/// What a server's settings say, without what they leave open. Lengths of time are seconds in the API, and milliseconds in events.
pub fn said_of_settings(settings: &Value) -> Map<String, Value> {
    let members = settings.as_object().cloned().unwrap_or_default().into_iter();
    let said = members.filter(|(_, value)| !value.is_null()).map(|(name, value)| {
        let length = value.as_f64().filter(|_| name.ends_with("_seconds") || name.ends_with("_ms"));
        match (name.strip_suffix("_ms"), length) {
            (Some(stem), Some(millis)) => (format!("{stem}_seconds"), json!(millis / 1_000.0)),
            (_, Some(seconds)) => (name, json!(seconds)),
            (_, None) => (name, value),
        }
    });
    said.collect()
}
