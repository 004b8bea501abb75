//! What the demo server offers: four tools, a prompt and a resource.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::stream::{self, BoxStream, StreamExt};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{STATELESS, WITH_SESSIONS};

pub(super) const NOTE: &str = "demo://note";
const MOST_COUNTED: u32 = 1_000;
const LONGEST_DELAY_MS: u64 = 10_000;

const UNKNOWN_METHOD: i64 = -32_601;
const INVALID_PARAMS: i64 = -32_602;

pub(super) enum Answer {
    Whole(Value),
    Fault(Fault),
    /// Progress, and the result at the end. Dropped, it stops.
    Slow(BoxStream<'static, Told>),
}

pub(super) enum Told {
    Progress(Value),
    Result(Value),
}

/// A JSON-RPC error.
pub(super) struct Fault {
    id: Value,
    code: i64,
    message: String,
}

impl Fault {
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { id: Value::Null, code, message: message.into() }
    }

    pub fn of(self, id: Value) -> Self {
        Self { id, ..self }
    }

    pub fn is_unknown_method(&self) -> bool {
        self.code == UNKNOWN_METHOD
    }

    pub fn response(self, status: StatusCode) -> Response {
        let error = json!({"code": self.code, "message": self.message});
        (status, axum::Json(json!({"jsonrpc": "2.0", "id": self.id, "error": error}))).into_response()
    }
}

#[derive(Deserialize)]
struct Named<Arguments> {
    arguments: Arguments,
}

#[derive(Deserialize)]
struct Echo {
    text: String,
}

#[derive(Deserialize)]
struct Add {
    a: i64,
    b: i64,
}

#[derive(Deserialize)]
struct Count {
    to: u32,
    delay_ms: Option<u64>,
}

#[derive(Deserialize)]
struct Greet {
    name: String,
}

/// What stands in both eras' first answers.
pub(super) fn about() -> Value {
    json!({
        "capabilities": {"tools": {}, "prompts": {}, "resources": {}},
        "instructions": "Tools to try a gateway with: echo, add, count, whoami.",
    })
}

pub(super) fn info() -> Value {
    json!({"name": "keyledger-demo", "version": env!("CARGO_PKG_VERSION")})
}

/// What the stateless revision has in each result beside.
pub(super) fn complete(method: &str, result: &mut Value) {
    result["resultType"] = "complete".into();
    if method.ends_with("/list") || matches!(method, "resources/read" | "server/discover") {
        result["ttlMs"] = 0.into();
        result["cacheScope"] = "private".into();
    }
}

pub(super) fn answer(method: &str, params: &Value, headers: &HeaderMap) -> Answer {
    let name = params["name"].as_str().unwrap_or_default();
    let found = match method {
        "ping" => Ok(json!({})),
        "server/discover" => {
            let mut result = about();
            result["supportedVersions"] = [STATELESS].iter().chain(&WITH_SESSIONS).copied().collect();
            result["_meta"] = json!({"io.modelcontextprotocol/serverInfo": info()});
            Ok(result)
        }
        "tools/list" => Ok(json!({ "tools": tools() })),
        "tools/call" if name == "count" => return count(params),
        "tools/call" => call(name, params, headers),
        "prompts/list" => Ok(json!({"prompts": [{
            "name": "greet", "description": "Asks for a greeting",
            "arguments": [{"name": "name", "description": "Whom to greet.", "required": true}],
        }]})),
        "prompts/get" if name == "greet" => arguments(params).map(|Greet { name }| {
            let text = format!("Greet {name} in one short sentence.");
            json!({"messages": [{"role": "user", "content": {"type": "text", "text": text}}]})
        }),
        "prompts/get" => Err(Fault::new(INVALID_PARAMS, "there is no such prompt")),
        "resources/list" => {
            Ok(json!({"resources": [{"uri": NOTE, "name": "note", "mimeType": "text/plain"}]}))
        }
        "resources/templates/list" => Ok(json!({"resourceTemplates": []})),
        "resources/read" if params["uri"] == NOTE => Ok(json!({"contents": [{
            "uri": NOTE, "mimeType": "text/plain", "text": "Every key here exists because an event says so.",
        }]})),
        "resources/read" => Err(Fault::new(INVALID_PARAMS, "there is no such resource")),
        _ => Err(Fault::new(UNKNOWN_METHOD, "there is no such method")),
    };
    found.map_or_else(Answer::Fault, Answer::Whole)
}

fn tools() -> Value {
    let tool = |name: &str, description: &str, properties: Value, required: &[&str]| {
        json!({
            "name": name, "description": description, "annotations": {"readOnlyHint": true},
            "inputSchema": {"type": "object", "properties": properties, "required": required},
        })
    };
    let whole = json!({"type": "integer"});
    json!([
        tool(
            "echo",
            "Says back what it was told",
            json!({"text": {"type": "string", "description": "What to say back."}}),
            &["text"]
        ),
        tool("add", "Adds two whole numbers", json!({"a": whole, "b": whole}), &["a", "b"]),
        tool(
            "count",
            "Counts slowly and tells its progress",
            json!({
                "to": {"type": "integer", "minimum": 0, "maximum": MOST_COUNTED, "description": "How far to count."},
                "delay_ms": {"type": "integer", "minimum": 0, "maximum": LONGEST_DELAY_MS,
                    "description": "Milliseconds between two numbers; 200 when it is not said."},
            }),
            &["to"]
        ),
        tool(
            "whoami",
            "Shows who the gateway says is calling: the claims of its identity token, unverified here",
            json!({}),
            &[]
        ),
    ])
}

fn call(name: &str, params: &Value, headers: &HeaderMap) -> Result<Value, Fault> {
    let text = match name {
        "echo" => arguments(params).map(|Echo { text }| text),
        "add" => arguments(params).and_then(|Add { a, b }| {
            let sum = a.checked_add(b).ok_or_else(|| Fault::new(INVALID_PARAMS, "the sum is too large"))?;
            Ok(sum.to_string())
        }),
        "whoami" => Ok(claims(headers)
            .map_or_else(|| "nobody said who is calling".to_owned(), |claims| format!("{claims:#}"))),
        _ => Err(Fault::new(INVALID_PARAMS, "there is no such tool")),
    };
    text.map(said)
}

fn arguments<Arguments: DeserializeOwned>(params: &Value) -> Result<Arguments, Fault> {
    let read = Named::deserialize(params).map(|Named { arguments }| arguments);
    read.map_err(|error| Fault::new(INVALID_PARAMS, error.to_string()))
}

fn said(text: String) -> Value {
    json!({"content": [{"type": "text", "text": text}], "isError": false})
}

fn count(params: &Value) -> Answer {
    let Count { to, delay_ms } = match arguments(params) {
        Ok(count) => count,
        Err(fault) => return Answer::Fault(fault),
    };
    if to > MOST_COUNTED {
        return Answer::Fault(Fault::new(INVALID_PARAMS, format!("counts to {MOST_COUNTED} at most")));
    }
    let delay = Duration::from_millis(delay_ms.unwrap_or(200).min(LONGEST_DELAY_MS));
    let token = params["_meta"].get("progressToken").cloned();
    let counted = stream::iter(1..=to).then(move |number| async move {
        tokio::time::sleep(delay).await;
        number
    });
    let told = counted.filter_map(move |number| {
        let progress = token.clone().map(|token| {
            let message = format!("{number} of {to}");
            json!({"progressToken": token, "progress": number, "total": to, "message": message})
        });
        std::future::ready(progress.map(Told::Progress))
    });
    let end = stream::once(async move { Told::Result(said(format!("counted to {to}"))) });
    Answer::Slow(told.chain(end).boxed())
}

/// The payload of the caller's signed token (RFC 7519 §3), unverified.
fn claims(headers: &HeaderMap) -> Option<Value> {
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let payload = authorization.strip_prefix("Bearer ")?.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}
