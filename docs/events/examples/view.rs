//! Which keys work now, kept in SQLite: needs Keyledger's `events` (with `jetstream`), `rusqlite`, `futures` and `tokio`.
//! It may be stopped and started at any time, and believes what the installation's writers signed.
//!
//!     NATS_URL=… NATS_USER=auditor NATS_PASSWORD=… view keys.db
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it tells how far it is")]

use std::{env, error::Error, sync::Arc, time::Duration};

use events::clock::{SystemClock, SystemRandom};
use events::log::jetstream::{ConnectOptions, Credentials, JetStreamLog, Password, Timeouts, connect};
use events::log::{FollowError, Log, Stored};
use events::{AggregateType, Event, LogId, Read, Signers, Subject, key::KeyEvent, position::Place};
use futures::StreamExt;
use rusqlite::{Connection, OptionalExtension, params};

const SET: &str = "UPDATE keys SET {} = ?2 WHERE id = ?1 AND state NOT IN ('revoked', 'unknown')";
type Done = Result<(), Box<dyn Error>>;
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS place (one INTEGER PRIMARY KEY, place TEXT);
CREATE TABLE IF NOT EXISTS keys (id TEXT PRIMARY KEY, organization TEXT, scopes TEXT, expires_at TEXT, state TEXT DEFAULT '');";

/// Without an event: no writer signed it, or this version can't read it, so that nothing is sure of its key any more.
fn apply(view: &Connection, subject: &Subject, event: Option<&Event>) -> Done {
    let (id, owner) = (subject.aggregate_id.as_str(), subject.owner.to_string());
    let set = |column: &str, to: Option<String>| view.execute(&SET.replace("{}", column), params![id, to]);
    let AggregateType::Key = subject.aggregate_type else { return Ok(()) };
    view.execute("INSERT OR IGNORE INTO keys (id, organization) VALUES (?1, ?2)", [id, &owner])?;
    match event.map(Event::as_key) {
        Some(Some(KeyEvent::Issued(issued))) => {
            set("scopes", Some(serde_json::to_string(&issued.scopes)?))?;
            set("expires_at", issued.expires_at.map(|at| at.to_string()))?;
            set("state", Some("active".into()))?
        }
        Some(Some(KeyEvent::ScopesChanged(it))) => set("scopes", Some(serde_json::to_string(&it.scopes)?))?,
        Some(Some(KeyEvent::ExpiryChanged(it))) => set("expires_at", it.expires_at.map(|at| at.to_string()))?,
        Some(Some(KeyEvent::Disabled(_))) => set("state", Some("disabled".into()))?,
        Some(Some(KeyEvent::Enabled(_))) => set("state", Some("active".into()))?,
        Some(Some(KeyEvent::Revoked(_))) => set("state", Some("revoked".into()))?,
        Some(Some(KeyEvent::Renamed(_) | KeyEvent::MetadataChanged(_))) => 0,
        Some(None) | None => set("state", Some("unknown".into()))?,
    };
    Ok(())
}

/// What is derived and the place, in one transaction.
fn take(view: &mut Connection, signers: &Signers, log: LogId, batch: &[Stored]) -> Done {
    let all = view.transaction()?;
    for stored in batch {
        let read = signers.read(stored, log);
        match &read {
            Read::Event(it) if signers.take(it) => {}
            Read::Event(it) => apply(&all, &it.envelope.subject, Some(&it.event))?,
            Read::Unreadable(closed) => apply(&all, &closed.subject, None)?,
            Read::Foreign(foreign) => eprintln!("{}: nobody's event", foreign.sequence),
        }
        let place = Place { log, sequence: stored.sequence, event: read.event_id() };
        all.execute("INSERT OR REPLACE INTO place VALUES (1, ?1)", [serde_json::to_string(&place)?])?;
    }
    let keys: i64 = all.query_row("SELECT count(*) FROM keys", [], |row| row.get(0))?;
    all.commit()?;
    println!("{} {keys}", batch.last().map_or(0, |stored| stored.sequence));
    Ok(())
}

async fn follow(client: &async_nats::Client, view: &mut Connection) -> Done {
    let random = Arc::new(SystemRandom);
    let log = JetStreamLog::open(client.clone(), Arc::new(SystemClock), random, Timeouts::default()).await?;
    let place = view.query_row("SELECT place FROM place", [], |row| row.get::<_, String>(0)).optional()?;
    let place: Option<Place> = place.map(|text| serde_json::from_str(&text)).transpose()?;
    let mut messages = log.follow(place).await?.ready_chunks(500);
    let (id, signers) = (log.id().await?, Signers::default());
    signers.catch_up(&log).await?;
    while let Some(batch) = messages.next().await {
        take(view, &signers, id, &batch.into_iter().collect::<Result<Vec<_>, _>>()?)?;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done {
    let mut view = Connection::open(env::args().nth(1).ok_or("view keys.db")?)?;
    view.execute_batch(TABLES)?;
    let (name, password) = (env::var("NATS_USER")?, Password::new(env::var("NATS_PASSWORD")?));
    let inbox_prefix = format!("_INBOX_{}", name.trim_start_matches("keyledger-"));
    let (servers, credentials) = (vec![env::var("NATS_URL")?], Credentials::User { name, password });
    let (authorities, certificate, name) = (None, None, "keys that work".to_owned());
    let options = ConnectOptions { servers, credentials, name, inbox_prefix, authorities, certificate };
    let client = connect(options).await?;
    loop {
        let Err(error) = follow(&client, &mut view).await else { continue };
        if matches!(error.downcast_ref(), Some(FollowError::Diverged(_))) {
            println!("another log: the view begins anew");
            view.execute_batch("DELETE FROM keys; DELETE FROM place")?;
        } else {
            eprintln!("again, after: {error}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}
