//! The operator's way: what `nats setup --print` prints is included in the server's configuration, and a reader who is not
//! in it any more is gone with a reload, alone.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::atomic::Ordering;
use std::time::Duration;

use events::log::jetstream::{self, ConnectOptions, Credentials, Password, STREAM, api};
use gateway::config::NatsRole;
use gateway::dev::children::{self, Child, Launch};
use gateway::dev::tools;
use gateway::store::{roles, setup};
use keyledger_tests::poll;
use serde_json::{Value, json};
use tokio::process::Command;

const BOUND: Duration = Duration::from_secs(20);
const PASSWORD: &str = "a-password";
const CONFIGURATION: &str = r#"
    public_url = "http://127.0.0.1:8080"
    [nats]
    url = "nats://127.0.0.1:4222"
    [nats.readers]
    audit = { password_hash = "$2b$04$sGst.ivmiUMIcXGF6Y9apOsH.LuUhiN6540JWPlKyjoa1QUyu7Kbu" }
    billing = { types = ["key"], password_hash = "$2b$04$sGst.ivmiUMIcXGF6Y9apOsH.LuUhiN6540JWPlKyjoa1QUyu7Kbu" }
    [vault]
    node_key_file = "/none"
    control_key_file = "/none"
    people_key_file = "/none"
    [postgres]
    url = "postgres://127.0.0.1/none"
"#;

/// A server with an operator's configuration, in a folder of its own.
struct Operated {
    folder: tempfile::TempDir,
    server: Child,
}

impl Operated {
    async fn start() -> Self {
        gateway::crypto::install();
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let passwords = roles::ALL
            .iter()
            .map(|role| format!("KEYLEDGER_NATS_{}_PASSWORD={PASSWORD}", role.as_str().to_uppercase()));
        std::fs::write(
            at("nats.conf"),
            format!(
                "listen: \"127.0.0.1:-1\"\nports_file_dir: {:?}\njetstream {{ store_dir: {:?} }}\ninclude \
                 \"accounts.conf\"\n",
                folder.path(),
                at("store")
            ),
        )
        .unwrap();
        std::fs::write(at("keyledger.toml"), CONFIGURATION).unwrap();
        print(folder.path(), &[]).await;
        let server = children::spawn(&Launch {
            wrapper: std::iter::once("env".to_owned()).chain(passwords).map(Into::into).collect(),
            program: tools::nats_server().unwrap(),
            arguments: vec!["--config".into(), at("nats.conf").into()],
            log: at("nats.log"),
        })
        .await
        .unwrap();
        Self { folder, server }
    }

    async fn url(&self) -> String {
        let ending = format!("_{}.ports", self.server.id());
        let probe = async || {
            let mut entries = std::fs::read_dir(self.folder.path()).unwrap().flatten();
            let file = entries
                .find(|entry| entry.file_name().to_string_lossy().ends_with(&ending))
                .ok_or("no file")?;
            let ports: Value =
                serde_json::from_slice(&std::fs::read(file.path()).unwrap()).map_err(|_| "half a file")?;
            ports["nats"][0].as_str().map(str::to_owned).ok_or("no port")
        };
        poll::until("the server listens", BOUND, probe).await.0
    }

    async fn connect(&self, user: &str, inbox_prefix: String) -> async_nats::Client {
        let credentials =
            Credentials::User { name: user.to_owned(), password: Password::new(PASSWORD.to_owned()) };
        jetstream::connect(ConnectOptions {
            servers: vec![self.url().await],
            credentials,
            name: "test".to_owned(),
            inbox_prefix,
            authorities: None,
            certificate: None,
        })
        .await
        .unwrap()
    }

    async fn role(&self, role: NatsRole) -> async_nats::Client {
        self.connect(&format!("keyledger-{}", role.as_str()), roles::inbox_prefix(role)).await
    }

    async fn reload(&self) {
        let mut command = Command::new(tools::nats_server().unwrap());
        command.arg("--signal").arg(format!("reload={}", self.server.id()));
        assert!(command.status().await.unwrap().success());
    }
}

/// Prints the accounts into the folder's `accounts.conf`. What was said beside them.
async fn print(folder: &Path, flags: &[&str]) -> String {
    let Output { status, stdout, stderr } = run(folder, flags).await;
    let said = String::from_utf8(stderr).unwrap();
    assert!(status.success(), "{said}");
    std::fs::write(folder.join("accounts.conf"), stdout).unwrap();
    said
}

async fn run(folder: &Path, flags: &[&str]) -> Output {
    let mut command = Command::new(keyledger());
    command.args(["nats", "setup", "--print", "--config", "keyledger.toml"]).args(flags);
    command.current_dir(folder).env_clear().kill_on_drop(true);
    poll::within("the command", BOUND, command.output()).await.unwrap()
}

/// The binary as `./test` builds it, beside the tests.
fn keyledger() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let binary = tests.parent().unwrap().parent().unwrap().join("keyledger");
    assert!(binary.exists(), "{} is not built: cargo build --bin keyledger", binary.display());
    binary
}

/// The consumers' names that the printed text tells.
fn first_consumer(accounts: &str, reader: &str) -> String {
    let told = accounts.split(&format!("# The reader {reader}: ")).nth(1).unwrap().lines().next().unwrap();
    told.split("Its consumers are ").nth(1).unwrap().split(' ').next().unwrap().to_owned()
}

async fn create(client: &async_nats::Client, name: &str, filter: &str) -> Value {
    let config = json!({ "name": name, "filter_subject": filter, "ack_policy": "none" });
    let body = json!({ "stream_name": STREAM, "config": config, "action": "" }).to_string();
    let subject = api(&format!("CONSUMER.CREATE.{STREAM}.{name}.{filter}"));
    let answer = poll::within("an answer", BOUND, client.request(subject, body.into())).await.unwrap();
    serde_json::from_slice(&answer.payload).unwrap()
}

fn connects(client: &async_nats::Client) -> u64 {
    client.statistics().connects.load(Ordering::Relaxed)
}

#[tokio::test]
async fn a_reader_is_revoked_alone() {
    let operated = Operated::start().await;
    let folder = operated.folder.path();
    let admin = operated.role(NatsRole::Admin).await;
    setup::setup(&admin, 1).await.unwrap();
    let accounts = std::fs::read_to_string(folder.join("accounts.conf")).unwrap();
    let inbox = || "_INBOX".to_owned();
    let billing = operated.connect("keyledger-reader-billing", inbox()).await;
    let audit = operated.connect("keyledger-reader-audit", inbox()).await;
    let (of_billing, of_audit) = (first_consumer(&accounts, "billing"), first_consumer(&accounts, "audit"));
    for (client, name, filter) in
        [(&billing, &of_billing, "kl.events.0.*.key.*"), (&audit, &of_audit, "kl.events.0.>")]
    {
        let made = create(client, name, filter).await;
        assert!(made["error"].is_null(), "{made}");
    }
    // Others are in the middle of something.
    let node = operated.role(NatsRole::Node).await;
    let control = operated.role(NatsRole::Control).await;
    let inbox = audit.new_inbox();
    let mut waited_for = futures::StreamExt::fuse(audit.subscribe(inbox.clone()).await.unwrap());
    let next = api(&format!("CONSUMER.MSG.NEXT.{STREAM}.{of_audit}"));
    audit.publish_with_reply(next, inbox, r#"{"batch":1}"#.into()).await.unwrap();
    audit.flush().await.unwrap();

    let toml = std::fs::read_to_string(folder.join("keyledger.toml")).unwrap();
    let without: Vec<_> = toml.lines().filter(|line| !line.contains("billing = ")).collect();
    std::fs::write(folder.join("keyledger.toml"), without.join("\n")).unwrap();
    print(folder, &[]).await;
    operated.reload().await;

    let told = poll::until("its connection ends", BOUND, async || match billing.connection_state() {
        async_nats::connection::State::Connected => Err("connected"),
        state @ (async_nats::connection::State::Pending | async_nats::connection::State::Disconnected) => {
            Ok(state)
        }
    });
    told.await;
    // It does not get in again, and nobody else was sent away.
    let again = async_nats::ConnectOptions::with_user_and_password(
        "keyledger-reader-billing".into(),
        PASSWORD.into(),
    );
    assert!(again.connect(operated.url().await).await.is_err());
    let stored = control.request("KL.DATA.kl.events.0._.key.one", "{}".into()).await.unwrap();
    assert!(stored.payload.starts_with(b"{\"stream\""), "{stored:?}");
    let message =
        poll::within("what was waited for", BOUND, futures::StreamExt::next(&mut waited_for)).await.unwrap();
    assert_eq!(message.subject.as_str(), "kl.events.0._.key.one");
    node.request(api(&format!("STREAM.INFO.{STREAM}")), "".into()).await.unwrap();
    for client in [&admin, &node, &control, &audit] {
        assert_eq!(connects(client), 1);
    }
}

#[tokio::test]
async fn a_reader_that_a_flag_names_is_printed_and_said_to_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("keyledger.toml"), CONFIGURATION).unwrap();
    let flags =
        ["--reader", "support", "--organization", "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b", "--type", "server"];
    let said = print(folder.path(), &flags).await;
    assert!(said.contains("[nats.readers]\nsupport = { organization = \"0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b\", types = [\"server\"] }"), "{said}");
    let printed = std::fs::read_to_string(folder.path().join("accounts.conf")).unwrap();
    for account in ["KEYLEDGER_READER_SUPPORT {", "KEYLEDGER_READER_BILLING {", "KEYLEDGER_READER_AUDIT {"] {
        assert!(printed.contains(account), "{account}");
    }
    assert!(printed.contains("$KEYLEDGER_NATS_READER_SUPPORT_PASSWORD"));
    // As the configuration has it, nothing is left to be said; otherwise it is refused.
    assert_eq!(print(folder.path(), &["--reader", "billing", "--type", "key"]).await, "");
    for (flags, told) in [
        (&["--reader", "billing", "--type", "server"][..], "nats.readers.billing"),
        (&["--reader", "new", "--type", "keys"], "--type"),
        (&["--reader", "Not.One"], "a letter first"),
    ] {
        let Output { status, stdout, stderr } = run(folder.path(), flags).await;
        assert_eq!(status.code(), Some(2));
        assert!(stdout.is_empty() && String::from_utf8_lossy(&stderr).contains(told), "{stderr:?}");
    }
}
