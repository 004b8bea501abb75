//! A small MCP server to try Keyledger on: it speaks 2026-07-28 (stateless), 2025-11-25 and 2025-06-18 (sessions)
//! at `/mcp` on loopback. It checks nobody: what stands before it does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    GetPromptResult, Implementation, ListResourcesResult, PaginatedRequestParams, ProgressNotificationParam,
    PromptMessage, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Resource,
    ResourceContents, Role, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler, prompt, prompt_handler, prompt_router, schemars};
use rmcp::{tool, tool_handler, tool_router};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Error;

const PATH: &str = "/mcp";
const NOTE: &str = "demo://note";
const MOST_COUNTED: u32 = 1_000;
const LONGEST_DELAY_MS: u64 = 10_000;

/// A running demo server. Dropped, it ends.
#[derive(Debug)]
pub struct Demo {
    address: SocketAddr,
    cancel: CancellationToken,
    tasks: JoinSet<()>,
}

impl Demo {
    /// Listens on this loopback address; port 0 takes a free one.
    pub async fn start(listen: SocketAddr) -> Result<Self, Error> {
        let failed = |source| Error::Spawn { program: format!("the demo MCP server (on {listen})"), source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let cancel = CancellationToken::new();
        let config = StreamableHttpServerConfig::default().with_cancellation_token(cancel.child_token());
        let sessions = Arc::new(LocalSessionManager::default());
        let service = StreamableHttpService::new(|| Ok(DemoServer), sessions, config);
        let router = axum::Router::new().nest_service(PATH, service);
        let mut tasks = JoinSet::new();
        let until = cancel.clone();
        tasks.spawn(async move {
            let serving = axum::serve(listener, router).with_graceful_shutdown(until.cancelled_owned());
            if let Err(error) = serving.await {
                tracing::error!(%error, "the demo MCP server has ended");
            }
        });
        Ok(Self { address, cancel, tasks })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to register as a server's upstream.
    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// Ends it; open streams are cut after a moment.
    pub async fn stop(mut self) {
        self.cancel.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        // What is still open then ends with the tasks' owner.
        let _ = tokio::time::timeout(Duration::from_secs(1), ended).await;
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

#[derive(Debug, Clone, Copy)]
struct DemoServer;

#[derive(Debug, Deserialize, schemars::JsonSchema)]
struct Echo {
    /// What to say back.
    text: String,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
struct Count {
    /// How far to count; at most 1000.
    to: u32,
    /// Milliseconds between two numbers; 200 when it is not said, at most 10000.
    delay_ms: Option<u64>,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
struct Greet {
    /// Whom to greet.
    name: String,
}

#[tool_router(server_handler = false)]
impl DemoServer {
    #[tool(description = "Says back what it was told", annotations(read_only_hint = true))]
    fn echo(&self, Parameters(Echo { text }): Parameters<Echo>) -> String {
        text
    }

    #[tool(description = "Adds two whole numbers", annotations(read_only_hint = true))]
    fn add(&self, Parameters(Add { a, b }): Parameters<Add>) -> Result<String, ErrorData> {
        let sum = a.checked_add(b).ok_or_else(|| ErrorData::invalid_params("the sum is too large", None))?;
        Ok(sum.to_string())
    }

    #[tool(description = "Counts slowly and tells its progress", annotations(read_only_hint = true))]
    async fn count(
        &self,
        Parameters(Count { to, delay_ms }): Parameters<Count>,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        if to > MOST_COUNTED {
            return Err(ErrorData::invalid_params(format!("counts to {MOST_COUNTED} at most"), None));
        }
        let delay = Duration::from_millis(delay_ms.unwrap_or(200).min(LONGEST_DELAY_MS));
        let token = context.meta.get_progress_token();
        for number in 1..=to {
            tokio::select! {
                biased;
                () = context.ct.cancelled() => return Ok(format!("stopped before {number}")),
                () = tokio::time::sleep(delay) => {}
            }
            if let Some(token) = &token {
                let progress = ProgressNotificationParam::new(token.clone(), f64::from(number))
                    .with_total(f64::from(to))
                    .with_message(format!("{number} of {to}"));
                if context.peer.notify_progress(progress).await.is_err() {
                    return Ok(format!("nobody listens after {number}"));
                }
            }
        }
        Ok(format!("counted to {to}"))
    }

    #[tool(
        description = "Shows who the gateway says is calling: the claims of its identity token, unverified here",
        annotations(read_only_hint = true)
    )]
    fn whoami(&self, context: RequestContext<RoleServer>) -> String {
        let headers = context.extensions.get::<http::request::Parts>().map(|parts| &parts.headers);
        headers
            .and_then(|headers| headers.get(http::header::AUTHORIZATION))
            .and_then(|value| claims(value.to_str().ok()?))
            .map_or_else(|| "nobody said who is calling".to_owned(), |claims| format!("{claims:#}"))
    }
}

/// The payload of a signed token (RFC 7519 §3), unverified.
fn claims(authorization: &str) -> Option<serde_json::Value> {
    let payload = authorization.strip_prefix("Bearer ")?.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

#[prompt_router]
impl DemoServer {
    #[prompt(name = "greet", description = "Asks for a greeting")]
    async fn greet(&self, Parameters(Greet { name }): Parameters<Greet>) -> GetPromptResult {
        let text = format!("Greet {name} in one short sentence.");
        GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)])
    }
}

#[tool_handler]
#[prompt_handler]
impl ServerHandler for DemoServer {
    fn get_info(&self) -> ServerConfig {
        let capabilities =
            ServerCapabilities::builder().enable_tools().enable_prompts().enable_resources().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("keyledger-demo", env!("CARGO_PKG_VERSION")))
            .with_instructions("Tools to try a gateway with: echo, add, count, whoami.")
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let note = Resource::new(NOTE, "note").with_mime_type("text/plain");
        Ok(ListResourcesResult::with_all_items(vec![note]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        if request.uri != NOTE {
            return Err(ErrorData::resource_not_found("there is no such resource", None));
        }
        let contents = ResourceContents::text("Every key here exists because an event says so.", NOTE)
            .with_mime_type("text/plain");
        Ok(ReadResourceResult::new(vec![contents]).into())
    }
}

#[cfg(test)]
mod tests;
