//! What `dev` shows: the demo server registered, one call that passes, one key revoked and refused, and what to
//! try next. All of it goes through the front doors: the admin API and `/mcp`.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use events::Position;
use events::clock::Clock;
use http::{Method, StatusCode};
use projections::directory::Gate;
use serde_json::{Value, json};

use super::client::{Answer, CALL_HEADERS, Client, ClientError, call};
use super::nodes::Addresses;
use super::parts::Up;
use super::place::Home;
use super::run::{DevError, KeptDemo, READY_WITHIN};
use crate::config::Config;

/// The demo's organization and server are called this.
const DEMO: &str = "demo";
pub(super) const REFUSED_WITHIN: Duration = Duration::from_secs(10);

/// A node to show.
pub(super) struct Showing {
    client: Client,
    config: Config,
    /// The demo server's address at each node, the first one's first.
    urls: Vec<String>,
    gate: Option<Arc<Gate>>,
    clock: Arc<dyn Clock>,
}

/// What was seen.
pub(super) struct Shown {
    /// The tool's answer, and how long the call took.
    pub answer: String,
    pub call: Duration,
    /// From the acknowledged revocation to the refusal, at each node.
    pub refused_after: Vec<Duration>,
    pub refusal: StatusCode,
}

impl Showing {
    /// The first node, and the further ones' addresses.
    pub fn new(
        config: &Config,
        further: &[Addresses],
        gate: Option<Arc<Gate>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let further = further.iter().map(|node| demo_at(&format!("http://{}", node.public)));
        let urls = std::iter::once(demo_url(config)).chain(further).collect();
        Self { client: Client::new(), config: config.clone(), urls, gate, clock }
    }

    /// `false`: it opens nothing any more.
    pub async fn admin_key_is_good(&self, key: &str) -> Result<bool, DevError> {
        let answer = self.ask(Method::GET, "/api/v1/status", key, None).await?;
        Ok(!matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN))
    }

    /// The demo organization, server and key: those that were kept, or new ones.
    pub async fn prepare(
        &self,
        admin_key: &str,
        kept: Option<KeptDemo>,
        upstream: &str,
    ) -> Result<KeptDemo, DevError> {
        if let Some(mut demo) = kept {
            if demo.upstream != upstream {
                let path = format!("/api/v1/organizations/{}/servers/{}", demo.organization, demo.server);
                self.write(Method::PATCH, &path, admin_key, json!({ "upstream": upstream })).await?;
                upstream.clone_into(&mut demo.upstream);
            }
            let answer = self.add(&demo.key).await?;
            if answer.status == StatusCode::UNAUTHORIZED {
                (demo.key_id, demo.key) = self.issue(admin_key, &demo.organization, "demo").await?;
            }
            return Ok(demo);
        }
        let organization = self
            .find_or_create(
                admin_key,
                "/api/v1/organizations",
                json!({
                    "slug": DEMO,
                    "name": "Demo",
                }),
            )
            .await?;
        let servers = format!("/api/v1/organizations/{organization}/servers");
        let server = self
            .find_or_create(
                admin_key,
                &servers,
                json!({
                    "slug": DEMO,
                    "name": "Demo tools",
                    "upstream": upstream,
                }),
            )
            .await?;
        let path = format!("{servers}/{server}");
        self.write(Method::PATCH, &path, admin_key, json!({ "upstream": upstream })).await?;
        let (key_id, key) = self.issue(admin_key, &organization, "demo").await?;
        Ok(KeptDemo { organization, server, upstream: upstream.to_owned(), key_id, key })
    }

    /// The demo organization's people sign in at this issuer, unless somebody has removed it since.
    pub async fn sign_in(&self, admin_key: &str, demo: &KeptDemo, issuer: Value) -> Result<(), DevError> {
        let path = format!("/api/v1/organizations/{}/issuers", demo.organization);
        match self.write(Method::POST, &path, admin_key, issuer).await {
            Err(DevError::Client(ClientError::Refused { status: StatusCode::CONFLICT, .. })) | Ok(_) => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// A call that passes; a second key that passes at every node, is revoked, and is refused at every node.
    pub async fn show(&self, admin_key: &str, demo: &KeptDemo) -> Result<Shown, DevError> {
        let asked = self.clock.instant();
        let answer = self.add(&demo.key).await?.succeeded()?.tool_text()?.to_owned();
        let call = self.clock.instant().duration_since(asked);

        let (id, key) = self.issue(admin_key, &demo.organization, "shown at the start, then revoked").await?;
        self.add(&key).await?.succeeded()?;
        for url in &self.urls {
            self.answers(url, &key, StatusCode::OK, DevError::NotFollowed).await?;
        }
        let path = format!("/api/v1/organizations/{}/keys/{id}/revoke", demo.organization);
        let body = json!({ "reason": "shown by keyledger dev" });
        self.ask(Method::POST, &path, admin_key, Some(body)).await?.succeeded()?;
        let revoked = self.clock.instant();
        let refusal = StatusCode::UNAUTHORIZED;
        let refused = self.urls.iter().map(async |url| {
            self.answers(url, &key, refusal, DevError::StillLetIn).await?;
            Ok::<_, DevError>(self.clock.instant().duration_since(revoked))
        });
        let refused_after = futures::future::try_join_all(refused).await?;
        Ok(Shown { answer, call, refused_after, refusal })
    }

    /// Calls until a node answers so.
    async fn answers(
        &self,
        url: &str,
        key: &str,
        status: StatusCode,
        too_late: DevError,
    ) -> Result<(), DevError> {
        let answered = async {
            while self.add_at(url, key).await?.status != status {}
            Ok(())
        };
        tokio::time::timeout(REFUSED_WITHIN, answered).await.map_err(|_| too_late)?
    }

    async fn add(&self, key: &str) -> Result<Answer, DevError> {
        self.add_at(&demo_url(&self.config), key).await
    }

    async fn add_at(&self, url: &str, key: &str) -> Result<Answer, DevError> {
        Ok(self.client.call(url, key, "add", json!({ "a": 2, "b": 3 })).await?)
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        key: &str,
        body: Option<Value>,
    ) -> Result<Answer, ClientError> {
        self.client.admin(method, self.config.listen.admin, path, key, body).await
    }

    /// A command, and the node's having followed it.
    async fn write(&self, method: Method, path: &str, key: &str, body: Value) -> Result<Answer, DevError> {
        let answer = self.ask(method, path, key, Some(body)).await?.succeeded()?;
        let lacks = || ClientError::Lacks { what: path.to_owned(), member: "position" };
        let position: Position = answer.text("position")?.parse().map_err(|_| lacks())?;
        match &self.gate {
            Some(gate) if !gate.wait_applied(&position, READY_WITHIN).await => Err(DevError::NotFollowed),
            Some(_) | None => Ok(answer),
        }
    }

    /// One that is there already was made by a start that was killed before it could note it.
    async fn find_or_create(&self, key: &str, path: &str, body: Value) -> Result<String, DevError> {
        let created = match self.write(Method::POST, path, key, body).await {
            Err(DevError::Client(ClientError::Refused { status: StatusCode::CONFLICT, .. })) => None,
            other => Some(other?),
        };
        if let Some(created) = created {
            return Ok(created.text("id")?);
        }
        let listed = self.ask(Method::GET, &format!("{path}?limit=100"), key, None).await?.succeeded()?;
        let items = listed.body.get("items").and_then(Value::as_array);
        let found = items.into_iter().flatten().find(|item| item["slug"] == DEMO);
        let id = found.and_then(|item| item["id"].as_str()).map(str::to_owned);
        Ok(id.ok_or_else(|| ClientError::Lacks { what: path.to_owned(), member: "the slug demo" })?)
    }

    async fn issue(&self, key: &str, organization: &str, name: &str) -> Result<(String, String), DevError> {
        let path = format!("/api/v1/organizations/{organization}/keys");
        let body = json!({ "name": name, "scopes": [format!("mcp:{DEMO}")] });
        let issued = self.write(Method::POST, &path, key, body).await?;
        Ok((issued.text("id")?, issued.text("secret")?))
    }
}

/// Where the public listener is reached, without a slash at the end.
pub(super) fn base(config: &Config) -> &str {
    config.public_url.as_str().trim_end_matches('/')
}

pub(super) fn demo_url(config: &Config) -> String {
    demo_at(base(config))
}

fn demo_at(base: &str) -> String {
    format!("{base}/mcp/{DEMO}/{DEMO}")
}

fn print_shown(screen: &mut (dyn Write + Send), shown: &Shown) -> std::io::Result<()> {
    let Shown { answer, call, refused_after, refusal } = shown;
    writeln!(screen, "a call through the gateway:   add(2, 3) = {answer}, in {}", milliseconds(*call))?;
    writeln!(
        screen,
        "a second key, then revoked:   the same call is refused ({}){} {} later",
        refusal.as_u16(),
        if refused_after.len() > 1 { " on every node" } else { "" },
        refused_after.iter().map(|after| milliseconds(*after)).collect::<Vec<_>>().join(", "),
    )
}

/// The screen once everything runs.
pub(super) fn print(
    screen: &mut (dyn Write + Send),
    place: &Home,
    up: &Up<'_>,
    shown: Result<&Shown, &ClientError>,
) -> std::io::Result<()> {
    let Up { config, nats, postgres, nodes, admin_key, demo, provider } = up;
    let url = demo_url(config);
    writeln!(screen, "nats-server runs at {}, PostgreSQL at {}", nats.address(), postgres.address())?;
    writeln!(
        screen,
        "the node serves MCP at {}, the admin API at http://{}",
        base(config),
        config.listen.admin
    )?;
    for node in *nodes {
        let Addresses { public, admin, .. } = node.addresses;
        writeln!(
            screen,
            "node {} serves MCP at http://{public}, the admin API at http://{admin}",
            node.number
        )?;
    }
    writeln!(screen)?;
    match shown {
        Ok(shown) => print_shown(screen, shown)?,
        Err(error) => writeln!(
            screen,
            "the demo's call did not pass: {error}\n\
             (suspended, disabled or removed since the last start? Undo it below, or start anew with --data DIR)"
        )?,
    }
    writeln!(screen, "\nTry it:\n\n{}\n", curl(&url, &demo.key))?;
    writeln!(screen, "For an MCP client:\n\n{}\n", client_configuration(&url, &demo.key))?;
    if let Some(provider) = provider {
        let issuer = provider.issuer();
        writeln!(
            screen,
            "Sign in: give an MCP client the address alone, {url}; two people wait at {issuer}, without a password.\n"
        )?;
    }
    writeln!(screen, "Look at it:\n\n{}\n", commands(place))?;
    writeln!(screen, "Admin key: {admin_key}")?;
    writeln!(screen, "All of this, for scripts: {}", place.facts().display())?;
    writeln!(screen, "Ctrl-C ends it.")?;
    screen.flush()
}

/// Commands of this binary on this installation.
fn commands(place: &Home) -> String {
    let program = std::env::current_exe().unwrap_or_else(|_| "keyledger".into());
    let command = |words: &str| format!("{} {words} --data {}", program.display(), place.root().display());
    ["status", "keys list --organization demo", "events tail"].map(command).join("\n")
}

/// Variables of the environment that configure other processes.
pub(super) fn not_used(variables: &[String], place: &Home) -> String {
    let (names, file) = (variables.join(", "), place.configuration());
    format!("not used: {names}; `keyledger dev` configures itself, in {}", file.display())
}

/// What to do about a node that is not ready and does not become so by itself.
pub(super) fn not_ready(reason: &str, place: &Home) -> String {
    format!(
        "the node is not ready, and lets nobody in: {reason}\nAll runs on, so that you can look and mend: \
         `keyledger status`, and commands that ask NATS with --config {}. Ctrl-C ends it.",
        place.configuration().display()
    )
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1_000.0)
}

fn curl(url: &str, key: &str) -> String {
    let mut lines = vec![format!("curl -sS {url}"), format!("  -H 'Authorization: Bearer {key}'")];
    lines.extend(CALL_HEADERS.iter().map(|(name, value)| format!("  -H '{name}: {value}'")));
    lines.push("  -H 'Mcp-Name: add'".to_owned());
    lines.push(format!("  -d '{}'", call("add", &json!({ "a": 2, "b": 3 }))));
    lines.join(" \\\n")
}

/// The `mcpServers` JSON that MCP clients read.
fn client_configuration(url: &str, key: &str) -> String {
    format!(
        r#"{{
  "mcpServers": {{
    "keyledger-demo": {{
      "type": "http",
      "url": "{url}",
      "headers": {{ "Authorization": "Bearer {key}" }}
    }}
  }}
}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_configuration_is_json() {
        let text = client_configuration("http://127.0.0.1:8080/mcp/demo/demo", "kl_dev_x");
        let read: Value = serde_json::from_str(&text).unwrap();
        let server = &read["mcpServers"]["keyledger-demo"];
        assert_eq!(server["headers"]["Authorization"], "Bearer kl_dev_x");
        assert_eq!(server["url"], "http://127.0.0.1:8080/mcp/demo/demo");
    }
}
