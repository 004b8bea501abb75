//! What leaves Keyledger: drains and exports. Each is kept by one worker at a time, under a lease of its own, over
//! a connection that no other part waits behind.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use events::Shard;
use events::log::jetstream::JetStreamLog;
use events::log::{Log, StreamInfo};
use projections::lease::Held;
use projections::postgres::place::{self, PlaceKind, PlaceRow};
use projections::postgres::text::Unseal;
use projections::postgres::{Pool, ReadModelError};

use super::worker::while_held;
use super::{Process, ServeError, connections};
use crate::config::{self, Config, ConfigError, NatsRole};
use crate::drains;
use crate::exports;
use crate::store::checkpoints::Checkpoints;

/// How often it is measured how far they are.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The leases of what a configuration names, by kind and name. They are named for as long as the process lives.
pub(super) struct Leases(BTreeMap<(PlaceKind, String), &'static str>);

impl Leases {
    pub fn of(config: &Config) -> Self {
        let drains = config.drains.keys().map(|name| (PlaceKind::Drain, name));
        let exports = config.exports.keys().map(|name| (PlaceKind::Export, name));
        let lease = |(kind, name): (PlaceKind, &String)| {
            let lease: &'static str = format!("{}.{name}", kind.as_str()).leak();
            ((kind, name.clone()), lease)
        };
        Self(drains.chain(exports).map(lease).collect())
    }

    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.values().copied()
    }

    fn get(&self, kind: PlaceKind, name: &str) -> Option<&'static str> {
        self.0.get(&(kind, name.to_owned())).copied()
    }
}

/// Makes all that are configured, which tells what is wrong with the configuration, and starts them.
pub(super) async fn start(
    process: &Process,
    leases: &Leases,
    pool: Pool,
    unseal: Arc<dyn Unseal>,
    held: &Held,
) -> Result<(), ServeError> {
    if leases.0.is_empty() {
        return Ok(());
    }
    let log = connections::log_for(process, NatsRole::Worker, "outlets").await?;
    process.measure_nats("outlets", log.client().clone());
    let (parts, exports) = (drain_parts(process, &log, &pool, unseal), export_parts(process, &log, &pool));
    for (name, lease) in named(leases, PlaceKind::Drain) {
        let config = configured_drain(&process.config, name)?;
        let drain = drains::Drain::new(name, config, host(&process.config), parts.clone())?;
        let drain = Arc::new(drain);
        let work = move |until_lost| {
            let drain = Arc::clone(&drain);
            async move { drain.run(until_lost).await }
        };
        process.tasks.spawn(while_held(held.clone(), lease, process.cancel.clone(), work));
    }
    for (name, lease) in named(leases, PlaceKind::Export) {
        let export = Arc::new(export(&process.config, name, exports.clone())?);
        let work = move |until_lost| {
            let export = Arc::clone(&export);
            async move { export.run(until_lost).await }
        };
        process.tasks.spawn(while_held(held.clone(), lease, process.cancel.clone(), work));
    }
    let (log, cancel) = (Arc::new(log) as Arc<dyn Log>, process.cancel.clone());
    process.tasks.spawn(async move {
        match cancel.run_until_cancelled(measure(log, pool)).await {
            None => {}
            Some(never) => match never {},
        }
    });
    Ok(())
}

fn named(leases: &Leases, kind: PlaceKind) -> impl Iterator<Item = (&str, &'static str)> {
    let of_kind = leases.0.keys().filter(move |(of, _)| *of == kind);
    of_kind.filter_map(move |(_, name)| Some((name.as_str(), leases.get(kind, name)?)))
}

fn drain_parts(process: &Process, log: &JetStreamLog, pool: &Pool, unseal: Arc<dyn Unseal>) -> drains::Parts {
    drains::Parts {
        log: Arc::new(log.clone()),
        signers: Arc::clone(&process.signers),
        pool: pool.clone(),
        unseal,
        clock: Arc::clone(&process.clock),
        random: Arc::clone(&process.random),
    }
}

fn export_parts(process: &Process, log: &JetStreamLog, pool: &Pool) -> exports::Parts {
    exports::Parts {
        log: Arc::new(log.clone()),
        checkpoints: Checkpoints::new(log.client().clone(), Shard::ZERO),
        signers: Arc::clone(&process.signers),
        pool: pool.clone(),
        clock: Arc::clone(&process.clock),
        random: Arc::clone(&process.random),
    }
}

/// A drain of the configuration.
pub fn configured_drain<'a>(config: &'a Config, name: &str) -> Result<&'a config::Drain, ConfigError> {
    config.drains.get(name).ok_or_else(|| unknown(format!("drains.{name}")))
}

/// Where events say that they come from.
pub fn host(config: &Config) -> &str {
    config.public_url.host_str().unwrap_or("keyledger")
}

/// An export of the configuration.
pub fn export(config: &Config, name: &str, parts: exports::Parts) -> Result<exports::Export, ConfigError> {
    let found = config.exports.get(name).ok_or_else(|| unknown(format!("exports.{name}")))?;
    exports::Export::new(name, found, parts)
}

fn unknown(key: String) -> ConfigError {
    ConfigError::Value {
        key,
        problem: "there is none".to_owned(),
        accepted: "the name of a table of the configuration",
    }
}

/// Keeps the gauges, of all of them, whoever keeps them.
async fn measure(log: Arc<dyn Log>, pool: Pool) -> Infallible {
    loop {
        if let Ok(info) = log.info().await
            && let Err(error) = once(&info, &pool).await
        {
            tracing::debug!(%error, "drains and exports were not measured");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn once(info: &StreamInfo, pool: &Pool) -> Result<(), ReadModelError> {
    for row in place::all(pool, PlaceKind::Drain).await? {
        let (behind, seconds) = lag(info, &row);
        metrics::gauge!("keyledger_drain_lag_events", "drain" => row.name.clone()).set(behind);
        metrics::gauge!("keyledger_drain_lag_seconds", "drain" => row.name.clone()).set(seconds);
        metrics::gauge!("keyledger_drain_stands_still", "drain" => row.name).set(standing(&row.problem));
    }
    for row in place::all(pool, PlaceKind::Export).await? {
        let (behind, seconds) = lag(info, &row);
        metrics::gauge!("keyledger_export_lag_events", "export" => row.name.clone()).set(behind);
        metrics::gauge!("keyledger_export_lag_seconds", "export" => row.name.clone()).set(seconds);
        metrics::gauge!("keyledger_export_stands_still", "export" => row.name).set(standing(&row.problem));
    }
    Ok(())
}

/// In events, and in seconds since the last that was handed over was stored.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; the counts stay far below 2^53")]
fn lag(info: &StreamInfo, row: &PlaceRow) -> (f64, f64) {
    let behind = info.last_sequence.saturating_sub(row.handed.sequence);
    let since = row.handed.stored_at.unwrap_or(row.handed.moved_at);
    (behind as f64, if behind > 0 { info.server_time.since(since).as_secs_f64() } else { 0.0 })
}

fn standing(problem: &Option<String>) -> f64 {
    f64::from(u8::from(problem.is_some()))
}
