//! What other teams read with: NATS's and CloudEvents' own libraries, unmodified, the generated types, and the examples
//! of the documentation.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use events::AggregateType;
use events::log::Log;
use events::log::jetstream::{JetStreamLog, data};
use gateway::config::{self, NatsRole};
use gateway::store::readers::Reader;
use gateway::store::setup;
use keyledger_tests::clients::{readers_node, readers_python};
use keyledger_tests::poll;
use keyledger_tests::servers::Nats;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

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
async fn libraries_read_as_a_team_that_may_read_keys_alone() {
    let may = config::Reader { organization: None, types: vec![AggregateType::Key], password_hash: None };
    let reader = Reader::new("billing".parse().unwrap(), &may);
    let nats = Nats::set_up_for(vec![reader.clone()]).await;
    let log = nats.log(NatsRole::Control).await.unwrap();
    bootstrap(&log).await;
    fill(&log, 1_100).await;
    let password = nats.credentials(&reader.user()).password;
    let arguments = |name: usize| {
        [
            nats.url(),
            reader.user(),
            reader.consumers()[name].clone(),
            reader.filters()[0].clone(),
            "1100".to_owned(),
        ]
    };
    let mut python = readers_python();
    python.arg(script("team.py")).args(arguments(0));
    let told = lines(&output("nats-py", python.env("NATS_PASSWORD", &password), "").await);
    let read = |what: &str, came: u64| json!({"what": what, "came": came, "pending": 0});
    assert_eq!(told, [read("first", 1_100), read("again", 0)]);

    let folder = node_folder();
    std::fs::copy(script("team.mjs"), folder.path().join("team.mjs")).unwrap();
    let mut node = Command::new("node");
    node.arg("team.mjs").args(arguments(1)).current_dir(folder.path());
    let told = lines(&output("nats.js", node.env("NATS_PASSWORD", &password), "").await);
    assert_eq!(told, [read("named", 1_100), json!({"what": "ordered", "refused": true})]);
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
}

impl Program {
    fn start(&mut self) {
        let mut command = (self.command)();
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        self.running = Some(Running { child, out });
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
}

/// The examples, before a log with an installation in it.
async fn examples() -> (Nats, JetStreamLog, tempfile::TempDir, Vec<Program>) {
    let (folder, typescript) = built_example().await;
    let rust = target().join("examples/view");
    assert!(rust.exists(), "{} is not built: run ./test", rust.display());
    let nats = Nats::set_up().await;
    let log = nats.log(NatsRole::Control).await.unwrap();
    bootstrap(&log).await;
    let commands: [fn() -> Command; 3] = [readers_python, || Command::new("node"), || Command::new("env")];
    let programs = [tree().join("docs/events/examples/view.py"), typescript, rust];
    let programs = (commands.into_iter().zip(programs).enumerate())
        .map(|(index, (command, program))| {
            let (url, password) = (nats.url(), password(&nats));
            let view = folder.path().join(format!("{index}.db"));
            let command = move || {
                let mut command = command();
                command.arg(&program).arg(&view).env("NATS_URL", &url);
                command.env("NATS_USER", "auditor").env("NATS_PASSWORD", &password);
                command
            };
            Program { command: Box::new(command), running: None }
        })
        .collect();
    (nats, log, folder, programs)
}

/// What an attacker with control's password may leave there.
#[tokio::test]
async fn the_examples_pass_what_is_no_event() {
    let (nats, log, _folder, mut programs) = examples().await;
    each(&mut programs, async |it| it.start()).await;
    fill(&log, 3).await;
    each(&mut programs, async |it| it.says("4 3").await).await;
    let client = nats.connect("control").await;
    for junk in ["", "{}", ""] {
        client.request(data("kl.events.0.x"), junk.into()).await.unwrap();
    }
    fill(&log, 1).await;
    each(&mut programs, async |it| it.says("8 4").await).await;
    each(&mut programs, async |it| it.kill().await).await;
}

/// Through 2,500 events, a kill, a server that stands still for 70 s, its restart, and another log in its place.
#[tokio::test]
async fn the_examples_keep_their_views() {
    let (mut nats, log, _folder, mut programs) = examples().await;
    each(&mut programs, async |it| it.start()).await;
    fill(&log, 2_500).await;
    each(&mut programs, async |it| it.says("2501 2500").await).await;
    each(&mut programs, async |it| it.kill().await).await;
    fill(&log, 3).await;
    each(&mut programs, async |it| it.start()).await;
    each(&mut programs, async |it| it.says("2504 2503").await).await;
    // Longer than any of the libraries waits by itself.
    nats.pause().await;
    tokio::time::sleep(Duration::from_secs(70)).await;
    nats.resume().await;
    poll::until("the log answers again", BOUND, async || log.info().await).await;
    fill(&log, 1).await;
    each(&mut programs, async |it| it.says("2505 2504").await).await;
    nats.stop().await;
    nats.start_again().await;
    poll::until("the log is back", BOUND, async || log.info().await).await;
    fill(&log, 1).await;
    each(&mut programs, async |it| it.says("2506 2505").await).await;
    nats.stop().await;
    std::fs::remove_dir_all(nats.store()).unwrap();
    nats.start_again().await;
    setup::setup(&nats.connect("admin").await, 1).await.unwrap();
    let other = nats.log(NatsRole::Control).await.unwrap();
    bootstrap(&other).await;
    fill(&other, 4).await;
    each(&mut programs, async |it| it.says("another log: the view begins anew").await).await;
    each(&mut programs, async |it| it.says("5 4").await).await;
    each(&mut programs, async |it| it.kill().await).await;
}

async fn each(programs: &mut [Program], what: impl AsyncFn(&mut Program)) {
    for program in programs {
        what(program).await;
    }
}

/// Where examples lie, beside the folder of the test binaries.
fn target() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    this.ancestors().nth(2).unwrap().to_owned()
}
