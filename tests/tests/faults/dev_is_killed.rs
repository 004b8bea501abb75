//! `keyledger dev`, killed without a chance to clean up, leaves nothing behind that runs, and has lost nothing
//! that it acknowledged; told to end, it ends everything in good order.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use keyledger_tests::poll;
use keyledger_tests::spine::text;
use keyledger_tests::wire::Ask;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

/// Servers, installation, demo, all with an unoptimised binary on two busy cores.
const START: Duration = Duration::from_secs(90);
const END: Duration = Duration::from_secs(20);
/// Acknowledged before the kill.
const KEYS: usize = 25;

/// A running `keyledger dev` with its facts.
struct Dev {
    child: Child,
    data: PathBuf,
    facts: Value,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_runs_on_and_every_acknowledged_key_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut dev = Dev::start(&data).await;
    let (demo, first) = (dev.facts["demo"].clone(), text(&dev.facts, "admin_key"));

    let revoked = dev.issue("revoked").await.unwrap();
    let path = format!("{}/{}/revoke", dev.keys(), text(&revoked, "id"));
    dev.admin(Ask::post(path, &json!({}))).await.unwrap().expect(200);

    // Commands are under way when it is killed: which of them were acknowledged is what counts.
    let mut acknowledged = Vec::new();
    for number in 0..KEYS {
        acknowledged.push(text(&dev.issue(&format!("key {number}")).await.unwrap(), "secret"));
    }
    let issued = AtomicUsize::new(0);
    let killed = async {
        poll::until("some keys", START, async || match issued.load(Ordering::SeqCst) {
            found @ 0..10 => Err(found),
            _ => Ok(()),
        })
        .await;
        signal("KILL", dev.facts["process"].as_u64().unwrap()).await;
    };
    let (in_flight, ()) = tokio::join!(dev.issue_until_it_fails(&issued), killed);
    acknowledged.extend(in_flight);
    dev.child.wait().await.unwrap();
    nothing_runs_in(&data).await;

    let dev = Dev::start(&data).await;
    assert_eq!(
        (&dev.facts["demo"], text(&dev.facts, "admin_key")),
        (&demo, first),
        "its next start found its data"
    );
    for (number, key) in acknowledged.iter().enumerate() {
        let answer = dev.echo(key).await;
        assert_eq!(answer, 200, "the acknowledged key {number} of {}", acknowledged.len());
    }
    assert_eq!(dev.echo(&text(&revoked, "secret")).await, 401, "a revoked key never comes back");
    // The killed one is no member any more: nobody waits until it would be fenced.
    let fleet = dev.admin(Ask::get("/api/v1/fleet")).await.unwrap().expect(200).json();
    let states: Vec<_> = fleet["members"].as_array().unwrap().iter().map(|it| it["state"].clone()).collect();
    assert_eq!(states, [json!("live")], "{fleet:#}");
    eprintln!("{} acknowledged keys were found again", acknowledged.len());
    dev.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_end_in_the_middle_of_its_start_it_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut child = spawn(&data, &[]);
    poll::until("it has begun", START, async || match running_in(&data) {
        found if found.is_empty() => Err("no server yet"),
        found => Ok(found),
    })
    .await;
    terminate(child.id().unwrap()).await;
    poll::within("its end", END, child.wait()).await.unwrap();
    nothing_runs_in(&data).await;
}

/// Each node is a process of its own: what one is told, all do, and none outlives `dev`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_further_nodes_serve_the_same_and_end_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut dev = Dev::start_with(&data, &["--nodes", "3"]).await;
    let further = dev.facts["further_nodes"].as_array().unwrap().clone();
    assert_eq!(further.len(), 2, "{further:?}");
    // What scripts read is there before people are told.
    shows(&data, "is refused (401) on every node").await;
    shows(&data, "not used: KEYLEDGER_LISTEN__PUBLIC;").await;
    // What a terminal that closes sends ends none of them.
    signal("HUP", dev.facts["process"].as_u64().unwrap()).await;

    let ask = Ask::post(dev.keys(), &json!({"name": "from the second", "scopes": ["mcp:demo"]}));
    let ask = ask.bearer(&text(&dev.facts, "admin_key"));
    let key = text(&ask.send(address(&text(&further[0], "admin_url"))).await.expect(201).json(), "secret");
    let call = keyledger_tests::mcp::initialize("/mcp/demo/demo").bearer(&key);
    for url in [text(&dev.facts, "public_url"), text(&further[1], "public_url")] {
        poll::until("the key works there", END, async || match call.send(address(&url)).await.status {
            200 => Ok(()),
            other => Err(other),
        })
        .await;
    }
    signal("KILL", dev.facts["process"].as_u64().unwrap()).await;
    dev.child.wait().await.unwrap();
    nothing_runs_in(&data).await;

    // A node that ends by itself ends all, and the screen says which.
    let mut dev = Dev::start_with(&data, &["--nodes", "2"]).await;
    signal("KILL", dev.facts["further_nodes"][0]["process"].as_u64().unwrap()).await;
    assert!(!poll::within("its end", END, dev.child.wait()).await.unwrap().success());
    assert!(screen(&data).contains("node 2 has ended by itself"), "{}", screen(&data));
    nothing_runs_in(&data).await;
}

/// What the read models know of and an older log has not is for people to judge, so all runs on for their commands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_an_older_log_it_says_so_and_runs_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    Dev::start(&data).await.ends().await;
    let (log, kept) = (data.join("nats"), folder.path().join("older"));
    copied(&log, &kept).await;

    let dev = Dev::start(&data).await;
    dev.issue("lost").await.unwrap();
    let listed = async || {
        let listed = dev.admin(Ask::get(dev.keys())).await.unwrap().expect(200).json();
        let is_there = listed["items"].as_array().unwrap().iter().any(|key| key["name"] == "lost");
        if is_there { Ok(()) } else { Err(listed) }
    };
    poll::until("the read models have it", END, listed).await;
    dev.ends().await;
    std::fs::remove_dir_all(&log).unwrap();
    copied(&kept, &log).await;

    let dev = Dev::start(&data).await;
    shows(&data, "the node is not ready, and lets nobody in: ").await;
    let lost = Command::new(binary())
        .args(["projections", "lost", "--config"])
        .arg(text(&dev.facts, "configuration"))
        .output();
    let lost = poll::within("what is lost", END, lost).await.unwrap();
    let said = String::from_utf8(lost.stdout).unwrap();
    assert!(said.contains("key.issued"), "{said}\n{}", String::from_utf8_lossy(&lost.stderr));
    dev.ends().await;
}

impl Dev {
    async fn start(data: &Path) -> Self {
        Self::start_with(data, &[]).await
    }

    async fn start_with(data: &Path, arguments: &[&str]) -> Self {
        let mut child = spawn(data, arguments);
        let file = data.join("dev.json");
        let (facts, took) = poll::until("dev.json", START, async || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("keyledger dev ended: {status}\n{}", screen(data));
            }
            // One that was killed has left its own behind.
            let facts =
                std::fs::read(&file).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
            facts.filter(|facts| facts["process"] == json!(child.id())).ok_or_else(|| screen(data))
        })
        .await;
        eprintln!("keyledger dev was there after {took:?}");
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap());
        assert_eq!(mode & 0o777, 0o600, "the owner alone reads its keys");
        let events = &facts["events"];
        assert!(events["api_prefix"] == "KL.API" && events["password"].is_string(), "{events}");
        Self { child, data: data.to_owned(), facts }
    }

    fn keys(&self) -> String {
        format!("/api/v1/organizations/{}/keys", text(&self.facts["demo"], "organization"))
    }

    async fn admin(&self, ask: Ask) -> std::io::Result<keyledger_tests::wire::Answer> {
        let ask = ask.bearer(&text(&self.facts, "admin_key"));
        ask.try_send(address(&text(&self.facts, "admin_url"))).await
    }

    async fn issue(&self, name: &str) -> std::io::Result<Value> {
        let ask = Ask::post(self.keys(), &json!({"name": name, "scopes": ["mcp:demo"]}));
        let answer = self.admin(ask).await?;
        if answer.status == 201 {
            Ok(answer.json())
        } else {
            Err(std::io::Error::other(format!("{answer:?}")))
        }
    }

    /// The keys that were acknowledged until one was not.
    async fn issue_until_it_fails(&self, issued: &AtomicUsize) -> Vec<String> {
        let mut keys = Vec::new();
        while let Ok(key) = self.issue("in flight").await {
            keys.push(text(&key, "secret"));
            issued.fetch_add(1, Ordering::SeqCst);
        }
        keys
    }

    async fn echo(&self, key: &str) -> u16 {
        let url = text(&self.facts["demo"], "url");
        let path = url::Url::parse(&url).unwrap().path().to_owned();
        // The first request of a session, which needs no session.
        let ask = keyledger_tests::mcp::initialize(&path).bearer(key);
        ask.send(address(&url)).await.status
    }

    async fn ends(mut self) {
        terminate(self.child.id().unwrap()).await;
        let status = poll::within("its end", END, self.child.wait()).await.unwrap();
        assert!(status.success(), "{status}\n{}", screen(&self.data));
        assert!(!self.data.join("dev.json").exists(), "addresses that lead nowhere are left behind");
        nothing_runs_in(&self.data).await;
    }
}

fn spawn(data: &Path, arguments: &[&str]) -> Child {
    let binary = binary();
    assert!(binary.exists(), "{} is not built: run ./test", binary.display());
    std::fs::create_dir_all(data.parent().unwrap()).unwrap();
    let screen = std::fs::File::create(data.with_extension("screen")).unwrap();
    Command::new(binary)
        .args(["dev", "--data"])
        .arg(data)
        .args(arguments)
        // It configures itself.
        .env("KEYLEDGER_LISTEN__PUBLIC", "nowhere")
        .stdin(Stdio::null())
        .stdout(screen.try_clone().unwrap())
        .stderr(screen)
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Beside the folder of the test binaries, where `cargo build` puts it.
fn binary() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    this.parent().and_then(Path::parent).unwrap().join("keyledger")
}

async fn copied(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("--archive").args([from, to]).status().await.unwrap();
    assert!(copied.success());
}

async fn shows(data: &Path, words: &str) {
    let looked = async || match screen(data) {
        shown if shown.contains(words) => Ok(()),
        shown => Err(shown),
    };
    poll::until(words, END, looked).await;
}

fn screen(data: &Path) -> String {
    std::fs::read_to_string(data.with_extension("screen")).unwrap_or_default()
}

fn address(url: &str) -> SocketAddr {
    let url = url::Url::parse(url).unwrap();
    url.socket_addrs(|| None).unwrap()[0]
}

async fn terminate(process: u32) {
    signal("TERM", process.into()).await;
}

async fn signal(name: &str, process: u64) {
    let status =
        Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status().await.unwrap();
    assert!(status.success());
}

/// Every process that was started for this directory has gone.
async fn nothing_runs_in(data: &Path) {
    let ((), took) =
        poll::until("everything that dev started has gone", END, async || match running_in(data) {
            found if found.is_empty() => Ok(()),
            found => Err(found),
        })
        .await;
    eprintln!("nothing ran on {took:?} after the end");
}

/// Processes that name the directory in their arguments or work in it.
fn running_in(data: &Path) -> Vec<String> {
    let name = data.to_str().unwrap();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let process = entry.file_name();
        if process.to_string_lossy().parse::<u32>().is_err() {
            continue;
        }
        let arguments = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
        let place = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
        let dev = arguments.contains("keyledger dev ");
        if !dev && (arguments.contains(name) || place.starts_with(data)) {
            found.push(format!("{} {arguments}", process.to_string_lossy()));
        }
    }
    found
}
