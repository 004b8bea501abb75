//! What was lost as commands that do it again, in the order in which it happened.
//!
//! A key that was issued in what was lost can't come back: its secret was shown once, and the log has its digest no more.
//! It is issued anew, as it was at the end, and what happened to it in between is left out. What no command does again is
//! said in a comment.

use std::collections::HashMap;
use std::fmt::Write as _;

use events::Owner;
use projections::postgres::history::{EventRow, Told};
use serde_json::Value;

/// The script.
pub fn of(after: u64, lost: &[Told]) -> String {
    let fresh = Fresh { keys: fresh_keys(lost), servers: fresh_servers(lost) };
    let mut script = format!(
        "#!/bin/sh\n# What the log has lost after event {after}, done again: {} events. Read it before you run it.\n\
         # It goes on after what fails, and ends with 1 then. Run again, it issues no key twice; what is so already is\n\
         # refused, or noted once more.\nfailed=0\n",
        lost.len()
    );
    for told in lost {
        let row = &told.row;
        // Writing into a String can't fail.
        let _ = writeln!(script, "\n# {} {} {}, by {}", row.sequence, row.time, row.kind, row.actor);
        let step = step(told, &fresh);
        // A command is a step's last line.
        let is_command = step.lines().last().is_some_and(|line| !line.starts_with('#'));
        script.extend([&*step, if is_command { " || failed=$((failed + 1))\n" } else { "\n" }]);
    }
    script.push_str(
        "\n[ \"$failed\" = 0 ] || { echo \"$failed of these commands failed: see above\" >&2; exit 1; }\n",
    );
    script
}

/// What began in what was lost: the log knows none of its ids.
struct Fresh<'a> {
    keys: HashMap<&'a str, Key>,
    /// Each with its slug.
    servers: HashMap<&'a str, String>,
}

/// A key that was issued in what was lost, as it was at the end.
struct Key {
    name: Option<String>,
    data: serde_json::Map<String, Value>,
    metadata: Option<String>,
    /// Why it is not issued anew.
    ended: Option<&'static str>,
    /// The event that issued it: its command's idempotency key, so that the script issues it once.
    event: String,
}

fn fresh_servers(lost: &[Told]) -> HashMap<&str, String> {
    let registered = lost.iter().map(|told| &told.row).filter(|row| row.kind == "server.registered");
    registered.filter_map(|row| Some((row.aggregate_id.as_str(), datum(row, "slug")?))).collect()
}

fn fresh_keys(lost: &[Told]) -> HashMap<&str, Key> {
    let mut keys: HashMap<&str, Key> = HashMap::new();
    for Told { row, .. } in lost {
        let id = row.aggregate_id.as_str();
        if row.kind == "key.issued" {
            let (name, metadata) = (text(row, "name"), text(row, "metadata"));
            let event = row.event.to_string();
            keys.insert(id, Key { name, data: row.data.clone(), metadata, ended: None, event });
            continue;
        }
        let Some(key) = keys.get_mut(id) else { continue };
        match row.kind.as_str() {
            "key.renamed" => key.name = text(row, "name"),
            "key.metadata_changed" => key.metadata = text(row, "metadata"),
            "key.scopes_changed" | "key.expiry_changed" => key.data.extend(row.data.clone()),
            "key.revoked" => key.ended = Some("revoked"),
            "key.disabled" if key.ended.is_none() => key.ended = Some("disabled"),
            "key.enabled" if key.ended == Some("disabled") => key.ended = None,
            _ => {}
        }
    }
    keys
}

fn step(told: &Told, fresh: &Fresh<'_>) -> String {
    let row = &told.row;
    let id = row.aggregate_id.as_str();
    let organization = told.organization.clone();
    // By its slug, since what was lost has another id now.
    let is_organization = row.kind.starts_with("organization.");
    let slug = if is_organization { organization.clone() } else { fresh.servers.get(id).cloned() };
    let object = slug.unwrap_or_else(|| id.to_owned());
    let of = match (&row.owner, &organization) {
        (Owner::Installation, _) => vec!["--installation".to_owned()],
        (Owner::Organization(_), Some(slug)) => vec!["--organization".to_owned(), slug.clone()],
        (Owner::Organization(id), None) => vec!["--organization".to_owned(), id.to_string()],
    };
    if let Some(key) = fresh.keys.get(id) {
        return if row.kind == "key.issued" { issue(key, of) } else { "# see where it is issued".to_owned() };
    }
    let command = |words: &str| Command::new(words).word(&object);
    let with_reason = |words| command(words).some("--reason", text(row, "reason"));
    match row.kind.as_str() {
        "organization.created" => command("organizations create").some("--name", text(row, "name")),
        "organization.renamed" => {
            command("organizations rename").word(&text(row, "name").unwrap_or_default())
        }
        "organization.suspended" => with_reason("organizations suspend"),
        "organization.resumed" => command("organizations resume"),
        "organization.forgotten" => command("organizations forget").flag("--confirm", &object),
        "server.registered" => {
            let slug = datum(row, "slug").unwrap_or_default();
            let disabled = row.data.get("enabled") == Some(&Value::Bool(false));
            let command =
                Command::new("servers register").word(&slug).some("--upstream", datum(row, "upstream"));
            let command = command.some("--name", text(row, "name")).words(disabled.then_some("--disabled"));
            settings(command, row).words(Some("--no-try")).words(of)
        }
        "server.changed" => {
            let command = command("servers change").some("--name", text(row, "name"));
            let command = command.some("--upstream", datum(row, "upstream"));
            settings(command.some("--enabled", datum(row, "enabled")), row).words(Some("--no-try")).words(of)
        }
        "slug.reserved" => return "# the command that claims the name does it again".to_owned(),
        "server.removed" => with_reason("servers remove").words(of),
        "key.revoked" => with_reason("keys revoke").words(of),
        "key.disabled" => with_reason("keys disable").words(of),
        "key.enabled" => command("keys enable").words(of),
        "key.renamed" => command("keys rename").word(&text(row, "name").unwrap_or_default()).words(of),
        "key.scopes_changed" => command("keys scopes").words(scopes(&row.data)).words(of),
        "key.expiry_changed" => match datum(row, "expires_at") {
            Some(at) => command("keys expiry").flag("--at", &at).words(of),
            None => command("keys expiry").words(Some("--never")).words(of),
        },
        "key.metadata_changed" => match text(row, "metadata") {
            Some(metadata) => command("keys metadata").word(&metadata).words(of),
            None => command("keys metadata").words(Some("--none")).words(of),
        },
        "webhook.paused" => command("webhooks pause").words(of),
        "webhook.resumed" => command("webhooks resume").words(of),
        "webhook.removed" => command("webhooks remove").words(of),
        "issuer.renamed" => command("issuers change").some("--name", text(row, "name")).words(of),
        "issuer.credential_removed" => command("issuers credential").words(Some("--remove")).words(of),
        "issuer.removed" => with_reason("issuers remove").words(of),
        "issuer.registered" | "issuer.changed" | "issuer.credential_set" => {
            return format!(
                "# by hand: its settings are in the event, its credential is not told (issuer {id})"
            );
        }
        "grant.ended" => with_reason("grants end").words(of),
        "consent.withdrawn" => with_reason("consents withdraw").words(of),
        "grant.given" | "consent.given" => {
            return "# nobody gives it for somebody else: the client connects anew".to_owned();
        }
        "client.disabled" => with_reason("clients disable").words(of),
        "client.enabled" => with_reason("clients enable").words(of),
        "client.removed" => with_reason("clients remove").words(of),
        "client.secret_revoked" => {
            let secret = datum(row, "secret_id").unwrap_or_default();
            command("clients secrets revoke").word(&secret).words(of)
        }
        "client.registered" | "client.changed" | "client.secret_issued" => {
            return format!("# by hand: what it may is in the event, its secrets are not told (client {id})");
        }
        "approval.given" => {
            let client = datum(row, "client").unwrap_or_default();
            Command::new("approvals give").word(&client).words(of)
        }
        "approval.withdrawn" => {
            return format!("# by hand: `approvals list` shows which client it is of (approval {id})");
        }
        "organization.client_approval_required" => {
            Command::new("approvals require").flag("--organization", &object)
        }
        "organization.client_approval_waived" => {
            Command::new("approvals waive").flag("--organization", &object)
        }
        "webhook.registered" | "webhook.changed" | "webhook.secret_rotated" => {
            return format!("# by hand: its URL and its secret are not told here (webhook {id})");
        }
        _ => return "# no command does it again".to_owned(),
    }
    .text
}

fn issue(key: &Key, of: Vec<String>) -> String {
    if let Some(ended) = key.ended {
        return format!("# it was {ended} at the end, and is not issued anew");
    }
    let owner = key.data.get("owner");
    let member = |name: &str| owner.and_then(|owner| owner.get(name)).and_then(Value::as_str);
    let speaks_for = match member("kind") {
        Some(kind @ ("user" | "service")) => {
            Some([format!("--{kind}"), member("id").unwrap_or_default().to_owned()])
        }
        Some(_) | None => None,
    };
    let mut command = Command::new("keys issue");
    for scope in scopes(&key.data) {
        command = command.flag("--scope", &scope);
    }
    let datum = |name: &str| key.data.get(name).and_then(Value::as_str).map(str::to_owned);
    let command = command.some("--environment", datum("environment").filter(|it| it != "live"));
    let command = command.some("--not-before", datum("not_before")).some("--expires-at", datum("expires_at"));
    let command = command.some("--metadata", key.metadata.clone());
    let command = command.flag("--idempotency-key", &format!("lost-{}", key.event));
    let command = command.words(speaks_for.into_iter().flatten()).words(of);
    // A name may begin as a flag does.
    let command = command.word("--").word(key.name.as_deref().unwrap_or("forgotten"));
    format!("# a new key with a new secret: hand it to whoever had the one before\n{}", command.text)
}

/// What a server says of how it is called. Its authorities are a file, which is not here.
fn settings(command: Command, row: &EventRow) -> Command {
    let Some(Value::Object(settings)) = row.data.get("settings") else { return command };
    let setting = |name: &str| settings.get(name).filter(|value| !value.is_null()).map(plain);
    command
        .some("--credentials", setting("credentials"))
        .some("--response-timeout", setting("response_timeout_ms").map(|millis| format!("{millis}ms")))
        .some("--idle-timeout", setting("idle_timeout_ms").map(|millis| format!("{millis}ms")))
        .some("--upstream-ca-file", setting("ca").map(|_| "PUT-ITS-CERTIFICATES-HERE.pem".to_owned()))
}

fn scopes(data: &serde_json::Map<String, Value>) -> Vec<String> {
    let scopes = data.get("scopes").and_then(Value::as_array);
    scopes.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn datum(row: &EventRow, name: &str) -> Option<String> {
    row.data.get(name).filter(|value| !value.is_null()).map(plain)
}

fn text(row: &EventRow, name: &str) -> Option<String> {
    row.texts.get(name).filter(|value| !value.is_null()).map(plain)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A command line for a shell.
struct Command {
    text: String,
}

impl Command {
    fn new(words: &str) -> Self {
        Self { text: format!("keyledger {words}") }
    }

    fn word(mut self, word: &str) -> Self {
        self.text.push(' ');
        self.text.push_str(&quoted(word));
        self
    }

    fn words<W: AsRef<str>>(self, words: impl IntoIterator<Item = W>) -> Self {
        words.into_iter().fold(self, |command, word| command.word(word.as_ref()))
    }

    fn flag(self, flag: &str, value: &str) -> Self {
        // In one word: a value may begin as a flag does.
        self.word(&format!("{flag}={value}"))
    }

    fn some(self, flag: &str, value: Option<String>) -> Self {
        match value {
            Some(value) => self.flag(flag, &value),
            None => self,
        }
    }
}

/// For `sh` it is one word, and nothing in it is more than text.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=:/.,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
