//! What must hold between keys, beyond each value's own shape.

use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};

use super::{Config, ConfigError, Role};

pub(super) const NATS_URL: &str = "nats://HOST:PORT on loopback, tls://HOST:PORT elsewhere; or a list of such, of \
                                   one cluster's servers";

impl Config {
    /// What holds of every value that is there.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        check_origin("public_url", &self.public_url)?;
        check_origin("accounts_url", self.accounts_url())?;
        self.oauth.check()?;
        self.check_nats()?;
        self.nats.check_readers()?;
        self.checkpoints.check()?;
        self.check_bounds()?;
        self.check_origins()?;
        self.check_default_server()?;
        self.fleet.check()?;
        for (name, drain) in &self.drains {
            drain.check(&named("drains", name)?, self.has(Role::Worker))?;
        }
        for (name, export) in &self.exports {
            export.check(&named("exports", name)?, self.has(Role::Worker))?;
        }
        Ok(())
    }

    /// What a process of its roles needs.
    pub(super) fn check_process(&self) -> Result<(), ConfigError> {
        if self.roles.is_empty() {
            return Err(value("roles", "it is empty", "a list of node, control, worker"));
        }
        self.check_listeners()?;
        self.nats_servers()?;
        if self.has(Role::Control) || self.has(Role::Worker) {
            self.postgres_url()?;
            self.vault_key_file("vault.people_key_file", &self.vault.people_key_file)?;
        }
        if self.has(Role::Control) {
            self.vault_key_file("vault.control_key_file", &self.vault.control_key_file)?;
        }
        if self.has(Role::Node) || self.has(Role::Control) {
            self.vault_key_file("vault.node_key_file", &self.vault.node_key_file)?;
        }
        Ok(())
    }

    fn check_listeners(&self) -> Result<(), ConfigError> {
        let open = |role, address: SocketAddr| self.has(role) && !address.ip().is_loopback();
        if self.tls.is_none() {
            let accepted = "a loopback address, or any address with `tls` set to \"terminated\" or to \
                            certificate_file and key_file";
            for (role, key, address) in [
                (Role::Node, "listen.public", self.listen.public),
                (Role::Control, "listen.admin", self.listen.admin),
                (Role::Control, "listen.accounts", self.listen.accounts.unwrap_or(self.listen.admin)),
            ] {
                if open(role, address) {
                    return Err(value(key, "plain HTTP would leave this machine", accepted));
                }
            }
        }
        if self.listen.max_connections == 0 {
            return Err(value("listen.max_connections", "it is 0", "1 or more"));
        }
        Ok(())
    }

    fn check_nats(&self) -> Result<(), ConfigError> {
        let wrong = |problem: &str| Err(value("nats.url", problem, NATS_URL));
        for url in &self.nats.servers {
            if !url.username().is_empty() || url.password().is_some() {
                return wrong("it holds a user or a password: those stand in nats.users");
            }
            match url.scheme() {
                _ if may_speak_nats(url) => {}
                "nats" => return wrong("the connection would leave this machine without TLS"),
                _ => return wrong("unknown scheme"),
            }
        }
        Ok(())
    }

    fn check_bounds(&self) -> Result<(), ConfigError> {
        let pool = self.postgres.as_ref().map_or(1, |postgres| u64::from(postgres.max_connections));
        let ranges = [
            ("listen.idle_timeout_ms", self.listen.idle_timeout_ms, 1_000, 3_600_000, "1000 to 3600000"),
            ("listen.drain_ms", self.listen.drain_ms, 0, 600_000, "0 to 600000"),
            ("postgres.max_connections", pool, 1, 1_000, "1 to 1000"),
            ("freshness.max_staleness_ms", self.freshness.max_staleness_ms, 500, 3_600_000, "500 to 3600000"),
            ("freshness.ask_every_ms", self.freshness.ask_every_ms, 50, 60_000, "50 to 60000"),
            ("freshness.max_clock_skew_ms", self.freshness.max_clock_skew_ms, 100, 300_000, "100 to 300000"),
            ("snapshots.every_events", self.snapshots.every_events, 100, 1_000_000_000, "100 to 1000000000"),
            ("snapshots.every_minutes", self.snapshots.every_minutes, 1, 10_080, "1 to 10080"),
            ("snapshots.keep", self.snapshots.keep as u64, 1, 100, "1 to 100"),
            ("access.max_age_days", self.access.max_age_days, 1, 3_650, "1 to 3650"),
            (
                "access.max_bytes",
                self.access.max_bytes,
                1_048_576,
                1_099_511_627_776,
                "1048576 to 1099511627776",
            ),
            ("mcp.body_timeout_ms", self.mcp.body_timeout_ms, 100, 600_000, "100 to 600000"),
            ("organizations.max_keys", self.organizations.max_keys, 1, u64::MAX, "1 or more"),
            ("organizations.max_revoked_keys", self.organizations.max_revoked_keys, 1, u64::MAX, "1 or more"),
            ("organizations.max_servers", self.organizations.max_servers, 1, u64::MAX, "1 or more"),
            ("organizations.max_members", self.organizations.max_members, 1, u64::MAX, "1 or more"),
            ("organizations.max_invitations", self.organizations.max_invitations, 1, u64::MAX, "1 or more"),
            ("organizations.max_clients", self.organizations.max_clients, 1, u64::MAX, "1 or more"),
            ("organizations.max_consents", self.organizations.max_consents, 1, u64::MAX, "1 or more"),
            ("organizations.max_grants", self.organizations.max_grants, 1, u64::MAX, "1 or more"),
            (
                "organizations.max_scope_bytes",
                self.organizations.max_scope_bytes,
                1_024,
                u64::MAX,
                "1024 or more",
            ),
            ("mcp.max_body_bytes", self.mcp.max_body_bytes as u64, 1_024, 67_108_864, "1024 to 67108864"),
            ("upstreams.connect_timeout_ms", self.upstreams.connect_timeout_ms, 50, 60_000, "50 to 60000"),
            (
                "upstreams.response_timeout_ms",
                self.upstreams.response_timeout_ms,
                100,
                3_600_000,
                "100 to 3600000",
            ),
            ("issuers.max", self.issuers.max as u64, 1, 1_000, "1 to 1000"),
            ("webhooks.max", self.webhooks.max, 1, 10_000, "1 to 10000"),
            ("webhooks.timeout_ms", self.webhooks.timeout_ms, 100, 120_000, "100 to 120000"),
            ("webhooks.at_once", self.webhooks.at_once.into(), 1, 1_024, "1 to 1024"),
            ("webhooks.each", self.webhooks.each.into(), 1, 64, "1 to 64"),
            ("webhooks.keep_days", self.webhooks.keep_days.into(), 1, 3_650, "1 to 3650"),
            (
                "webhooks.retry_seconds",
                self.webhooks.retry_seconds.len() as u64,
                1,
                30,
                "1 to 30 pauses in seconds",
            ),
            ("upstreams.idle_timeout_ms", self.upstreams.idle_timeout_ms, 100, 3_600_000, "100 to 3600000"),
        ];
        for (key, is, least, most, accepted) in ranges {
            if !(least..=most).contains(&is) {
                return Err(value(key, &format!("{is} is out of bounds"), accepted));
            }
        }
        if self.freshness.ask_every_ms > self.freshness.max_staleness_ms / 2 {
            return Err(value(
                "freshness.ask_every_ms",
                "a node would be stale between two questions",
                "at most half of freshness.max_staleness_ms",
            ));
        }
        Ok(())
    }

    fn check_default_server(&self) -> Result<(), ConfigError> {
        if self.mcp.default_server.is_some() && self.mcp.default_server().is_none() {
            return Err(value(
                "mcp.default_server",
                "it names no server",
                "ORGANIZATION/SERVER: the slugs that stand in its URL, such as acme/docs",
            ));
        }
        Ok(())
    }

    fn check_origins(&self) -> Result<(), ConfigError> {
        let wrong = self.mcp.allowed_origins.iter().find(|origin| *origin != "*" && !is_origin(origin));
        match wrong {
            None => Ok(()),
            Some(origin) => Err(value(
                "mcp.allowed_origins",
                &format!("`{origin}` is not an origin"),
                "a list of origins such as https://app.example.com, tauri://localhost or chrome-extension://ID (no \
                 path, no trailing slash), SCHEME://* for every origin of a scheme that is not the web's, or *",
            )),
        }
    }
}

/// A scheme, a host and perhaps a port, in the one spelling that browsers send (RFC 6454 §6.2). What is not of the web
/// has such origins too: an app's, an extension's, an editor's view.
fn is_origin(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    if matches!(url.scheme(), "http" | "https") {
        return url.origin().ascii_serialization() == text && !text.contains('*');
    }
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else { return false };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    text == format!("{}://{host}{port}", url.scheme()) && (host == "*" || !host.contains('*'))
}

/// The driver falls back to plain text where the server offers no TLS: off this machine it must not.
pub(super) fn check_postgres(url: &str) -> Result<(), ConfigError> {
    let accepted = "postgres://USER:PASSWORD@HOST/DATABASE on loopback or by a socket's folder; elsewhere with \
                    ?sslmode=verify-full (or verify-ca, require)";
    let wrong = |problem: &str| Err(value("postgres.url", problem, accepted));
    let Ok(url) = Url::parse(url) else { return wrong("it is no PostgreSQL URL") };
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return wrong("it is no PostgreSQL URL");
    }
    let query = |name: &str| url.query_pairs().filter(|(key, _)| key == name).last().map(|(_, value)| value);
    let local = match query("host") {
        Some(host) => host.starts_with('/') || is_loopback_name(&host),
        None => {
            url.host_str().is_none_or(|host| host.is_empty() || host.starts_with("%2F")) || is_loopback(&url)
        }
    };
    let secure = query("sslmode")
        .or_else(|| query("ssl-mode"))
        .is_some_and(|mode| matches!(&*mode, "require" | "verify-ca" | "verify-full"));
    if local || secure { Ok(()) } else { wrong("the connection would leave this machine without TLS") }
}

fn check_origin(key: &str, url: &Url) -> Result<(), ConfigError> {
    let accepted = "https://HOST[:PORT] without path, query or user; http only on loopback";
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !plain || !url.username().is_empty() || url.password().is_some() || url.host().is_none() {
        return Err(value(key, "it is more or less than an origin", accepted));
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        _ => Err(value(key, "clients would send keys without TLS", accepted)),
    }
}

/// Passwords and events leave this machine under TLS only.
pub fn may_speak_nats(url: &Url) -> bool {
    match url.scheme() {
        "tls" => true,
        "nats" => is_loopback(url),
        _ => false,
    }
}

pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        // The url crate reads an address as a name where it does not know the scheme (`nats`).
        Some(Host::Domain(name)) => is_loopback_name(name),
        None => false,
    }
}

fn is_loopback_name(name: &str) -> bool {
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The key of a named table, whose name stands in leases, metrics and rows.
fn named(table: &str, name: &str) -> Result<String, ConfigError> {
    let is_good = (1..=40).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte));
    let key = format!("{table}.{name}");
    if is_good {
        Ok(key)
    } else {
        Err(value(&key, "no name", "1 to 40 lower-case letters, digits, `-` and `_`"))
    }
}

/// A number within its bounds.
pub(super) fn within(
    key: &str,
    is: u64,
    bounds: std::ops::RangeInclusive<u64>,
    accepted: &'static str,
) -> Result<(), ConfigError> {
    if bounds.contains(&is) { Ok(()) } else { Err(value(key, &format!("{is} is out of bounds"), accepted)) }
}

/// An address of HTTP: what goes there is for its eyes alone.
pub(super) fn check_http(key: &str, url: &Url) -> Result<(), ConfigError> {
    let accepted = "https://HOST[:PORT][/PATH] without user and password; http only on loopback";
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(value(key, "it is more than an address", accepted));
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        _ => Err(value(key, "what is sent there would leave this machine without TLS", accepted)),
    }
}

pub(super) fn value(key: &str, problem: &str, accepted: &'static str) -> ConfigError {
    ConfigError::Value { key: key.to_owned(), problem: problem.to_owned(), accepted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_off_this_machine_needs_tls() {
        for url in [
            "postgres://k:p@127.0.0.1:5432/k",
            "postgres://k:p@localhost/k",
            "postgres:///k?host=/run/postgresql",
            "postgres://k@%2Frun%2Fpostgresql/k",
            "postgres://k:p@db.example.com/k?sslmode=verify-full",
        ] {
            assert!(check_postgres(url).is_ok(), "{url}");
        }
        for url in [
            "postgres://k:p@db.example.com/k",
            "postgres://k:p@db.example.com/k?sslmode=prefer",
            "postgres://k:p@localhost/k?host=db.example.com",
            "postgres://k:p@db.example.com/k?sslmode=verify-full&sslmode=disable",
            "mysql://k:p@127.0.0.1/k",
        ] {
            let text = check_postgres(url).unwrap_err().to_string();
            assert!(text.contains("postgres.url") && !text.contains("k:p"), "{text}");
        }
    }

    #[test]
    fn origins_are_those_that_browsers_apps_and_extensions_send() {
        for good in [
            "https://app.example.com",
            "http://localhost:3000",
            "tauri://localhost",
            "chrome-extension://aaaabbbbccccdddd",
            "vscode-webview://1a2b3c",
            "vscode-webview://*",
            "app://local:8080",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "null",
            "app.example.com",
            "https://app.example.com/",
            "https://app.example.com:443",
            "https://*",
            "https://*.example.com",
            "https://user@app.example.com",
            "tauri://localhost/",
            "tauri://user@localhost",
            "tauri://localhost?x",
            "tauri:localhost",
            "chrome-extension://a*",
            "file://",
            "data:text/html,x",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
