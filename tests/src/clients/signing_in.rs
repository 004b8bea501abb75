//! Official clients that sign in by themselves, unmodified: they discover, register, open a browser (a program of ours that
//! presses what a person would, `tests/clients/oauth/browse.mjs`), redeem and refresh.

use serde_json::{Value, json};

use super::{Call, Sdk, Told};

/// mcp 2.3.0.
pub const PYTHON: Sdk = Sdk { name: "Python 2.3 signing in", script: "python/signing_in.py", mode: "auto" };
/// fastmcp-slim 4.2.3.
pub const FASTMCP: Sdk =
    Sdk { name: "FastMCP 4.2 signing in", script: "python/fastmcp_signing_in.py", mode: "auto" };
/// @modelcontextprotocol/sdk 1.32.2.
pub const TYPESCRIPT_1: Sdk =
    Sdk { name: "TypeScript 1.32 signing in", script: "typescript/signing_in.mjs", mode: "legacy" };
/// @modelcontextprotocol/client 2.4.0.
pub const TYPESCRIPT_2: Sdk =
    Sdk { name: "TypeScript 2.4 signing in", script: "typescript/signing_in.mjs", mode: "auto" };
/// mcp-remote 0.15.1.
pub const MCP_REMOTE: Sdk = Sdk { name: "mcp-remote", script: "typescript/mcp_remote.mjs", mode: "legacy" };

/// Each of them.
pub const ALL: &[Sdk] = &[PYTHON, FASTMCP, TYPESCRIPT_1, TYPESCRIPT_2, MCP_REMOTE];

/// What a client that signs in is to do. It lists the tools, then calls.
#[derive(Clone, Debug)]
pub struct SignIn {
    url: String,
    /// Whose button is pressed.
    person: String,
    key: Option<String>,
    calls: Vec<Call>,
    more: serde_json::Map<String, Value>,
}

impl SignIn {
    pub fn new(url: &str, person: &str) -> Self {
        let (url, person) = (url.to_owned(), person.to_owned());
        Self { url, person, key: None, calls: Vec::new(), more: serde_json::Map::new() }
    }

    pub fn call(mut self, tool: &'static str, arguments: Value) -> Self {
        self.calls.push(Call { tool, arguments, progress: false });
        self
    }

    /// Its metadata document, instead of dynamic registration.
    pub fn with_document(self, url: &str) -> Self {
        self.with("document", url.into())
    }

    /// Registered beforehand, with a secret where there is one.
    pub fn with_client(self, id: &str, secret: Option<&str>) -> Self {
        self.with("client", json!({"id": id, "secret": secret}))
    }

    pub fn with_scope(self, scope: &str) -> Self {
        self.with("scope", scope.into())
    }

    /// The official SDKs are given this key, and could sign in all the same.
    pub fn with_key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// They take their token for expired before each call, and refresh.
    pub fn with_refresh(self) -> Self {
        self.with("refresh", true.into())
    }

    fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }

    /// Runs the client to its end. Beside the lines of [`super::Plan`], it tells `opened`, `registered` and `tokens` where
    /// the client lets that be seen.
    pub async fn run(&self, client: Sdk) -> Told {
        let mut plan = self.more.clone();
        let calls: Vec<_> = self.calls.iter().map(Call::json).collect();
        plan.insert("mode".to_owned(), client.mode.into());
        plan.insert("sdk".to_owned(), if client == TYPESCRIPT_1 { 1 } else { 2 }.into());
        plan.insert("person".to_owned(), self.person.clone().into());
        plan.insert("calls".to_owned(), calls.into());
        let (lines, stderr) =
            client.lines(&self.url, &Value::Object(plan), &json!(Vec::from_iter(&self.key))).await;
        Told { sdk: client, lines, stderr }
    }
}
