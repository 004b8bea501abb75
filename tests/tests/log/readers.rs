//! What other teams read with: NATS's and CloudEvents' own libraries, unmodified, the generated types, and the examples
//! of the documentation.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use events::log::Log;
use gateway::config::NatsRole;
use gateway::store::setup;
use keyledger_tests::clients::{readers_node, readers_python};
use keyledger_tests::poll;
use keyledger_tests::servers::Nats;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::server::ask;
use crate::setting::{bootstrap, fill};

const BOUND: Duration = Duration::from_secs(60);

fn tree() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn script(name: &str) -> PathBuf {
    tree().join("tests/clients/readers").join(name)
}

/// A folder in which node finds what is installed, and the built types of the events.
fn node_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let modules = folder.path().join("node_modules");
    std::fs::create_dir(&modules).unwrap();
    for entry in std::fs::read_dir(readers_node().join("node_modules")).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_name().to_string_lossy().starts_with('.') {
            std::os::unix::fs::symlink(entry.path(), modules.join(entry.file_name())).unwrap();
        }
    }
    std::fs::write(folder.path().join("package.json"), r#"{"type":"module"}"#).unwrap();
    folder
}

async fn output(what: &str, command: &mut Command, input: &str) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{what}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let output = poll::within(what, BOUND, child.wait_with_output()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{what}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{text}"))).collect()
}

fn password(nats: &Nats) -> String {
    nats.credentials("auditor").password
}

#[tokio::test]
async fn libraries_read_with_their_defaults() {
    const COUNT: u64 = 1_101;
    let nats = Nats::set_up().await;
    let log = nats.log(NatsRole::Control).await.unwrap();
    bootstrap(&log).await;
    let last = fill(&log, 1_100).await;
    let mut python = readers_python();
    python.arg(script("defaults.py")).args([nats.url(), COUNT.to_string()]);
    let told = lines(&output("nats-py", python.env("NATS_PASSWORD", password(&nats)), "").await);
    let read = |what: &str, came: u64| json!({"what": what, "came": came, "again": 0, "pending": 0});
    assert_eq!(told, [read("by subject", COUNT), read("durable", COUNT), read("durable, again", 0)]);

    let folder = node_folder();
    std::fs::copy(script("defaults.mjs"), folder.path().join("defaults.mjs")).unwrap();
    let filter = log.message(last.sequence).await.unwrap().unwrap().subject;
    let mut node = Command::new("node");
    node.arg("defaults.mjs").args([nats.url(), COUNT.to_string(), filter]).current_dir(folder.path());
    let told = lines(&output("nats.js", node.env("NATS_PASSWORD", password(&nats)), "").await);
    let read = |what: &str, came: u64| json!({"what": what, "came": came, "pending": 0});
    assert_eq!(told, [read("ordered", COUNT), read("filtered", 1), read("named", COUNT)]);
}

#[tokio::test]
async fn the_official_sdks_take_each_event_for_a_cloud_event() {
    let golden = tree().join("events/golden");
    let mut events = String::new();
    for noun in std::fs::read_dir(golden).unwrap() {
        for file in std::fs::read_dir(noun.unwrap().path()).unwrap() {
            events += &std::fs::read_to_string(file.unwrap().path()).unwrap();
        }
    }
    let expected: Vec<_> = lines(&events)
        .into_iter()
        .map(|it| json!([it["id"], it["type"], it["subject"], it["dataschema"], it["data"]]))
        .collect();
    assert!(expected.len() > 15);
    let mut python = readers_python();
    assert_eq!(lines(&output("Python's", python.arg(script("as_cloudevents.py")), &events).await), expected);
    let folder = node_folder();
    std::fs::copy(script("as_cloudevents.mjs"), folder.path().join("as_cloudevents.mjs")).unwrap();
    let mut node = Command::new("node");
    let told =
        output("JavaScript's", node.arg("as_cloudevents.mjs").current_dir(folder.path()), &events).await;
    assert_eq!(lines(&told), expected);

    // A message says what it is.
    let nats = Nats::set_up().await;
    bootstrap(&nats.log(NatsRole::Control).await.unwrap()).await;
    let message = ask(&nats, "STREAM.MSG.GET.KL_EVENTS_0", &json!({"seq": 1})).await;
    let headers = message["message"]["hdrs"].as_str().unwrap();
    let headers = base64_text(headers);
    assert!(headers.to_lowercase().contains("content-type: application/cloudevents+json\r\n"), "{headers}");
}

fn base64_text(text: &str) -> String {
    use base64::Engine;
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap()
}

/// Builds the types, and a program that uses them; gives where it lies.
async fn built_example() -> (tempfile::TempDir, PathBuf) {
    let folder = node_folder();
    let package = folder.path().join("node_modules/@keyledger/events");
    std::fs::create_dir_all(&package).unwrap();
    let types = tree().join("events/types/typescript");
    std::fs::copy(types.join("package.json"), package.join("package.json")).unwrap();
    let tsc = readers_node().join("node_modules/typescript/bin/tsc");
    let mut build = Command::new("node");
    build.arg(&tsc).arg("--project").arg(&types).arg("--outDir").arg(package.join("dist"));
    output("the types of TypeScript", &mut build, "").await;
    std::fs::copy(tree().join("docs/events/examples/view.ts"), folder.path().join("view.ts")).unwrap();
    let mut build = Command::new("node");
    build.arg(&tsc).args(["--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck"]);
    output(
        "the example in TypeScript",
        build.args(["--types", "node", "view.ts"]).current_dir(folder.path()),
        "",
    )
    .await;
    let program = folder.path().join("view.js");
    (folder, program)
}

#[tokio::test]
async fn the_types_of_python_fit_the_golden_files() {
    let folder = tempfile::tempdir().unwrap();
    let golden = std::fs::read_to_string(tree().join("events/golden/key/issued.v1.json")).unwrap();
    let golden = golden.trim_end().replace(":true", ":True").replace(":false", ":False");
    let program = format!(
        "from keyledger_events import Event, KeyIssuedV1, is_known\n\nissued: KeyIssuedV1 = {golden}\n\n\n\
         def name(event: Event) -> str:\n    if event[\"type\"] == \"key.issued\":\n        \
         return event[\"data\"][\"prefix\"]\n    return event[\"aggregateid\"]\n\n\nassert is_known(issued)\n\
         print(name(issued))\n"
    );
    let path = folder.path().join("fits.py");
    std::fs::write(&path, program).unwrap();
    let types = tree().join("events/types/python");
    let mut check = readers_python();
    check.args(["-m", "mypy", "--strict", "--cache-dir", "/dev/null"]).arg(&path).env("MYPYPATH", &types);
    output("mypy", &mut check, "").await;
    let mut run = readers_python();
    let said = output("the program", run.arg(&path).env("PYTHONPATH", &types), "").await;
    assert_eq!(said, "kl_live\n");
}

#[test]
fn the_asyncapi_document_is_valid() {
    let read = |path: PathBuf| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    let specs = readers_node().join("node_modules/@asyncapi/specs/schemas/3.0.0.json");
    let validator = jsonschema::validator_for(&read(specs)).unwrap();
    let mut document = read(tree().join("events/schemas/asyncapi.json"));
    validator.validate(&document).unwrap();
    document["operations"]["appendEvents"]["action"] = json!("sing");
    assert!(!validator.is_valid(&document));
}

/// A program that keeps a view. It says how far it is, and how many keys it knows.
struct Program {
    command: Box<dyn Fn() -> Command>,
    running: Option<Running>,
}

struct Running {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    err: Lines<BufReader<ChildStderr>>,
}

impl Program {
    fn start(&mut self) {
        let mut command = (self.command)();
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let err = BufReader::new(child.stderr.take().unwrap()).lines();
        self.running = Some(Running { child, out, err });
    }

    async fn kill(&mut self) {
        self.running.take().unwrap().child.kill().await.unwrap();
    }

    async fn says(&mut self, expected: &str) {
        let lines = &mut self.running.as_mut().unwrap().out;
        poll::within(expected, BOUND, async {
            while lines.next_line().await.unwrap().expect("it runs on") != expected {}
        })
        .await;
    }

    /// It has noticed that nobody answers.
    async fn waits(&mut self) {
        let lines = &mut self.running.as_mut().unwrap().err;
        poll::within("it notices that nobody answers", BOUND, async {
            while !lines.next_line().await.unwrap().expect("it runs on").starts_with("again, after") {}
        })
        .await;
    }
}

async fn keeps_its_view(command: impl Fn(&str, &str) -> Command + 'static) {
    let mut nats = Nats::set_up().await;
    let log = nats.log(NatsRole::Control).await.unwrap();
    bootstrap(&log).await;
    let (url, password) = (nats.url(), password(&nats));
    let mut program = Program { command: Box::new(move || command(&url, &password)), running: None };
    program.start();
    fill(&log, 2_500).await;
    program.says("2501 2500").await;
    // It is killed, and goes on where it was.
    program.kill().await;
    fill(&log, 3).await;
    program.start();
    program.says("2504 2503").await;
    // The server stands still for longer than the program waits.
    nats.pause().await;
    program.waits().await;
    nats.resume().await;
    fill(&log, 1).await;
    program.says("2505 2504").await;
    nats.stop().await;
    nats.start_again().await;
    poll::until("the log is back", BOUND, async || log.info().await).await;
    fill(&log, 1).await;
    program.says("2506 2505").await;
    // Another log in its place.
    nats.stop().await;
    std::fs::remove_dir_all(nats.store()).unwrap();
    nats.start_again().await;
    setup::setup(&nats.connect("admin").await, 1).await.unwrap();
    let other = nats.log(NatsRole::Control).await.unwrap();
    bootstrap(&other).await;
    fill(&other, 4).await;
    program.says("another log: the view begins anew").await;
    program.says("5 4").await;
    program.kill().await;
}

#[tokio::test]
async fn the_example_in_python_keeps_its_view() {
    let folder = tempfile::tempdir().unwrap();
    let view = folder.path().join("keys.db");
    keeps_its_view(move |url, password| {
        let mut command = readers_python();
        command.arg(tree().join("docs/events/examples/view.py")).arg(&view);
        command.env("NATS_URL", url).env("NATS_USER", "auditor").env("NATS_PASSWORD", password);
        command
    })
    .await;
    drop(folder);
}

#[tokio::test]
async fn the_example_in_typescript_keeps_its_view() {
    let (folder, program) = built_example().await;
    let view = folder.path().join("keys.db");
    keeps_its_view(move |url, password| {
        let mut command = Command::new("node");
        command.arg(&program).arg(&view);
        command.env("NATS_URL", url).env("NATS_USER", "auditor").env("NATS_PASSWORD", password);
        command
    })
    .await;
    drop(folder);
}
