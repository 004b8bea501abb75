//! Whatever the API takes, log, PostgreSQL, API, command line, backup and replay give back as it was; all else is
//! refused at the door. Many values of every field of every command, the odd ones among them.
//!
//! Sealed texts stand in the log as ciphertext: they are read back through the vaults, in the histories. Aggregate, directory
//! and row are compared by `agreement.rs` of the `projections` tests. An installation's keys go an organization's way (`api/owned.rs`).

use std::collections::BTreeMap;
use std::time::Duration;

use events::clock::{SystemClock, SystemRandom};
use events::log::Log;
use events::server::UpstreamUrl;
use events::{Position, Read, ScopeSet, Timestamp, deep};
use gateway::backup;
use gateway::config::{Access, NatsRole};
use keyledger_tests::poll;
use keyledger_tests::servers::{Nats, Postgres};
use keyledger_tests::spine::{Spine, text};
use keyledger_tests::wire::Ask;
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use crate::the_command_line_speaks_the_api::Shell;

mod values;

use values::{
    CASES, CLIENT, environments, flags, metadata, moments, object, owners, said_of_settings, scopes,
    settings, slugs, some, texts, upstreams,
};

/// Members of a request, as JSON text.
type Members = BTreeMap<&'static str, String>;

/// One kind of thing, and what is expected of each by its id: what was taken of it last.
struct Things {
    noun: &'static str,
    path: String,
    standing: BTreeMap<String, Members>,
    number: usize,
}

/// By position, what was taken in the command that made the event.
type Events = BTreeMap<String, Members>;

/// A line of `keyledger events replay`.
#[derive(Deserialize)]
struct Line {
    position: String,
    event: Box<RawValue>,
}

/// Sends JSON text; the answer, where it is taken. What is refused is the sender's fault, and nothing breaks.
async fn send(spine: &Spine, method: &'static str, path: &str, members: &Members) -> Option<Value> {
    let members: Vec<_> =
        members.iter().map(|(name, value)| (format!("\"{name}\""), value.clone())).collect();
    let body = object(&members);
    let ask = Ask::new(method, path).header("Content-Type", "application/json").body(body.clone());
    let answer = spine.admin(ask).await;
    match answer.status {
        200 | 201 => Some(answer.json()),
        400 | 422 => None,
        other => panic!("{method} {path} {body}: {other} {}", answer.text()),
    }
}

impl Things {
    fn new(noun: &'static str, path: String) -> Self {
        Self { noun, path, standing: BTreeMap::new(), number: 0 }
    }

    /// What a new one needs, and nothing is tried of it.
    fn needed(&mut self) -> Members {
        self.number += 1;
        let slug = format!("\"thing-{}\"", self.number);
        let of = |members: &[(&'static str, &str)]| {
            members.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
        };
        match self.noun {
            "keys" => of(&[("name", r#""a key""#), ("scopes", r#"["mcp:*"]"#)]),
            "servers" => {
                let upstream = r#""https://tools.example/mcp""#;
                of(&[
                    ("slug", &slug),
                    ("name", r#""a server""#),
                    ("upstream", upstream),
                    ("try_upstream", "false"),
                ])
            }
            "clients" => of(&[("name", r#""a client""#), ("metadata", CLIENT)]),
            _ => of(&[("slug", &slug), ("name", r#""an organization""#)]),
        }
    }

    /// Makes one for each value; some of them are taken, and some are not.
    async fn create(
        &mut self,
        spine: &Spine,
        events: &mut Events,
        member: &'static str,
        values: Vec<String>,
    ) {
        let mut new = 0;
        for value in values {
            let mut members = self.needed();
            members.insert(member, value);
            let Some(created) = send(spine, "POST", &self.path, &members).await else { continue };
            members.remove("try_upstream");
            members.retain(|name, _| self.noun != "clients" || *name != "metadata");
            events.insert(text(&created, "position"), members.clone());
            self.standing.insert(text(&created, "id"), members);
            new += 1;
        }
        assert!(new > 0 && new < CASES, "{member}: {new} of {CASES} were taken, which shows nothing");
    }

    /// Changes a fresh one for each value.
    async fn change(
        &mut self,
        spine: &Spine,
        events: &mut Events,
        (method, verb): (&'static str, &str),
        member: &'static str,
        values: Vec<String>,
    ) {
        let mut new = 0;
        for value in values {
            let needed = self.needed();
            let fresh = send(spine, "POST", &self.path, &needed).await.unwrap();
            let id = text(&fresh, "id");
            let mut sent = Members::from([(member, value.clone())]);
            if method == "PATCH" && self.noun == "servers" {
                sent.insert("try_upstream", "false".to_owned());
            }
            let Some(done) = send(spine, method, &format!("{}/{id}{verb}", self.path), &sent).await else {
                continue;
            };
            let taken = Members::from([(member, value)]);
            if done["changed"] == true {
                events.insert(text(&done, "position"), taken.clone());
            }
            // Reasons of servers and organizations are in their histories alone.
            let shown = self.noun == "keys" || member != "reason";
            self.standing.insert(id, if shown { taken } else { Members::new() });
            new += 1;
        }
        assert!(new > 0 && new < CASES, "{verb} {member}: {new} of {CASES} were taken, which shows nothing");
    }

    /// They are as they were sent.
    fn check(&self, shown: &[Value], by: &str) {
        let shown: BTreeMap<String, &Value> = shown.iter().map(|item| (text(item, "id"), item)).collect();
        for (id, members) in &self.standing {
            let item = shown.get(id).unwrap_or_else(|| panic!("{by} has no {id}: {members:?}"));
            self.check_one(members, item, by);
        }
    }

    fn check_one(&self, members: &Members, item: &Value, by: &str) {
        for (member, sent) in members {
            let shown = match *member {
                "enabled" => json!(item["state"] == "enabled"),
                member => item[member].clone(),
            };
            assert!(same(member, sent, &shown), "{by}, {}: {member} {sent} came back as {shown}", self.noun);
        }
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
        // What is not said is as the configuration has it, and so is `null`.
        "settings" => said_of_settings(&sent) == said_of_settings(shown),
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

/// Each event of these tells what was sent, be it sealed or not.
fn check_events(events: &Events, shown: &[Value], by: &str) -> usize {
    let mut found = 0;
    for event in shown {
        let Some(members) = events.get(&text(event, "position")) else { continue };
        found += 1;
        for (member, sent) in members {
            let value =
                event["texts"].get(*member).or_else(|| event["data"].get(*member)).unwrap_or(&Value::Null);
            assert!(same(member, sent, value), "{by}: {member} {sent} came back as {value}");
        }
    }
    found
}

async fn get(spine: &Spine, path: &str, position: &str) -> Value {
    let sign = if path.contains('?') { '&' } else { '?' };
    let path = format!("{path}{sign}at_least={position}");
    // Right after a restore the read models may be busy with the replay.
    let (answer, _) = poll::until(&path, Duration::from_secs(20), async || {
        let answer = spine.admin(Ask::get(path.as_str())).await;
        if answer.status == 503 { Err(answer) } else { Ok(answer.expect(200)) }
    })
    .await;
    // Items may be nested deeper than the default.
    deep::from_str(&answer.text()).unwrap()
}

async fn listed(spine: &Spine, path: &str, position: &str) -> Vec<Value> {
    let (mut found, mut next) = (Vec::new(), String::new());
    loop {
        let page = get(spine, &format!("{path}?limit=200{next}"), position).await;
        found.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return found,
        }
    }
}

/// Lists, single things and histories.
async fn by_the_api(spine: &Spine, all: [&Things; 4], events: &Events, acme: &str, position: &str) {
    let mut told = listed(spine, &format!("{acme}/events"), position).await;
    for things in all {
        things.check(&listed(spine, &things.path, position).await, "the API's list");
        for (id, members) in &things.standing {
            let path = format!("{}/{id}", things.path);
            things.check_one(members, &get(spine, &path, position).await, "the API");
            if things.noun == "organizations" {
                told.extend(listed(spine, &format!("{path}/history"), position).await);
            }
        }
    }
    told.dedup_by(|one, other| one["position"] == other["position"]);
    assert!(check_events(events, &told, "the API's history") >= events.len());
}

/// Lists whole, and one thing of every kind by its own command, which prints what the API's `get` answers.
async fn by_the_command_line(spine: &Spine, all: [&Things; 4], events: &Events) {
    let cli = Shell::of(spine);
    let read = async |args: &[&str]| {
        deep::from_str::<Value>(&cli.done(&[args, &["--json"]].concat()).await).unwrap()
    };
    for things in all {
        let of: &[&str] = if things.noun == "organizations" { &[] } else { &["--organization", "acme"] };
        let said = read(&[&[things.noun, "list", "--limit", "100000"], of].concat()).await;
        things.check(said["items"].as_array().unwrap(), "the command line's list");
        let (id, members) = things.standing.last_key_value().unwrap();
        things.check_one(
            members,
            &read(&[&[things.noun, "show", id], of].concat()).await,
            "the command line",
        );
    }
    let told = read(&["organizations", "events", "--organization", "acme", "--limit", "100000"]).await;
    let told = told["items"].as_array().unwrap();
    assert!(check_events(events, told, "the command line's events") > events.len() / 2);
}

/// The log's events, byte for byte; what is not sealed stands in them, and every one can be read.
async fn by_a_replay(spine: &Spine, events: &Events) -> Vec<(String, String)> {
    let (log, cli) = (spine.nats.log(NatsRole::Control).await.unwrap(), Shell::of(spine));
    let id = log.id().await.unwrap();
    let said = cli.done(&cli.events(&["replay"])).await;
    let lines: Vec<Line> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut found = 0;
    for line in &lines {
        let position: Position = line.position.parse().unwrap();
        let stored = log.message(position.sequence).await.unwrap().unwrap();
        assert_eq!(line.event.get().as_bytes(), &stored.payload[..]);
        let Read::Event(recorded) = stored.read(id) else { panic!("{} can't be read", line.event) };
        let Some(members) = events.get(&line.position) else { continue };
        found += 1;
        let data: Map<String, Value> = serde_json::from_str(recorded.event.data().unwrap().get()).unwrap();
        for (member, sent) in
            members.iter().filter(|(member, _)| !["name", "reason", "metadata"].contains(*member))
        {
            let value = data.get(*member).unwrap_or(&Value::Null);
            assert!(same(member, sent, value), "the log: {member} {sent} is {value}");
        }
    }
    assert_eq!(found, events.len());
    lines.into_iter().map(|line| (line.position, line.event.get().to_owned())).collect()
}

/// Other servers, filled from a backup: the log is replayed, the read models are built from it.
async fn move_by_a_backup(spine: &mut Spine) {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let admin = spine.nats.connect("admin").await;
    backup::take(&admin, &copy, &SystemClock, &SystemRandom, |_| ()).await.unwrap();
    spine.stop_node().await;
    let nats = Nats::start().await;
    let (admin, restore) = (nats.connect("admin").await, nats.connect("restore").await);
    backup::put_back(&admin, &restore, &copy, 1, &Access::default(), |_| ()).await.unwrap();
    spine.move_to(nats, Postgres::start().await);
    spine.start_node().await;
    spine.becomes_ready().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_taken_is_given_back_as_it_was() {
    let mut spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let mut events = Events::new();
    let mut keys = Things::new("keys", organization.path("keys"));
    let mut servers = Things::new("servers", organization.path("servers"));
    let mut clients = Things::new("clients", organization.path("clients"));
    let mut organizations = Things::new("organizations", "/api/v1/organizations".to_owned());
    for (member, values) in [
        ("name", some(texts())),
        ("not_before", some(moments())),
        ("expires_at", some(moments())),
        ("scopes", some(scopes())),
        ("metadata", some(metadata())),
        ("owner", some(owners())),
        ("environment", some(environments())),
    ] {
        keys.create(&spine, &mut events, member, values).await;
    }
    for (command, member, values) in [
        (("POST", "/revoke"), "reason", some(texts())),
        (("POST", "/disable"), "reason", some(texts())),
        (("PUT", "/name"), "name", some(texts())),
        (("PUT", "/expiry"), "expires_at", some(moments())),
        (("PUT", "/scopes"), "scopes", some(scopes())),
        (("PUT", "/metadata"), "metadata", some(metadata())),
    ] {
        keys.change(&spine, &mut events, command, member, values).await;
    }
    for (member, values) in [
        ("slug", some(slugs())),
        ("name", some(texts())),
        ("upstream", some(upstreams())),
        ("enabled", some(flags())),
        ("settings", some(settings())),
    ] {
        servers.create(&spine, &mut events, member, values).await;
    }
    for (command, member, values) in [
        (("PATCH", ""), "name", some(texts())),
        (("PATCH", ""), "upstream", some(upstreams())),
        (("PATCH", ""), "enabled", some(flags())),
        (("PATCH", ""), "settings", some(settings())),
        (("DELETE", ""), "reason", some(texts())),
    ] {
        servers.change(&spine, &mut events, command, member, values).await;
    }
    clients.create(&spine, &mut events, "name", some(texts())).await;
    for (command, member) in
        [(("PATCH", ""), "name"), (("POST", "/disable"), "reason"), (("DELETE", ""), "reason")]
    {
        clients.change(&spine, &mut events, command, member, some(texts())).await;
    }
    for (member, values) in [("slug", some(slugs())), ("name", some(texts()))] {
        organizations.create(&spine, &mut events, member, values).await;
    }
    for (command, member) in [(("PUT", "/name"), "name"), (("POST", "/suspend"), "reason")] {
        organizations.change(&spine, &mut events, command, member, some(texts())).await;
    }

    let all = [&keys, &servers, &clients, &organizations];
    let acme = format!("/api/v1/organizations/{}", organization.id);
    let last = spine.key(&organization, &["mcp:*"]).await.position;
    by_the_api(&spine, all, &events, &acme, &last).await;
    by_the_command_line(&spine, all, &events).await;
    let before = by_a_replay(&spine, &events).await;

    move_by_a_backup(&mut spine).await;
    by_the_api(&spine, all, &events, &acme, &last).await;
    let after = by_a_replay(&spine, &events).await;
    assert!(before == after);
}
