//! `keyledger fleet`

use clap::{Args, Subcommand};
use serde_json::Value;

use super::Environment;
use super::connection::Connection;
use super::error::CliError;
use super::output::{Column, Output, text};

mod forget;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Fleet {
    #[command(subcommand)]
    change: Option<Change>,
    #[command(flatten)]
    connection: Connection,
}

const MEMBERS: &[Column] = &[
    Column { head: "NAME", cell: |item| text(item, "name") },
    Column { head: "ROLES", cell: roles },
    Column { head: "VERSION", cell: |item| text(item, "version") },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "READY", cell: |item| heard(item, ready) },
    Column { head: "APPLIED", cell: |item| heard(item, |item| text(item, "applied")) },
    Column { head: "BEHIND", cell: |item| heard(item, |item| text(item, "lag_events")) },
    Column { head: "COMPLETE", cell: |item| heard(item, age) },
    Column { head: "CLOCK", cell: |item| heard(item, clock) },
    Column { head: "HEARD", cell: |item| ago(&item["heard_age_seconds"]) },
    Column { head: "ID", cell: |item| text(item, "id") },
];

const LEASES: &[Column] = &[
    Column { head: "SHARED WORK", cell: |item| text(item, "name") },
    Column { head: "HELD BY", cell: holder },
    Column { head: "MEMBER", cell: |item| text(item, "member") },
    Column { head: "SINCE", cell: |item| text(item, "since") },
];

#[derive(Debug, Subcommand)]
enum Change {
    /// Forget a member that has died, so that `--wait fleet` waits for it no more
    Forget(forget::Forget),
}

impl Fleet {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self.change {
            Some(Change::Forget(command)) => command.run(environment, output).await,
            None => self.show(environment, output).await,
        }
    }

    async fn show(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let session = self.connection.open(environment, output)?;
        let fleet = session.client.get("/api/v1/fleet", &[]).await?;
        if session.json {
            return session.output.json(&fleet);
        }
        let none = Vec::new();
        let members = fleet["members"].as_array().unwrap_or(&none);
        session.output.table(MEMBERS, members)?;
        for member in members.iter().filter(|member| is_live(member)) {
            for (what, member_of) in [("is not ready", "reason"), ("is degraded", "lacks")] {
                if let Some(reason) = member[member_of].as_str() {
                    session.output.line(format!("{} {what}: {reason}", text(member, "name")))?;
                }
            }
        }
        session.output.line(confirmed(&fleet["confirmed_age_seconds"]))?;
        match fleet["leases"].as_array() {
            Some(leases) if !leases.is_empty() => {
                session.output.line("")?;
                session.output.table(LEASES, leases)
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn roles(item: &Value) -> String {
    let roles = item["roles"].as_array().into_iter().flatten();
    roles.filter_map(Value::as_str).collect::<Vec<_>>().join(",")
}

/// How long ago it was known to be complete.
fn age(item: &Value) -> String {
    ago(&item["age_seconds"])
}

fn clock(item: &Value) -> String {
    item["clock_offset_seconds"].as_f64().map_or_else(|| "-".to_owned(), |offset| format!("{offset:+} s"))
}

/// What is told by a member that is heard: the last word of another one is not how it stands.
fn heard(item: &Value, cell: impl Fn(&Value) -> String) -> String {
    if is_live(item) { cell(item) } else { "-".to_owned() }
}

fn is_live(item: &Value) -> bool {
    item["state"] == "live"
}

fn ready(item: &Value) -> String {
    match (item["ready"].as_bool(), item["lacks"].as_str()) {
        (Some(true), Some(_)) => "degraded".to_owned(),
        (_, _) => text(item, "ready"),
    }
}

/// A lease outlives its holder for a while.
fn holder(item: &Value) -> String {
    let name = text(item, "holder_name");
    match item["member_state"].as_str() {
        Some("live") | None => name,
        Some(state) => format!("{name} ({state})"),
    }
}

/// That these are all, as of when.
fn confirmed(age: &Value) -> String {
    match age.as_f64() {
        Some(_) => format!("last confirmed {}", ago(age)),
        None => "not confirmed yet that these are all".to_owned(),
    }
}

fn ago(seconds: &Value) -> String {
    seconds.as_f64().map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1} s ago"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(item: &Value) -> Vec<String> {
        MEMBERS.iter().map(|column| (column.cell)(item)).collect()
    }

    #[test]
    fn a_member_that_is_not_heard_shows_no_last_word() {
        let mut member = json!({
            "id": "m", "name": "node-1", "roles": ["node"], "version": "0.1.0", "state": "live", "ready": true,
            "applied": 7, "lag_events": 2, "age_seconds": 0.5, "clock_offset_seconds": 0.003, "heard_age_seconds": 1.25,
            "lacks": null
        });
        let live = row(&member);
        assert_eq!(live[4..10], ["true", "7", "2", "0.5 s ago", "+0.003 s", "1.2 s ago"]);
        member["lacks"] = "PostgreSQL does not answer".into();
        assert_eq!(row(&member)[4], "degraded");
        let mut unheard = member.clone();
        unheard["heard_age_seconds"] = Value::Null;
        assert_eq!(row(&unheard)[9], "-");
        for state in ["silent", "fenced"] {
            member["state"] = state.into();
            assert_eq!(row(&member)[3..10], [state, "-", "-", "-", "-", "-", "1.2 s ago"]);
        }
    }

    #[test]
    fn a_lease_names_its_holder_and_whether_that_is_there() {
        let mut lease = json!({ "name": "keys", "holder_name": "worker-1", "member_state": "live" });
        assert_eq!(holder(&lease), "worker-1");
        lease["member_state"] = "silent".into();
        assert_eq!(holder(&lease), "worker-1 (silent)");
        assert_eq!(confirmed(&json!(0.3)), "last confirmed 0.3 s ago");
    }
}
