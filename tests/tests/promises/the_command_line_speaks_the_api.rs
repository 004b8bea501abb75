//! The command line over a running node: what it prints for people and for programs, its exit codes, and the log
//! read as the auditor.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use keyledger_tests::poll::{self, within};
use keyledger_tests::servers::ROOT;
use keyledger_tests::spine::{Spine, items};
use keyledger_tests::wire::{Answer, Ask};
use serde_json::{Value, json};
use sqlx::Connection;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// Longer than anything here takes.
const BOUND: Duration = Duration::from_secs(20);

/// The binary as `./test` builds it, beside the tests.
fn keyledger() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let binary = tests.parent().unwrap().parent().unwrap().join("keyledger");
    assert!(binary.exists(), "{} is not built: cargo build --bin keyledger", binary.display());
    binary
}

pub struct Shell<'a> {
    spine: &'a Spine,
    pub folder: tempfile::TempDir,
}

pub struct Said {
    pub out: String,
    pub err: String,
    pub code: i32,
}

impl<'a> Shell<'a> {
    pub fn of(spine: &'a Spine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("auditor"), spine.nats.credentials("auditor").password).unwrap();
        Self { spine, folder }
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(keyledger());
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .env("KEYLEDGER_API", format!("http://{}", self.spine.admin))
            .env("KEYLEDGER_ADMIN_KEY", &self.spine.admin_key)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    pub async fn run(&self, args: &[&str]) -> Said {
        let what = format!("{args:?}");
        let output = within(&what, Duration::from_secs(30), self.command(args).output()).await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().expect("it ends by itself");
        Said { out: text(output.stdout), err: text(output.stderr), code }
    }

    /// What it prints when it does what was asked.
    pub async fn done(&self, args: &[&str]) -> String {
        let said = self.run(args).await;
        assert_eq!(said.code, 0, "{args:?}: {}{}", said.out, said.err);
        said.out
    }

    async fn json(&self, args: &[&str]) -> Value {
        let out = self.done(&[args, &["--json"]].concat()).await;
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}: {out}"))
    }

    pub fn events<'b>(&self, args: &[&'b str]) -> Vec<&'b str> {
        let url: &'static str = Box::leak(self.spine.nats.url().into_boxed_str());
        [&["events"], args, &["--nats", url, "--nats-password-file", "auditor"]].concat()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organization_from_its_creation_to_a_revoked_key() {
    let spine = Spine::start().await;
    let shell = Shell::of(&spine);
    let created = shell.json(&["organizations", "create", "acme", "--name", "Acme"]).await;
    assert_eq!(created["changed"], true);
    let since = ["--at-least", created["position"].as_str().unwrap()];
    assert!(shell.done(&[&["organizations", "list"][..], &since].concat()).await.contains("Acme"));
    let of = ["--organization", "acme"];
    let register = ["servers", "register", "docs", "--upstream", "https://docs.example/mcp"];
    let said = shell.done(&[&register[..], &of].concat()).await;
    assert!(said.contains("registered\nupstream: "), "what was found is told: {said}");
    let set = ["--credentials", "header:x-id", "--response-timeout", "5s", "--no-try"];
    let said = shell.done(&[&["servers", "change", "docs"][..], &set, &of].concat()).await;
    assert!(!said.contains("upstream: "), "it was not tried: {said}");
    let change =
        ["servers", "change", "docs", "--enabled", "false", "--reset", "response-timeout", "--no-try"];
    let changed = shell.json(&[&change[..], &of].concat()).await;
    let since = ["--at-least", changed["position"].as_str().unwrap()];
    let shown = shell.json(&[&["servers", "show", "docs"][..], &of, &since].concat()).await;
    assert_eq!((&shown["state"], &shown["slug"]), (&"disabled".into(), &"docs".into()));
    let settings = &shown["settings"];
    assert_eq!(
        (&settings["credentials"], &settings["response_timeout_seconds"]),
        (&"header:x-id".into(), &Value::Null)
    );

    // The key alone goes to standard output.
    let issue = ["keys", "issue", "Builder", "--scope", "mcp:docs", "--expires-at", "2100-01-01T00:00:00Z"];
    let issued = shell.run(&[&issue[..], &of].concat()).await;
    assert_eq!(issued.code, 0, "{}", issued.err);
    assert!(issued.out.starts_with("kl_live_") && issued.out.lines().count() == 1, "{}", issued.out);
    let id = issued.err.split(':').next().unwrap().to_owned();
    let revoke = ["keys", "revoke", &id, "--reason", "leaked"];
    assert_eq!(shell.done(&[&revoke[..], &of].concat()).await, format!("{id}: revoked\n"));
    let again = ["keys", "revoke", &id];
    assert_eq!(shell.done(&[&again[..], &of].concat()).await, format!("{id}: it was so already\n"));

    let refused = shell.run(&[&["keys", "enable", &id][..], &of].concat()).await;
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    assert!(refused.err.contains("revoked") && refused.err.contains("[key-revoked]"), "{}", refused.err);
    // A key is named by its id; whoever pastes the key itself does not read it again.
    let secret = issued.out.trim_end();
    for (named, says) in [("nonsense", "`nonsense` is no key id"), (secret, "this is a key itself")] {
        let refused = shell.run(&[&["keys", "revoke", named][..], &of].concat()).await;
        assert_eq!(refused.code, 2, "{}", refused.err);
        assert!(refused.err.contains(says) && !refused.err.contains(secret), "{}", refused.err);
    }
    let fresh = shell.json(&[&["keys", "issue", "Fresh", "--scope", "mcp:docs"][..], &of].concat()).await;
    assert!(fresh["warnings"].is_null(), "{fresh}");
    let since_fresh = ["--at-least", fresh["position"].as_str().unwrap()];
    let fresh = fresh["id"].as_str().unwrap();
    let warned = shell
        .run(&[&["keys", "scopes", fresh, "mcp:dosc:tools:*", "mcp:nothing-like-it"][..], &of].concat())
        .await;
    assert_eq!(warned.code, 0, "{}", warned.err);
    assert!(
        warned.err.contains("no server `dosc`") && warned.err.contains("did you mean `docs`?"),
        "{}",
        warned.err
    );
    assert!(warned.err.contains("no server `nothing-like-it`"), "{}", warned.err);

    let unknown = shell.run(&["keys", "list", "--organization", "nobody"]).await;
    assert_eq!(unknown.code, 1, "{}", unknown.err);
    assert_eq!(shell.run(&["keys", "issue"]).await.code, 2);

    let revoked = shell.json(&[&again[..], &of].concat()).await;
    let since = ["--at-least", revoked["position"].as_str().unwrap()];
    let history = shell.done(&[&["keys", "history", &id][..], &of, &since].concat()).await;
    assert!(history.contains("key.issued") && history.contains("leaked"), "{history}");
    let list = shell.json(&[&["keys", "list"][..], &of, &since_fresh].concat()).await;
    // The newest first.
    assert_eq!((&list["items"][0]["name"], &list["items"][1]["state"]), (&"Fresh".into(), &"revoked".into()));
    let status = shell.done(&["status"]).await;
    assert!(status.contains("parked events"), "{status}");
    assert_eq!(shell.json(&["status"]).await["read_models"]["parked"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_read_as_the_auditor() {
    let spine = Spine::start().await;
    let shell = Shell::of(&spine);
    let (acme, other) = (spine.organization("acme").await, spine.organization("other").await);
    let key = spine.key(&acme, &["mcp:*"]).await;
    spine.key(&other, &["mcp:*"]).await;
    let replay = async |args: &[&str]| {
        let out = shell.done(&shell.events(&[&["replay"], args].concat())).await;
        let lines = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.collect::<Vec<_>>()
    };
    let kinds = |lines: &[Value]| {
        lines.iter().map(|line| line["event"]["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };

    let all = replay(&[]).await;
    assert_eq!(kinds(&all)[0], "installation.bootstrapped");
    assert!(all.iter().all(|line| line["foreign"].is_null() && line["unreadable"].is_null()));
    assert_eq!(kinds(&replay(&["--key", &key.id]).await), ["key.issued"]);
    let of_acme = kinds(&replay(&["--organization", &acme.id]).await);
    assert_eq!(of_acme, ["organization.created", "key.issued"]);
    let created = kinds(&replay(&["--subject", "kl.events.*._.organization.*"]).await);
    assert_eq!(created, ["organization.created"; 2]);
    // From a position, and from the time at which the log stored that event.
    let from = all.iter().position(|line| line["position"] == key.position.as_str()).unwrap();
    assert_eq!(replay(&["--from", &key.position]).await, all[from..]);
    assert_eq!(replay(&["--from", &(from + 1).to_string()]).await, all[from..]);
    let time = all[from]["stored_at"].as_str().unwrap();
    let since = replay(&["--from", time]).await;
    assert!(since.contains(&all[from]) && since.len() >= all.len() - from && since.len() < all.len());

    // Up to a place, by type and actor, and nothing of what is not there.
    assert_eq!(replay(&["--from", &key.position, "--to", &key.position]).await, all[from..=from]);
    assert_eq!(
        replay(&["--to", time]).await.len(),
        all.iter().filter(|it| it["stored_at"].as_str() < Some(time)).count()
    );
    assert_eq!(replay(&["--last", "1h"]).await, all);
    assert_eq!(kinds(&replay(&["--type", "key.*", "--organization", &acme.id]).await), ["key.issued"]);
    assert!(!replay(&["--actor", "system:bootstrap"]).await.is_empty());
    let beyond = shell.run(&shell.events(&["replay", "--from", "2100-01-01T00:00:00Z"])).await;
    assert_eq!((beyond.code, beyond.out.as_str()), (1, ""), "{}", beyond.err);
    assert!(beyond.err.contains("beyond the end"), "{}", beyond.err);
    let csv = shell.done(&shell.events(&["replay", "--format", "csv", "--key", &key.id])).await;
    let row = csv.lines().nth(1).unwrap();
    assert!(
        csv.starts_with("position,") && row.starts_with(&*key.position) && row.contains("key.issued"),
        "{csv}"
    );
    let events = shell.done(&shell.events(&["replay", "--format", "cloudevents"])).await;
    let event: Value = serde_json::from_str(events.lines().nth(from).unwrap()).unwrap();
    assert_eq!((&event["position"], &event["data"]), (&all[from]["position"], &all[from]["event"]["data"]));
    assert_eq!(event["sequence"].as_str().unwrap(), format!("{:020}", from + 1));

    // The same with its texts, as the admin API tells it.
    let since = ["--at-least", &*key.position, "--type", "key.issued", "--order", "oldest"];
    let listed =
        shell.json(&[&["organizations", "events", "--organization", "acme"], &since[..]].concat()).await;
    assert_eq!(listed["items"][0]["aggregate_id"], key.id.as_str());
    let anywhere = shell.json(&[&["events", "list", "--last", "1h"], &since[..]].concat()).await;
    assert!(anywhere["items"].as_array().unwrap().len() > 2, "{anywhere}");

    let mut tail = shell.command(&shell.events(&["tail", "--from", &key.position]));
    let mut tail = tail.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut next = async || {
        let line = within("a line", Duration::from_secs(20), lines.next_line()).await.unwrap().unwrap();
        serde_json::from_str::<Value>(&line).unwrap()
    };
    for expected in &all[from..] {
        assert_eq!(next().await, *expected);
    }
    spine.change_key(&acme, &key.id, "revoke").await;
    assert_eq!(next().await["event"]["type"], "key.revoked");
    tail.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_verified_and_what_is_not_keyledgers_is_found() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    spine.key(&organization, &["mcp:*"]).await;
    let shell = Shell::of(&spine);
    let verify = shell.events(&["verify"]);
    let report = shell.json(&verify).await;
    assert_eq!((&report["good"], &report["findings"]), (&Value::Bool(true), &json!([])), "{report}");
    assert!(shell.done(&verify).await.contains("replay       good"));

    let root = spine.nats.connect(ROOT).await;
    let strange = format!("kl.events.0.{}.key.0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b", organization.id);
    within("an acknowledgement", Duration::from_secs(10), root.request(strange.clone(), "nonsense".into()))
        .await
        .unwrap();
    let said = shell.run(&verify).await;
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.out.contains("envelope     1") && said.out.contains(&strange), "{}", said.out);
    assert!(said.err.contains("1 finding in the log"), "{}", said.err);
    let said = shell.run(&[&verify[..], &["--json"]].concat()).await;
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &report["counts"]), (1, &json!({"envelope": 1})));

    let nobody = ["events", "verify", "--nats", "nats://127.0.0.1:1", "--nats-password-file", "auditor"];
    assert_eq!(shell.run(&nobody).await.code, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_followed_until_it_holds_everywhere() {
    let spine = Spine::start().await;
    let shell = Shell::of(&spine);
    let organization = spine.organization("acme").await;
    let wait = ["--organization", organization.id.as_str(), "--wait", "fleet"];
    let issued = shell.run(&[&["keys", "issue", "CI", "--scope", "mcp:*"], &wait[..]].concat()).await;
    assert_eq!((issued.code, issued.out.lines().count()), (0, 1), "{}{}", issued.out, issued.err);
    assert!(
        issued.err.contains(": applied after ") && issued.err.contains("it holds on 1 of 1 processes after "),
        "{}",
        issued.err
    );
    let id = issued.err.split(':').next().unwrap();
    let disabled = shell.json(&[&["keys", "disable", id], &wait[..]].concat()).await;
    assert_eq!(
        (&disabled["changed"], &disabled["fleet"]["complete"]),
        (&true.into(), &true.into()),
        "{disabled}"
    );

    // One node more, of which nothing is heard for a while.
    let silent = json!({"lease_millis": 2_000, "max_staleness_millis": 3_000});
    spine.silent_node("asleep", &silent).await;
    let rename = [&["keys", "rename", id, "Robot"], &wait[..], &["--wait-timeout", "300ms"]].concat();
    let renamed = shell.run(&rename).await;
    assert_eq!((renamed.code, renamed.out), (4, format!("{id}: renamed\n")), "{}", renamed.err);
    for said in [
        "waiting for 1 of 2 processes",
        "done, but not proven everywhere",
        "may still answer as before: asleep",
    ] {
        assert!(renamed.err.contains(said), "{said}: {}", renamed.err);
    }
    let renamed = shell.run(&[&rename[..], &["--json"]].concat()).await;
    let answer: Value = serde_json::from_str(&renamed.out).unwrap();
    assert_eq!((renamed.code, &answer["fleet"]["unproven"]), (4, &1.into()), "{answer}");
    let enabled = shell.run(&[&["keys", "enable", id], &wait[..]].concat()).await;
    assert_eq!(enabled.code, 0, "{}", enabled.err);
    assert!(enabled.err.contains("asleep: fenced after "), "{}", enabled.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_waiting_is_told_that_it_is_done() {
    let spine = Spine::start().await;
    let shell = Shell::of(&spine);
    let organization = spine.organization("acme").await;
    spine.silent_node("asleep", &json!({})).await;
    let issue =
        ["keys", "issue", "CI", "--scope", "mcp:*", "--organization", &organization.id, "--wait", "fleet"];
    let mut issuing = shell.command(&[&issue[..], &["--json"]].concat());
    let issuing = issuing.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let path = format!("{}?limit=10", organization.path("keys"));
    poll::until("the key is issued", BOUND, async || {
        match items(&spine.admin(Ask::get(&path)).await.expect(200)) {
            keys if keys.is_empty() => Err("none"),
            _ => Ok(()),
        }
    })
    .await;
    let process = issuing.id().expect("it waits").to_string();
    assert!(Command::new("kill").args(["-INT", &process]).status().await.unwrap().success());
    let output = within("it ends", BOUND, issuing.wait_with_output()).await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("the command is done"), "{said}");
    let issued: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(issued["secret"].is_string(), "the secret is not lost: {issued}");
}

/// Slugs are known to every control process; only lists are PostgreSQL's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_by_slug_need_no_postgresql() {
    let mut spine = Spine::breakable(|_| ()).await;
    let organization = spine.organization("demo").await;
    spine.register(&organization, "docs", "https://docs.example/mcp").await;
    let key = spine.key(&organization, &["mcp:docs"]).await;
    spine.postgres.stop().await;

    let shell = Shell::of(&spine);
    let of = ["--organization", organization.slug.as_str()];
    shell.done(&[&["servers", "change", "docs", "--enabled", "false"][..], &of].concat()).await;
    shell.done(&[&["keys", "issue", "Builder", "--scope", "mcp:docs"][..], &of].concat()).await;
    let revoked = shell.done(&[&["keys", "revoke", &key.id][..], &of].concat()).await;
    assert_eq!(revoked, format!("{}: revoked\n", key.id));
    let unknown = shell.run(&["keys", "revoke", &key.id, "--organization", "nobody"]).await;
    assert_eq!(unknown.code, 1, "{}", unknown.err);
    assert!(unknown.err.contains("there is no organization `nobody`"), "{}", unknown.err);
    let listed = shell.run(&[&["keys", "list"][..], &of].concat()).await;
    assert!(listed.code == 3 && listed.err.contains("[read-models-unavailable]"), "{}", listed.err);
}

/// Behind, the read models answer what they have, say so, and keep no command waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_read_models_that_are_behind_says_so() {
    let spine = Spine::start().await;
    let shell = Shell::of(&spine);
    let organization = spine.organization("demo").await;
    let key = spine.key(&organization, &["mcp:*"]).await;
    let list = |at_least: &str| Ask::get(format!("{}?limit=100{at_least}", organization.path("keys")));
    let is_behind = |answer: &Answer| answer.header("read-models-as-of").is_some();
    let current = spine.admin(list(&format!("&at_least={}", key.position))).await.expect(200);
    assert!(!is_behind(&current), "{current:?}");

    // Nobody can move a checkpoint any more; what is there can be read.
    let mut connection = spine.postgres.connect().await;
    let mut held = connection.begin().await.unwrap();
    sqlx::query("SELECT * FROM checkpoints FOR UPDATE").fetch_all(&mut *held).await.unwrap();
    let mut last = String::new();
    poll::until("a second's events are missing", BOUND, async || {
        last = spine.key(&organization, &["mcp:*"]).await.position;
        let answer = spine.admin(list("")).await.expect(200);
        if is_behind(&answer) { Ok(()) } else { Err(items(&answer).len()) }
    })
    .await;
    let of = ["--organization", organization.slug.as_str()];
    let shown = shell.run(&[&["keys", "list"][..], &of].concat()).await;
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert!(shown.err.contains("the read models are behind: this is as of 20"), "{}", shown.err);
    let revoked = shell.done(&[&["keys", "revoke", &key.id][..], &of].concat()).await;
    assert_eq!(revoked, format!("{}: revoked\n", key.id));

    held.rollback().await.unwrap();
    poll::until("they catch up", BOUND, async || {
        match spine.admin(list(&format!("&at_least={last}"))).await {
            answer if answer.status == 200 && !is_behind(&answer) => Ok(()),
            answer => Err((answer.status, answer.text())),
        }
    })
    .await;
}
