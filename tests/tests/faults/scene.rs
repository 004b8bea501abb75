//! An installation without a database, stopped, for whoever has the disk under NATS and no password.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gateway::config::Role;
use keyledger_tests::mcp::call;
use keyledger_tests::poll::{self, within};
use keyledger_tests::servers::{Block, Record};
use keyledger_tests::spine::{Key, Ready, Spine};
use keyledger_tests::upstreams::{McpServer, Upstream};
use serde_json::{Value, json};
use tokio::process::Command;

pub const BOUND: Duration = Duration::from_secs(30);
pub const STREAM: &str = "KL_EVENTS_0";
/// What a node says.
const ANOTHER: &str = "the log is not the one that was followed";

/// An installation without a database, stopped, all of whose log is signed.
pub struct Scene {
    pub spine: Spine,
    _upstream: Upstream,
    pub ready: Ready,
    pub revoked: Key,
}

impl Scene {
    pub async fn stopped() -> Self {
        let mut spine = Spine::with(|config| {
            config.freshness.ask_every_ms = 200;
            config.roles = vec![Role::Node, Role::Control];
        })
        .await;
        let upstream = Upstream::start(McpServer::default()).await;
        let ready = spine.ready(&upstream).await;
        let revoked = spine.key(&ready.organization, &["mcp:tools"]).await;
        let done = spine.change_key(&ready.organization, &revoked.id, "revoke").await;
        spine.follows(done["position"].as_str().unwrap()).await;
        call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret).send(spine.public).await.expect(200);
        // A control that ends signs what is new.
        spine.stop_node().await;
        spine.nats.stop().await;
        Self { spine, _upstream: upstream, ready, revoked }
    }

    pub fn records(&self) -> Block {
        Block::open(&self.spine.nats.store(), STREAM)
    }

    pub async fn start(&mut self) {
        self.spine.nats.start_again().await;
        self.spine.start_node().await;
    }

    /// The configuration of every command that runs with one, in this folder.
    pub fn configuration(&self, folder: &Path) -> PathBuf {
        configuration(&self.spine, folder)
    }

    /// The node that has started is not ready, says this, and lets nobody in.
    pub async fn is_noticed_by_the_node(&self, says: &str) {
        let (why, took) =
            poll::until("the node is not ready for the log's sake", BOUND, async || {
                match self.spine.ready_answer().await {
                    answer if answer.status == 503 && answer.text().contains(ANOTHER) => Ok(answer.text()),
                    answer => Err((answer.status, answer.text())),
                }
            })
            .await;
        eprintln!("after {took:?}: {why}");
        assert!(why.contains(says), "{why}");
        for key in [&self.ready.key, &self.revoked] {
            let ask = call(&self.ready.path, "echo", &json!({})).bearer(&key.secret);
            assert_eq!(ask.send(self.spine.public).await.status, 503);
        }
    }

    /// `events verify` ends with 1 and says this.
    pub async fn is_found_by_verify(&self, args: &[&str], says: &str) {
        let (code, said) = self.verify(args).await;
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(says), "{said}");
    }

    pub async fn verify(&self, args: &[&str]) -> (i32, String) {
        self.cli(&[&["events", "verify"], args].concat()).await
    }

    pub async fn cli(&self, args: &[&str]) -> (i32, String) {
        let folder = tempfile::tempdir().unwrap();
        let password = folder.path().join("auditor");
        std::fs::write(&password, self.spine.nats.credentials("auditor").password).unwrap();
        let mut command = Command::new(keyledger());
        command.args(args).args(["--nats", &self.spine.nats.url(), "--nats-password-file"]).arg(&password);
        command.env_clear().kill_on_drop(true);
        let output = within("the command", BOUND, command.output()).await.unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    }
}

pub fn configuration(spine: &Spine, folder: &Path) -> PathBuf {
    let users: serde_json::Map<String, Value> = ["admin", "control", "worker", "node", "auditor", "restore"]
        .into_iter()
        .map(|role| {
            let user = spine.nats.credentials(role);
            (role.to_owned(), json!({ "user": user.user, "password": user.password }))
        })
        .collect();
    let vault = &spine.config.vault;
    let settings = json!({
        "public_url": "https://mcp.example.com",
        "nats": { "url": spine.nats.url(), "users": users },
        "postgres": { "url": spine.postgres.url() },
        "vault": {
            "node_key_file": vault.node_key_file,
            "control_key_file": vault.control_key_file,
            "people_key_file": vault.people_key_file,
        },
    });
    let path = folder.join("keyledger.toml");
    std::fs::write(&path, toml::to_string(&settings).unwrap()).unwrap();
    path
}

/// What a command says on both, and its exit code.
pub async fn run(folder: &Path, args: &[&str], environment: &[(&str, &Path)]) -> (i32, String) {
    let mut command = Command::new(keyledger());
    command.args(args).current_dir(folder).env_clear().kill_on_drop(true);
    if let Some(program) = std::env::var_os("KEYLEDGER_NATS_SERVER") {
        command.env("KEYLEDGER_NATS_SERVER", program);
    }
    command.envs(environment.iter().copied());
    let output = within("the command", BOUND, command.output()).await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// The binary as `./test` builds it, beside the tests.
pub fn keyledger() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let binary = tests.parent().unwrap().parent().unwrap().join("keyledger");
    assert!(binary.exists(), "{} is not built: cargo build --bin keyledger", binary.display());
    binary
}

pub fn of_type<'a>(block: &'a mut Block, kind: &str) -> &'a mut Record {
    let is_it = |record: &&mut Record| event(record)["type"] == kind;
    block.records.iter_mut().rev().find(is_it).unwrap_or_else(|| panic!("there is a {kind}"))
}

pub fn event(record: &Record) -> Value {
    serde_json::from_slice(&record.payload).unwrap()
}

pub fn replace(record: &mut Record, from: &str, to: &str) {
    let text = String::from_utf8(record.payload.clone()).unwrap();
    assert!(text.contains(from), "{text}");
    record.payload = text.replace(from, to).into_bytes();
}
