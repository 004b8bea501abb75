//! Official MCP SDKs, unmodified, run as processes of their own: what a user's client makes of the gateway.
//! The scripts under `tests/clients/` say what they saw, one JSON object a line; `tests/clients/setup` installs
//! the SDKs.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;

pub mod signing_in;

#[cfg(test)]
mod tests;

/// One SDK at one version, and how it is told to settle the protocol's revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sdk {
    pub name: &'static str,
    script: &'static str,
    mode: &'static str,
}

/// Every SDK that the promises are shown with, and the protocol's revision that it settles on.
pub const ALL: &[(Sdk, &str)] = &[
    (PYTHON_NEWEST, "2026-07-28"),
    (PYTHON_NEWEST_SESSIONS, "2025-11-25"),
    (PYTHON_OLDER, "2025-06-18"),
    (TYPESCRIPT_1, "2025-11-25"),
    (TYPESCRIPT_2, "2026-07-28"),
];

/// mcp 2.3.0 at revision 2026-07-28.
pub const PYTHON_NEWEST: Sdk = Sdk { name: "Python 2.3, newest", script: "python/newest.py", mode: "auto" };
/// mcp 2.3.0 with sessions, revision 2025-11-25.
pub const PYTHON_NEWEST_SESSIONS: Sdk =
    Sdk { name: "Python 2.3, sessions", script: "python/newest.py", mode: "legacy" };
/// mcp 1.20.0, revision 2025-06-18.
pub const PYTHON_OLDER: Sdk = Sdk { name: "Python 1.20", script: "python/older.py", mode: "legacy" };
/// @modelcontextprotocol/sdk 1.32.2, revision 2025-11-25.
pub const TYPESCRIPT_1: Sdk = Sdk { name: "TypeScript 1.32", script: "typescript/v1.mjs", mode: "legacy" };
/// @modelcontextprotocol/client 2.4.0 at revision 2026-07-28.
pub const TYPESCRIPT_2: Sdk = Sdk { name: "TypeScript 2.4", script: "typescript/v2.mjs", mode: "auto" };

/// What the client is to do.
#[derive(Clone, Debug)]
pub struct Plan {
    pub url: String,
    pub key: Option<String>,
    /// `authorization` or `x-api-key`
    pub header: &'static str,
    pub calls: Vec<Call>,
}

#[derive(Clone, Debug)]
pub struct Call {
    pub tool: &'static str,
    pub arguments: Value,
    pub progress: bool,
}

/// What the client saw.
#[derive(Clone, Debug)]
pub struct Told {
    pub sdk: Sdk,
    pub lines: Vec<Value>,
    pub stderr: String,
}

impl Plan {
    pub fn new(url: &str, key: Option<&str>) -> Self {
        Self { url: url.to_owned(), key: key.map(str::to_owned), header: "authorization", calls: Vec::new() }
    }

    pub fn call(mut self, tool: &'static str, arguments: Value) -> Self {
        self.calls.push(Call { tool, arguments, progress: false });
        self
    }

    pub fn with_progress(mut self) -> Self {
        if let Some(call) = self.calls.last_mut() {
            call.progress = true;
        }
        self
    }

    /// Runs the client to its end.
    pub async fn run(&self, sdk: Sdk) -> Told {
        self.run_with(sdk, &[self.key.as_deref()]).await.remove(0)
    }

    /// Runs it anew with each of these keys, in one process.
    pub async fn run_with(&self, sdk: Sdk, keys: &[Option<&str>]) -> Vec<Told> {
        let calls: Vec<_> = self.calls.iter().map(Call::json).collect();
        let plan = json!({"mode": sdk.mode, "header": self.header, "calls": calls});
        let (lines, stderr) = sdk.lines(&self.url, &plan, &json!(keys)).await;
        let mut told = Vec::new();
        for line in lines {
            if line["event"] == "begin" {
                told.push(Told { sdk, lines: Vec::new(), stderr: stderr.clone() });
            } else if let Some(told) = told.last_mut() {
                told.lines.push(line);
            }
        }
        assert_eq!(told.len(), keys.len(), "{} did not try every key: {told:#?}", sdk.name);
        told
    }
}

impl Sdk {
    /// Runs its script: the lines that it told, and what it said beside them.
    async fn lines(self, url: &str, plan: &Value, keys: &Value) -> (Vec<Value>, String) {
        let clients = installed();
        let mut command = match self.script.strip_prefix("python/") {
            Some(script) => python(&clients.join(python_folder(script))),
            None => Command::new("node"),
        };
        command
            .arg(folder().join(self.script))
            .args([url, &plan.to_string()])
            .env("KEYLEDGER_CLIENTS", &clients)
            .env("KEYLEDGER_KEYS", keys.to_string())
            .env_remove("HTTP_PROXY")
            .env_remove("http_proxy")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        // The two cores start many such processes at once when the whole suite runs.
        let bound = Duration::from_secs(90);
        let output = crate::poll::within(self.name, bound, command.output()).await.unwrap_or_else(|error| {
            panic!("{}: can't be run ({error}): run ./test, which sets it up", self.name)
        });
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{} failed: {}\n{stdout}\n{stderr}", self.name, output.status);
        let line = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|_| panic!("{}: not a line of ours: {line}", self.name))
        };
        (stdout.lines().map(line).collect(), stderr)
    }
}

/// What a Python script runs with, among what is installed.
fn python_folder(script: &str) -> &str {
    match script {
        "signing_in.py" => "newest",
        "fastmcp_signing_in.py" => "fastmcp",
        other => other.trim_end_matches(".py"),
    }
}

impl Call {
    fn json(&self) -> Value {
        json!({"tool": self.tool, "arguments": self.arguments, "progress": self.progress})
    }
}

impl Told {
    /// The lines of one event.
    pub fn all(&self, event: &str) -> Vec<&Value> {
        self.lines.iter().filter(|line| line["event"] == event).collect()
    }

    /// The one line of an event.
    pub fn one(&self, event: &str) -> &Value {
        match self.all(event)[..] {
            [line] => line,
            _ => panic!("{}: not one `{event}` in {self:#?}", self.sdk.name),
        }
    }

    pub fn protocol(&self) -> &str {
        self.one("connected")["protocol"].as_str().unwrap_or_default()
    }

    pub fn tools(&self) -> Vec<&str> {
        let names = self.one("tools")["names"].as_array();
        names.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// What came over the wire, in order: (method, status).
    pub fn statuses(&self) -> Vec<(&str, u64)> {
        self.all("http")
            .into_iter()
            .map(|line| {
                (line["method"].as_str().unwrap_or_default(), line["status"].as_u64().unwrap_or_default())
            })
            .collect()
    }
}

/// What readers of the events use, in Python: the script runs with it.
pub fn readers_python() -> Command {
    let installed = reader("readers-python");
    python(&installed)
}

/// What readers of the events use, in TypeScript: where its modules are.
pub fn readers_node() -> PathBuf {
    reader("readers-typescript")
}

/// What exports are checked by, in Python: this script runs with it.
pub fn exports_python(script: &str) -> Command {
    let mut command = python(&reader("exports-python"));
    command.arg(folder().join("exports").join(script));
    command
}

/// What receivers of webhooks verify with, in Python: the script runs with it.
pub fn webhooks_python() -> Command {
    python(&reader("webhooks-python"))
}

/// The same in TypeScript: where its modules are.
pub fn webhooks_node() -> PathBuf {
    reader("webhooks-typescript")
}

/// PyJWT, which the official SDK brings: the script runs with it.
pub fn jwt_python() -> Command {
    python(&reader("newest"))
}

/// jose, which the official SDK brings: where its modules are.
pub fn jwt_node() -> PathBuf {
    reader("typescript").join("node_modules")
}

fn reader(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/clients").join(name);
    if !folder.join(".installed").exists() {
        missing(&folder);
    }
    folder.canonicalize().unwrap_or(folder)
}

fn python(sdk: &Path) -> Command {
    let executable = std::fs::read_to_string(sdk.join(".python")).unwrap_or_else(|_| missing(sdk));
    let mut command = Command::new(executable.trim());
    // Alone: neither the user's packages nor another PYTHONPATH.
    command.arg("-s").env("PYTHONPATH", sdk).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Where the scripts are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// Where `tests/clients/setup` installs.
pub(crate) fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/clients");
    for sdk in ["newest", "older", "fastmcp", "typescript", "mcp-remote"] {
        if !folder.join(sdk).join(".installed").exists() {
            missing(&folder.join(sdk));
        }
    }
    folder.canonicalize().unwrap_or(folder)
}

fn missing(what: &Path) -> ! {
    panic!("the official SDKs are not set up ({} is missing): run ./test", what.display())
}
