//! `deploy/example`, run as a user runs it: one script, in a folder and on ports of the test's own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use gateway::dev::children::{self, Child, Launch, Signal};
use gateway::dev::port::Port;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::fleet::{binary, local};
use crate::poll::{self, within};

/// Certificates, initdb, an election and eight unoptimised processes on two busy cores.
const START: Duration = Duration::from_secs(180);
/// No command and no call takes longer.
const BOUND: Duration = Duration::from_secs(60);
const END: Duration = Duration::from_secs(90);

/// Those that the script starts.
const PROCESSES: [&str; 8] =
    ["postgres", "nats-1", "nats-2", "nats-3", "control", "worker", "node-1", "node-2"];

/// The whole of it, running.
pub struct Example {
    child: Child,
    public: [Port; 2],
    admin_port: Port,
    others: Vec<Port>,
    folder: TempDir,
}

impl Example {
    /// Started, once the script says that all is there.
    pub async fn start() -> Self {
        gateway::crypto::install();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = || Port::take(&[]).expect("a free port");
        let (public, admin) = ([port(), port()], port());
        let others: Vec<_> = std::iter::repeat_with(port).take(14).collect();
        let numbers = |ports: &[Port]| {
            let all: Vec<_> = ports.iter().map(|port| port.number().to_string()).collect();
            all.join(" ")
        };
        let ports = format!(
            "nats=({})\nroutes=({})\nmetrics=({})\npostgres={}\nmonitor=({})\npublic=({})\nadmin={}\n",
            numbers(&others[..3]),
            numbers(&others[3..6]),
            numbers(&others[6..10]),
            others[10].number(),
            numbers(&others[11..]),
            numbers(&public),
            admin.number(),
        );
        std::fs::write(folder.path().join("ports"), ports).expect("the ports are written");
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/example/run");
        let launch = Launch {
            wrapper: environment(),
            program,
            arguments: vec![folder.path().into()],
            log: folder.path().join("run.log"),
        };
        let child = children::spawn(&launch).await.expect("the script starts");
        let example = Self { child, public, admin_port: admin, others, folder };
        poll::until("the example runs", START, async || {
            let said = example.said();
            assert!(example.child.exit_status().is_none(), "the script has ended: {said}");
            if said.contains("Keyledger runs") { Ok(()) } else { Err(said) }
        })
        .await;
        example
    }

    /// What the script has printed.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("run.log")).unwrap_or_default()
    }

    /// What a command of the admin API prints, given in the way that the script tells.
    pub async fn command(&self, words: &[&str]) -> String {
        self.attempt(words).await.unwrap_or_else(|errors| panic!("{words:?}: {errors}")).trim().to_owned()
    }

    /// The same where it may be told to ask again.
    pub async fn attempt(&self, words: &[&str]) -> Result<String, String> {
        let output = within("a command", BOUND, self.admin(words).output()).await.expect("keyledger runs");
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// What a command prints that has a configuration in place of the admin API, such as `secrets list`.
    pub async fn configured(&self, words: &[&str]) -> String {
        let output =
            within("a command", BOUND, self.keyledger(words).output()).await.expect("keyledger runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// The folder that everything is kept in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Tells some of its processes to look at their files.
    pub fn hang_up(&self, names: &[&str]) {
        for name in names {
            let id = self.process(name).unwrap_or_else(|| panic!("{name} does not run")).to_string();
            let told = std::process::Command::new("kill").args(["-HUP", &id]).status();
            assert!(told.is_ok_and(|status| status.success()), "{name}");
        }
    }

    /// PostgreSQL's URL for a role.
    pub fn postgres_url(&self, role: &str, password: &str, database: &str) -> String {
        let authority = self.folder.path().join("certificates/ca.pem");
        format!(
            "postgres://{role}:{password}@localhost:{}/{database}?sslmode=verify-full&sslrootcert={}",
            self.others[10].number(),
            authority.display()
        )
    }

    fn keyledger(&self, words: &[&str]) -> Command {
        let servers: Vec<_> =
            self.others[..3].iter().map(|port| format!("tls://localhost:{}", port.number())).collect();
        let mut command = Command::new(binary());
        command
            .args(words)
            .current_dir(self.folder.path())
            .env_clear()
            .env("KEYLEDGER_CONFIG", "keyledger.toml")
            .env("KEYLEDGER_NATS__URL", servers.join(","))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    fn admin(&self, words: &[&str]) -> Command {
        let key =
            std::fs::read_to_string(self.folder.path().join("secrets/admin-key")).expect("an admin key");
        let mut command = self.keyledger(words);
        command
            .env("KEYLEDGER_CA_FILE", "certificates/ca.pem")
            .env("KEYLEDGER_API", self.api())
            .env("KEYLEDGER_ADMIN_KEY", key.trim());
        command
    }

    /// The status with which a node (0 or 1) answers a call, and all that it says; 0: it does not answer.
    pub async fn call(&self, node: usize, path: &str, key: &str, message: &Value) -> (u16, String) {
        let body = message.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: {}\r\nContent-Length: {}\r\n",
            crate::mcp::SESSIONS,
            body.len()
        );
        self.ask(node, &head, &body).await
    }

    /// What a node answers to a GET.
    pub async fn get(&self, node: usize, path: &str) -> (u16, String) {
        self.ask(node, &format!("GET {path} HTTP/1.1\r\n"), "").await
    }

    async fn ask(&self, node: usize, head: &str, body: &str) -> (u16, String) {
        let port = self.public[node].number();
        let asking = async {
            let mut socket = self.connect(node).await?;
            let text = format!("{head}Host: localhost:{port}\r\nConnection: close\r\n\r\n{body}");
            socket.write_all(text.as_bytes()).await?;
            let mut answer = Vec::new();
            socket.read_to_end(&mut answer).await?;
            Ok::<_, std::io::Error>(String::from_utf8_lossy(&answer).into_owned())
        };
        let answer = within("a node answers", BOUND, asking).await.unwrap_or_else(|error| error.to_string());
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        (status, answer)
    }

    /// The certificate that a node shows, DER.
    pub async fn certificate(&self, node: usize) -> Vec<u8> {
        let socket = within("a node answers", BOUND, self.connect(node)).await.expect("a connection");
        let (_, tls) = socket.get_ref();
        tls.peer_certificates().and_then(|all| all.first()).expect("a certificate").to_vec()
    }

    async fn connect(&self, node: usize) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let socket = TcpStream::connect(local(self.public[node].number())).await?;
        let name = ServerName::try_from("localhost").expect("a name");
        self.tls().connect(name, socket).await
    }

    /// What `keyledger bootstrap` said beside the key.
    pub fn said_at_bootstrap(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log/bootstrap.log")).unwrap_or_default()
    }

    /// Where the admin API is.
    pub fn api(&self) -> String {
        format!("https://localhost:{}", self.admin_port.number())
    }

    /// The id of one of its processes; `None` while there is none.
    pub fn process(&self, name: &str) -> Option<u32> {
        let id = std::fs::read_to_string(self.folder.path().join(format!("run/{name}.pid"))).ok()?;
        id.trim().parse().ok().filter(|id| runs(*id))
    }

    /// Told to end, it has ended, and nothing that it started is left.
    pub async fn stop(self) {
        let started: Vec<_> = PROCESSES.iter().filter_map(|name| self.process(name)).collect();
        assert_eq!(started.len(), PROCESSES.len());
        let said = self.folder.path().join("run.log");
        let status = self.child.stop(Signal::Terminate, END).await.expect("it is this process's child");
        assert!(status.success(), "{status}: {}", std::fs::read_to_string(said).unwrap_or_default());
        assert!(!started.iter().any(|id| runs(*id)), "something is left");
    }

    fn tls(&self) -> tokio_rustls::TlsConnector {
        let mut roots = rustls::RootCertStore::empty();
        let authority = self.folder.path().join("certificates/ca.pem");
        roots.add(CertificateDer::from_pem_file(authority).expect("PEM")).expect("an authority");
        let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Arc::new(config).into()
    }
}

/// The binary that was built beside the tests comes first; where the servers' programs are is passed on.
fn environment() -> Vec<std::ffi::OsString> {
    let beside = binary().parent().map(Path::to_owned).into_iter();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(beside.chain(std::env::split_paths(&path))).expect("a path");
    let mut words = vec!["env".into(), assignment("PATH", path)];
    for name in [gateway::dev::tools::NATS_SERVER, gateway::dev::tools::POSTGRES_BIN] {
        words.extend(std::env::var_os(name).map(|value| assignment(name, value)));
    }
    words
}

fn assignment(name: &str, value: std::ffi::OsString) -> std::ffi::OsString {
    let mut words = std::ffi::OsString::from(format!("{name}="));
    words.push(value);
    words
}

fn runs(process: u32) -> bool {
    PathBuf::from(format!("/proc/{process}/exe")).symlink_metadata().is_ok()
}
