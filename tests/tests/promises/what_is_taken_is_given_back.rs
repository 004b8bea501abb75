//! Whatever the API takes, log, PostgreSQL, API, command line, backup and replay give back as it was; all else is
//! refused at the door. Many values of every field of every command, the odd ones among them.

use std::collections::BTreeMap;

use events::clock::{SystemClock, SystemRandom};
use events::log::Log;
use events::server::UpstreamUrl;
use events::{KeyId, OrganizationId, Owner, Read, ScopeSet, Subject, Timestamp, deep};
use gateway::backup;
use gateway::config::NatsRole;
use keyledger_tests::servers::{Nats, Postgres};
use keyledger_tests::spine::{Organization, Spine, items, text};
use keyledger_tests::wire::Ask;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

use crate::the_command_line_speaks_the_api::Shell;

const CASES: usize = 50;

/// Some of each, drawn the same way each time.
fn some(strategy: impl Strategy<Value = String>) -> Vec<String> {
    let mut runner = TestRunner::deterministic();
    (0..CASES).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// JSON text of a name or a reason.
fn texts() -> impl Strategy<Value = String> {
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
fn moments() -> impl Strategy<Value = String> {
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
fn metadata() -> impl Strategy<Value = String> {
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

fn object(members: &[(String, String)]) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn scopes() -> impl Strategy<Value = String> {
    let scope = prop_oneof![
        Just("mcp:*".to_owned()),
        "mcp:[a-z]{1,9}:tools:[a-zA-Z0-9_./-]{1,12}[*]?",
        "mcp:[a-z]{1,9}:resources:file%3A///[%0-9A-F]{0,9}",
        "mcp:[*a-z]{1,5}:(tools|prompts|things):([*]|[é %]{1,3})",
    ];
    prop::collection::vec(scope, 0..4).prop_map(|scopes| json!(scopes).to_string())
}

fn upstreams() -> impl Strategy<Value = String> {
    "(http|https|ftp)://(tools\\.example|TOOLS\\.example|bücher\\.example|127\\.0\\.0\\.1|\\[::1\\])(:[0-9]{1,5})?/[a-zA-Z0-9é %~._-]{0,9}"
        .prop_map(|url| json!(url).to_string())
}

/// What is expected of each key: the members that were sent, as JSON text.
type Taken = BTreeMap<String, BTreeMap<&'static str, String>>;

/// Sends JSON text; the answer, where it is taken. What is refused is the sender's fault, and nothing breaks.
async fn send(spine: &Spine, method: &'static str, path: &str, body: String) -> Option<Value> {
    let ask = Ask::new(method, path).header("Content-Type", "application/json").body(body.clone());
    let answer = spine.admin(ask).await;
    match answer.status {
        200 | 201 => Some(answer.json()),
        400 | 422 => None,
        other => panic!("{method} {path} {body}: {other} {}", answer.text()),
    }
}

async fn issue(spine: &Spine, keys: &str, taken: &mut Taken, member: &'static str, value: String) {
    let others = ["name", "scopes"].into_iter().zip([r#""a key""#, r#"["mcp:*"]"#]);
    let mut members: BTreeMap<&str, String> = others.map(|(name, value)| (name, value.to_owned())).collect();
    members.insert(member, value);
    let body: Vec<_> = members.iter().map(|(name, value)| (format!("\"{name}\""), value.clone())).collect();
    if let Some(issued) = send(spine, "POST", keys, object(&body)).await {
        taken.insert(text(&issued, "id"), members);
    }
}

/// Changes a member of a fresh key.
async fn change(
    spine: &Spine,
    keys: &str,
    taken: &mut Taken,
    verb: &str,
    member: &'static str,
    value: String,
) {
    let fresh = json!({"name": "a key", "scopes": ["mcp:*"]});
    let issued = spine.write(Ask::post(keys, &fresh)).await;
    let method = if member == "reason" { "POST" } else { "PUT" };
    let path = format!("{keys}/{}/{verb}", text(&issued, "id"));
    if send(spine, method, &path, object(&[(format!("\"{member}\""), value.clone())])).await.is_some() {
        taken.insert(text(&issued, "id"), BTreeMap::from([(member, value)]));
    }
}

/// The member as it is shown is the one that was sent.
fn same(member: &str, sent: &str, shown: &Value) -> bool {
    let sent: Value = deep::from_str(sent).unwrap();
    let moment = |value: &Value| value.as_str().map(|text| text.parse::<Timestamp>().unwrap());
    match member {
        "not_before" | "expires_at" => moment(&sent) == moment(shown),
        "scopes" => {
            let set = |value: &Value| serde_json::from_value::<ScopeSet>(value.clone()).unwrap();
            set(&sent) == set(shown)
        }
        "upstream" => {
            let url = |value: &Value| serde_json::from_value::<UpstreamUrl>(value.clone()).unwrap();
            url(&sent) == url(shown)
        }
        _ => equal(&sent, shown),
    }
}

/// JSON numbers are values: 1e16 is 10000000000000000.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other
                || (one.is_f64() && one.as_f64().map(f64::to_bits) == other.as_f64().map(f64::to_bits))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let within = |name: &String, value| other.get(name).is_some_and(|other| equal(value, other));
            one.len() == other.len() && one.iter().all(|(name, value)| within(name, value))
        }
        (one, other) => one == other,
    }
}

fn check(taken: &Taken, shown: &[Value], by: &str) {
    let shown: Map<String, Value> = shown.iter().map(|key| (text(key, "id"), key.clone())).collect();
    for (id, members) in taken {
        let key = shown.get(id).unwrap_or_else(|| panic!("{by} has no {id}: {members:?}"));
        for (member, sent) in members {
            assert!(same(member, sent, &key[*member]), "{by}: {member} {sent} came back as {}", key[*member]);
        }
    }
}

async fn listed(spine: &Spine, organization: &Organization, position: &str) -> Vec<Value> {
    let (mut found, mut next) = (Vec::new(), String::new());
    loop {
        let path = format!("{}?limit=200&at_least={position}{next}", organization.path("keys"));
        let page = spine.admin(Ask::get(path)).await.expect(200);
        // Items of old may be nested deeper than the default.
        let page: Value = deep::from_str(&page.text()).unwrap();
        found.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return found,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_taken_of_a_key_is_given_back_as_it_was() {
    let mut spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let keys = organization.path("keys");
    let mut taken = Taken::new();
    for (member, values) in [
        ("name", some(texts())),
        ("not_before", some(moments())),
        ("expires_at", some(moments())),
        ("scopes", some(scopes())),
        ("metadata", some(metadata())),
    ] {
        let before = taken.len();
        for value in values {
            issue(&spine, &keys, &mut taken, member, value).await;
        }
        let new = taken.len() - before;
        assert!(new > 0 && new < CASES, "{member}: {new} of {CASES} were taken, which shows nothing");
    }
    for (verb, member, values) in [
        ("revoke", "reason", some(texts())),
        ("disable", "reason", some(texts())),
        ("name", "name", some(texts())),
        ("expiry", "expires_at", some(moments())),
        ("scopes", "scopes", some(scopes())),
        ("metadata", "metadata", some(metadata())),
    ] {
        for value in values {
            change(&spine, &keys, &mut taken, verb, member, value).await;
        }
    }

    let last = spine.key(&organization, &["mcp:*"]).await;
    check(&taken, &listed(&spine, &organization, &last.position).await, "the API");
    let cli = Shell::of(&spine);
    let said = cli.done(&["keys", "list", "--organization", "acme", "--limit", "100000", "--json"]).await;
    let said: Value = deep::from_str(&said).unwrap();
    check(&taken, said["items"].as_array().unwrap(), "the command line");
    in_the_log(&spine, &organization, &taken).await;

    // Other servers, filled from a backup: the log is replayed, the read models are built from it.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let admin = spine.nats.connect("admin").await;
    backup::take(&admin, &copy, &SystemClock, &SystemRandom, |_| ()).await.unwrap();
    spine.stop_node().await;
    let nats = Nats::start().await;
    let (admin, restore) = (nats.connect("admin").await, nats.connect("restore").await);
    backup::put_back(&admin, &restore, &copy, 1, |_| ()).await.unwrap();
    spine.move_to(nats, Postgres::start().await);
    spine.start_node().await;
    spine.becomes_ready().await;
    check(&taken, &listed(&spine, &organization, &last.position).await, "a replay of the backup");
}

/// What is not sealed stands in the events; every event can be read.
async fn in_the_log(spine: &Spine, organization: &Organization, taken: &Taken) {
    let log = spine.nats.log(NatsRole::Control).await.unwrap();
    let id = log.id().await.unwrap();
    let owner = Owner::Organization(organization.id.parse::<OrganizationId>().unwrap());
    for (key, members) in taken {
        let subject = Subject::key(owner, key.parse::<KeyId>().unwrap());
        let mut data = Map::new();
        for stored in log.history(&subject).await.unwrap().events {
            let Read::Event(recorded) = stored.read(id) else { panic!("{key} can't be read: {members:?}") };
            data.extend(
                serde_json::from_str::<Map<String, Value>>(recorded.event.data().unwrap().get()).unwrap(),
            );
        }
        for (member, sent) in
            members.iter().filter(|(member, _)| !["name", "reason", "metadata"].contains(*member))
        {
            let stored = data.get(*member).unwrap_or(&Value::Null);
            assert!(same(member, sent, stored), "the log: {member} {sent} is {stored}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_taken_of_organizations_and_servers_is_given_back_as_it_was() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let (mut of_servers, mut of_organizations) = (Taken::new(), Taken::new());
    let servers = organization.path("servers");
    let quoted = |text: String| json!(text).to_string();
    for (number, (name, upstream)) in some(texts()).into_iter().zip(some(upstreams())).enumerate() {
        let slug = quoted(format!("server-{number}"));
        let good = quoted("https://tools.example/mcp".to_owned());
        for (slug, name, upstream) in [
            (slug, name.clone(), good.clone()),
            (quoted(format!("other-{number}")), quoted("a name".to_owned()), upstream.clone()),
        ] {
            let members = BTreeMap::from([("slug", slug), ("name", name), ("upstream", upstream)]);
            let body: Vec<_> =
                members.iter().map(|(name, value)| (format!("\"{name}\""), value.clone())).collect();
            let Some(registered) = send(&spine, "POST", &servers, object(&body)).await else { continue };
            of_servers.insert(text(&registered, "id"), members);
        }
        let slug = quoted(format!("organization-{number}"));
        let body = object(&[(r#""slug""#.to_owned(), slug), (r#""name""#.to_owned(), name.clone())]);
        if let Some(created) = send(&spine, "POST", "/api/v1/organizations", body).await {
            of_organizations.insert(text(&created, "id"), BTreeMap::from([("name", name)]));
        }
    }
    assert!(of_servers.len() > CASES / 2 && of_organizations.len() > 5);
    let last = spine.key(&organization, &["mcp:*"]).await;
    for (path, taken) in [(servers.as_str(), &of_servers), ("/api/v1/organizations", &of_organizations)] {
        let path = format!("{path}?limit=200&at_least={}", last.position);
        check(taken, &items(&spine.admin(Ask::get(path)).await.expect(200)), "the API");
    }
}
