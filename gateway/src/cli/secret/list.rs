//! `keyledger secrets list`

use std::collections::HashMap;

use clap::Args;
use events::key::KeyEvent;
use events::log::Log;
use events::log::jetstream::JetStreamLog;
use events::{Event, KeyId, PepperId, Read, Timestamp};
use serde_json::{Value, json};

use super::{AsControl, unread, vaults};
use crate::cli::Environment;
use crate::cli::error::CliError;
use crate::cli::output::{Column, Output, text};
use crate::vault::renewal::Kind;

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    control: AsControl,
}

const COLUMNS: &[Column] = &[
    Column { head: "KIND", cell: |item| text(item, "kind") },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "DRAWN", cell: |item| text(item, "drawn_at") },
    Column { head: "KEYS", cell: |item| text(item, "keys") },
    Column { head: "UNTIL", cell: |item| text(item, "needed_until") },
    Column { head: "ID", cell: |item| text(item, "id") },
];

impl List {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let as_json = self.control.json;
        let (parts, log) = self.control.open_with_log(environment).await?;
        let now = parts.clock.now();
        let resting = resting(&log, now).await?;
        let mut items = Vec::new();
        for kind in Kind::ALL {
            for held in vaults(&parts).list(kind, now).await.map_err(unread)? {
                let mut item = json!({
                    "kind": kind.as_str(),
                    "state": held.state.as_str(),
                    "drawn_at": held.drawn_at,
                    "id": held.id,
                });
                if kind == Kind::Pepper {
                    let rest = resting.get(&PepperId::new(held.id)).copied().unwrap_or_default();
                    item["keys"] = json!(rest.keys);
                    item["needed_until"] = rest.until();
                }
                items.push(item);
            }
        }
        if as_json { output.json(&json!({ "items": items })) } else { output.table(COLUMNS, &items) }
    }
}

/// The keys of a pepper that may still be used.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Resting {
    pub keys: u64,
    /// Of those, the ones that never expire.
    pub for_ever: u64,
    /// When the last of the others expires.
    pub last: Option<Timestamp>,
}

impl Resting {
    /// Until when it is needed: a time, `for ever`, or nothing.
    fn until(self) -> Value {
        if self.for_ever > 0 { json!("for ever") } else { json!(self.last) }
    }
}

/// What rests on each pepper, as the log says: keys that are neither revoked nor expired.
pub(super) async fn resting(
    log: &JetStreamLog,
    now: Timestamp,
) -> Result<HashMap<PepperId, Resting>, CliError> {
    let unread = crate::cli::events::unread;
    let id = log.id().await.map_err(unread)?;
    let mut keys: HashMap<KeyId, (PepperId, Option<Timestamp>)> = HashMap::new();
    let mut next = 1;
    loop {
        let messages = log.scan(next).await.map_err(unread)?;
        let Some(last) = messages.last() else { break };
        next = last.sequence + 1;
        for message in &messages {
            let Read::Event(recorded) = message.read(id) else { continue };
            let Ok(key) = KeyId::try_from(&recorded.envelope.subject.aggregate_id) else { continue };
            take(&mut keys, key, &recorded.event);
        }
    }
    let mut resting: HashMap<PepperId, Resting> = HashMap::new();
    for (pepper, expires) in keys.into_values() {
        if expires.is_some_and(|expires| expires <= now) {
            continue;
        }
        let rest = resting.entry(pepper).or_default();
        rest.keys += 1;
        match expires {
            Some(_) => rest.last = rest.last.max(expires),
            None => rest.for_ever += 1,
        }
    }
    Ok(resting)
}

fn take(keys: &mut HashMap<KeyId, (PepperId, Option<Timestamp>)>, key: KeyId, event: &Event) {
    let Event::Key(event) = event else { return };
    match event {
        KeyEvent::Issued(issued) => {
            keys.insert(key, (issued.digest.pepper, issued.expires_at));
        }
        KeyEvent::Revoked(_) => {
            keys.remove(&key);
        }
        KeyEvent::ExpiryChanged(changed) => {
            if let Some((_, expires)) = keys.get_mut(&key) {
                *expires = changed.expires_at;
            }
        }
        KeyEvent::Disabled(_)
        | KeyEvent::Enabled(_)
        | KeyEvent::Renamed(_)
        | KeyEvent::MetadataChanged(_)
        | KeyEvent::ScopesChanged(_) => {}
    }
}
