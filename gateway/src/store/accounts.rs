//! The accounts and users as nats-server's configuration has them: the log's account with the streams, and for
//! each role an account that imports what the role may use.
//!
//! `dev`, the tests and production are given the same text. A role's user publishes to what is imported and hears
//! answers to its own, and nothing else: not the inbox of another process of its role. The restoring user alone
//! stands in the log's account. It can write any log, so production has it only while a backup is put back. A reader
//! beside the roles has an account like theirs.

use std::collections::BTreeMap;
use std::fmt::Write;

use events::log::jetstream;
use serde_json::json;

use super::readers::Reader;
use super::roles::{self, Service};
use crate::config::{NatsRole, PasswordHash};

/// The account that holds the streams.
pub const LOG: &str = "KEYLEDGER";

/// What is imported lies under this.
pub const IMPORTED: &str = "KL.>";

/// A user of nats-server.
pub struct User {
    /// `None`: one in the log's account who may do everything, for tests.
    pub role: Option<NatsRole>,
    pub name: String,
    pub password: Password,
}

/// A reader beside the roles.
pub struct ReaderUser {
    pub reader: Reader,
    pub password: Password,
}

/// How the server is told a password.
pub enum Password {
    /// As it is.
    Text(String),
    /// In the server's environment.
    Variable(String),
}

impl User {
    /// The role's user, whose password the server knows by this hash, or else by a variable of its environment, such as
    /// `KEYLEDGER_NATS_NODE_PASSWORD`.
    pub fn of(role: NatsRole, name: String, hash: Option<&PasswordHash>) -> Self {
        let password = match hash {
            Some(hash) => Password::Text(hash.as_str().to_owned()),
            None => Password::Variable(format!("KEYLEDGER_NATS_{}_PASSWORD", role.as_str().to_uppercase())),
        };
        Self { role: Some(role), name, password }
    }
}

impl ReaderUser {
    /// Whose password the server knows by this hash, or else by a variable of its environment.
    pub fn of(reader: Reader, hash: Option<&PasswordHash>) -> Self {
        let password = match hash {
            Some(hash) => Password::Text(hash.as_str().to_owned()),
            None => Password::Variable(reader.variable()),
        };
        Self { reader, password }
    }
}

/// The role's account, such as `KEYLEDGER_NODE`.
pub fn name(role: NatsRole) -> String {
    format!("{LOG}_{}", role.as_str().to_uppercase())
}

/// The `accounts` of a configuration file.
pub fn configuration(users: &[User], readers: &[ReaderUser]) -> String {
    let mut text = String::from("accounts {\n");
    let mut owners = users_of(users, None);
    owners.extend(users_of(users, Some(NatsRole::Restore)));
    let exports = [exports(readers), roles::ALL.into_iter().filter_map(export_heard).collect()].concat();
    section(&mut text, LOG, "jetstream: enabled", owners, "exports", exports);
    for role in roles::ALL {
        let mut imports: Vec<_> = roles::services(role).iter().map(import).collect();
        imports.extend(import_heard(role));
        let comment = format!("# The role {}", role.as_str());
        section(&mut text, &name(role), &comment, users_of(users, Some(role)), "imports", imports);
    }
    for user in readers {
        let reader = &user.reader;
        let comment = format!(
            "# The reader {}: {}. Its consumers are {prefix}_1 to {prefix}_{}",
            reader.name(),
            reader.filters().join(" and "),
            reader.consumers().len(),
            prefix = reader.prefix(),
        );
        let imports = reader.services().iter().map(import).collect();
        section(&mut text, &reader.account(), &comment, vec![reader_line(user)], "imports", imports);
    }
    text.push_str("}\n");
    text
}

fn section(
    text: &mut String,
    account: &str,
    first: &str,
    users: Vec<String>,
    passing: &str,
    passed: Vec<String>,
) {
    // Writing into a String can't fail.
    let _ = writeln!(text, "  {account} {{\n    {first}");
    for (name, lines) in [("users", users), (passing, passed)] {
        let _ = writeln!(text, "    {name} = [");
        for line in lines {
            let _ = writeln!(text, "      {line}");
        }
        text.push_str("    ]\n");
    }
    text.push_str("  }\n");
}

fn users_of(users: &[User], role: Option<NatsRole>) -> Vec<String> {
    users.iter().filter(|user| user.role == role).map(user_line).collect()
}

/// It hears its own account's inboxes alone, and there is nobody else in its account.
fn reader_line(ReaderUser { reader, password }: &ReaderUser) -> String {
    let publish: Vec<_> = std::iter::once(IMPORTED.to_owned())
        .chain(reader.consumers().iter().map(|name| format!("$JS.ACK.{}.{name}.>", jetstream::STREAM)))
        .collect();
    format!(
        "{{ user: {}, password: {}, permissions {{ publish = {}, subscribe = [\"_INBOX.>\"] }} }}",
        quoted(&reader.user()),
        password.written(),
        json!(publish)
    )
}

impl Password {
    fn written(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Variable(name) => format!("${name}"),
        }
    }
}

fn user_line(user: &User) -> String {
    let password = user.password.written();
    let name = quoted(&user.name);
    match user.role {
        None => format!("{{ user: {name}, password: {password} }}"),
        Some(role) => {
            let publish = match role {
                NatsRole::Admin
                | NatsRole::Control
                | NatsRole::Worker
                | NatsRole::Node
                | NatsRole::Auditor => roles::publishes(role),
                NatsRole::Restore => roles::restoring(),
            };
            let mut subscribe = vec![format!("{}.>", roles::inbox_prefix(role))];
            subscribe.extend(roles::heard(role));
            let line = format!(
                "{{ user: {name}, password: {password}, permissions {{ publish = {}, subscribe = {} }} }}",
                json!(publish),
                json!(subscribe)
            );
            match (role, &user.password) {
                (NatsRole::Restore, Password::Variable(_)) => {
                    format!("# While `keyledger restore` puts a backup back, and no longer:\n      # {line}")
                }
                _ => line,
            }
        }
    }
}

/// Each service once, with the accounts that may import it.
fn exports(readers: &[ReaderUser]) -> Vec<String> {
    let mut importers: BTreeMap<Service, Vec<String>> = BTreeMap::new();
    let of_roles = roles::ALL.into_iter().map(|role| (name(role), roles::services(role)));
    let of_readers = readers.iter().map(|user| (user.reader.account(), user.reader.services()));
    for (account, services) in of_roles.chain(of_readers) {
        for service in services {
            let accounts = importers.entry(service).or_default();
            if !accounts.contains(&account) {
                accounts.push(account.clone());
            }
        }
    }
    importers.iter().map(export).collect()
}

fn export((service, accounts): (&Service, &Vec<String>)) -> String {
    let many = if service.has_many_answers() { "response_type: stream, " } else { "" };
    format!("{{ service: {}, {many}accounts: [{}] }}", quoted(&service.exported()), accounts.join(", "))
}

fn import(service: &Service) -> String {
    format!(
        "{{ service: {{ account: {LOG}, subject: {} }}, to: {} }}",
        quoted(&service.exported()),
        quoted(&service.imported())
    )
}

fn export_heard(role: NatsRole) -> Option<String> {
    Some(format!("{{ stream: {}, accounts: [{}] }}", quoted(&roles::heard(role)?), name(role)))
}

fn import_heard(role: NatsRole) -> Option<String> {
    Some(format!("{{ stream: {{ account: {LOG}, subject: {} }} }}", quoted(&roles::heard(role)?)))
}

fn quoted(text: &str) -> String {
    json!(text).to_string()
}
