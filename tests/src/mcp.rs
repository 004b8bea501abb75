//! MCP requests of both eras, as a client writes them, to be bent by the tests.

use serde_json::{Value, json};

use crate::wire::Ask;

/// The newest revision: stateless, its headers repeat the body.
pub const STATELESS: &str = "2026-07-28";
/// A revision with sessions.
pub const SESSIONS: &str = "2025-11-25";

/// A JSON-RPC request, without any of MCP's headers.
pub fn request(method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

/// A tool call of the era with sessions. `_meta` asks for progress.
pub fn call(path: &str, tool: &str, arguments: &Value) -> Ask {
    let params = json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": "progress-1"}});
    Ask::post(path, &request("tools/call", &params)).header("MCP-Protocol-Version", SESSIONS)
}

/// The first request of the era with sessions.
pub fn initialize(path: &str) -> Ask {
    let client = json!({"name": "keyledger-test", "version": "1"});
    let params = json!({"protocolVersion": SESSIONS, "capabilities": {}, "clientInfo": client});
    Ask::post(path, &request("initialize", &params))
}

/// The stream that a client opens beside its requests.
pub fn listen(path: &str, session: &str) -> Ask {
    Ask::get(path)
        .header("Accept", "text/event-stream")
        .header("MCP-Protocol-Version", SESSIONS)
        .header("Mcp-Session-Id", session)
}

/// A tool call of the stateless era, with the headers that it needs.
pub fn stateless_call(path: &str, tool: &str, arguments: &Value) -> Ask {
    let mut params = json!({"name": tool, "arguments": arguments});
    params["_meta"] = meta();
    Ask::post(path, &request("tools/call", &params))
        .header("MCP-Protocol-Version", STATELESS)
        .header("Mcp-Method", "tools/call")
        .header("Mcp-Name", tool)
}

/// What every request of the stateless era carries.
pub fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientInfo": {"name": "keyledger-test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
        "progressToken": "progress-1",
    })
}

/// The text of a tool's result.
pub fn text(message: &Value) -> &str {
    message["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text in {message}"))
}
