//! `keyledger status --process URL`: one process, as its metrics listener tells of it. It needs no key and no control.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use url::Url;

use crate::cli::connection::without_user;
use crate::cli::error::CliError;
use crate::cli::output::{Column, text};
use crate::outgoing::{self, Outgoing};

const TIMEOUT: Duration = Duration::from_secs(5);
const LONGEST: usize = 16 * 1024 * 1024;
/// The metrics are written down for one asker at a time.
const TRIES: u32 = 3;
const AGAIN: Duration = Duration::from_millis(300);

pub const CARD: &[Column] = &[
    Column { head: "process", cell: |item| text(item, "url") },
    Column { head: "version", cell: |item| text(item, "version") },
    Column { head: "ready", cell: |item| text(item, "ready") },
    Column { head: "why not", cell: |item| text(item, "reason") },
    Column { head: "degraded", cell: |item| text(item, "lacks") },
    Column { head: "serving stale", cell: |item| text(item, "serving_stale") },
    Column { head: "known complete, seconds ago", cell: |item| text(item, "freshness_age_seconds") },
    Column { head: "at most, seconds", cell: |item| text(item, "freshness_bound_seconds") },
    Column { head: "log: newest event", cell: |item| text(item, "log_last_sequence") },
    Column { head: "events behind", cell: |item| text(item, "directory_lag_events") },
    Column { head: "clock offset, seconds", cell: |item| text(item, "clock_offset_seconds") },
    Column { head: "PostgreSQL answers", cell: |item| text(item, "postgres_up") },
];

pub const CONNECTIONS: &[Column] = &[
    Column { head: "NATS CONNECTION", cell: |item| text(item, "connection") },
    Column { head: "SERVER", cell: |item| text(item, "server") },
    Column { head: "CONNECTED", cell: |item| text(item, "connected") },
];

pub const PROJECTIONS: &[Column] = &[
    Column { head: "PROJECTION", cell: |item| text(item, "name") },
    Column { head: "KEPT HERE", cell: |item| text(item, "running") },
    Column { head: "BEHIND", cell: |item| text(item, "lag_events") },
    Column { head: "FOR SECONDS", cell: |item| text(item, "lag_seconds") },
    Column { head: "PARKED", cell: |item| text(item, "parked") },
];

/// Asks the process; `ca_file`: authorities beside the public ones.
pub async fn ask(url: &Url, ca_file: Option<&Path>) -> Result<Value, CliError> {
    // Nothing asks for a user here, and nothing tells of one: it may have a password.
    let url = &without_user(url);
    let tls = outgoing::tls(ca_file, None).map_err(|error| CliError::Usage(error.to_string()))?;
    let http = Outgoing::new(tls, TIMEOUT).reading(LONGEST);
    let (status, ready) = get(&http, url, "/readyz").await?;
    let Ok(ready) = serde_json::from_slice::<Value>(&ready).map(|ready| (ready["ready"].is_boolean(), ready))
    else {
        return Err(not_ours(url, status));
    };
    if !ready.0 {
        return Err(not_ours(url, status));
    }
    let mut tries = 1;
    let metrics = loop {
        let (status, metrics) = get(&http, url, "/metrics").await?;
        if status.is_success() {
            break metrics;
        }
        if tries == TRIES {
            return Err(not_ours(url, status));
        }
        tries += 1;
        tokio::time::sleep(AGAIN).await;
    };
    Ok(found(url, &ready.1, &String::from_utf8_lossy(&metrics)))
}

async fn get(http: &Outgoing, url: &Url, path: &str) -> Result<(StatusCode, Bytes), CliError> {
    let wrong = |error: &dyn std::fmt::Display| CliError::Usage(format!("--process {url}: {error}"));
    let target = url.join(path).map_err(|error| wrong(&error))?;
    let request = Request::get(target.as_str()).body(Full::default()).map_err(|error| wrong(&error))?;
    let answer = http.send(request).await.map_err(|error| {
        CliError::Unavailable(format!(
            "the process at {url} can't be reached at its metrics listener: {error}"
        ))
    })?;
    Ok((answer.status(), answer.into_body()))
}

fn not_ours(url: &Url, status: StatusCode) -> CliError {
    CliError::Unavailable(format!(
        "what answers at {url} (with {status}) is no metrics listener of Keyledger: --process takes the address of `listen.metrics`"
    ))
}

/// What a person on call wants of it.
fn found(url: &Url, ready: &Value, metrics: &str) -> Value {
    let series: Vec<Series> = metrics.lines().filter_map(series).collect();
    let plain = |name: &str| number(&series, name);
    let yes = |name: &str| plain(name).map(|value| value == 1.0);
    let of = |name: &str| series.iter().filter(move |one| one.name == name).collect::<Vec<_>>();
    let version = of("keyledger_build_info").first().and_then(|one| one.labels.get("version").cloned());
    let connections = of("keyledger_nats_connected").into_iter().map(|one| {
        json!({
            "connection": one.labels.get("connection"),
            "server": one.labels.get("server"),
            "connected": one.value == 1.0,
        })
    });
    let projections = of("keyledger_projection_running").into_iter().map(|one| {
        let name = one.labels.get("projection").cloned().unwrap_or_default();
        let value = |metric: &str| {
            of(metric).iter().find(|one| one.labels.get("projection") == Some(&name)).map(|one| one.value)
        };
        json!({
            "running": one.value == 1.0,
            "lag_events": whole(value("keyledger_projection_lag_events")),
            "lag_seconds": value("keyledger_projection_lag_seconds"),
            "parked": whole(value("keyledger_parked_events")),
            "name": name,
        })
    });
    json!({
        "url": url,
        "version": version,
        "ready": ready["ready"],
        "reason": ready["reason"],
        "lacks": ready["lacks"],
        "serving_stale": ready["serving_stale"],
        "freshness_age_seconds": plain("keyledger_freshness_age_seconds"),
        "freshness_bound_seconds": plain("keyledger_freshness_bound_seconds"),
        "log_last_sequence": whole(plain("keyledger_log_last_sequence")),
        "directory_lag_events": whole(plain("keyledger_directory_lag_events")),
        "clock_offset_seconds": plain("keyledger_clock_offset_seconds"),
        "postgres_up": yes("keyledger_postgres_up"),
        "nats": connections.collect::<Vec<_>>(),
        "projections": projections.collect::<Vec<_>>(),
    })
}

/// A line of Prometheus's text format.
struct Series<'a> {
    name: &'a str,
    labels: BTreeMap<&'a str, String>,
    value: f64,
}

fn series(line: &str) -> Option<Series<'_>> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, braces) = series.split_once('{').unwrap_or((series, "}"));
    let labels = braces.trim_end_matches('}').split("\",").filter_map(|label| {
        let (name, value) = label.split_once("=\"")?;
        Some((name, value.trim_end_matches('"').to_owned()))
    });
    // No measure of ours is without end, and JSON has no such number.
    let value = value.parse().ok().filter(|value: &f64| value.is_finite())?;
    Some(Series { name, labels: labels.collect(), value })
}

fn number(series: &[Series<'_>], name: &str) -> Option<f64> {
    series.iter().find(|one| one.name == name).map(|one| one.value)
}

/// A count; `None` also for what is none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is whole and in these bounds"
)]
fn whole(value: Option<f64>) -> Option<u64> {
    let counts = 0.0..=9_007_199_254_740_992.0;
    value.filter(|value| counts.contains(value) && value.fract() == 0.0).map(|value| value as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_of_by_its_own_metrics() {
        let metrics = "# TYPE keyledger_build_info gauge\nkeyledger_build_info{version=\"0.1.0\"} 1\n\
            keyledger_freshness_age_seconds 31.5\nkeyledger_postgres_up 0\nkeyledger_log_last_sequence 57\n\
            keyledger_nats_connected{connection=\"node\",server=\"nats-1\"} 0\n\
            keyledger_projection_running{projection=\"keys\"} 0\n\
            keyledger_projection_lag_events{projection=\"keys\"} 47\n";
        let url = "http://127.0.0.1:9464".parse().unwrap();
        let ready = json!({ "ready": false, "reason": "it is old", "serving_stale": false });
        let found = found(&url, &ready, metrics);
        assert_eq!(found["version"], "0.1.0");
        assert_eq!((&found["ready"], &found["reason"]), (&json!(false), &json!("it is old")));
        assert_eq!((&found["postgres_up"], &found["log_last_sequence"]), (&json!(false), &json!(57)));
        assert_eq!(found["nats"][0], json!({ "connection": "node", "server": "nats-1", "connected": false }));
        assert_eq!(found["projections"][0]["lag_events"], 47);
        assert_eq!(found["projections"][0]["lag_seconds"], Value::Null);
        assert_eq!(found["clock_offset_seconds"], Value::Null, "what is not told is not known");
    }

    #[test]
    fn what_is_no_measure_is_not_known() {
        let metrics = "keyledger_build_info{version=\"1\"} 1\nkeyledger_freshness_age_seconds 1e400\n\
            keyledger_freshness_bound_seconds NaN\nkeyledger_log_last_sequence 1e300\n\
            keyledger_directory_lag_events -3\nkeyledger_postgres_up +Inf\n";
        let url = "http://127.0.0.1:9464".parse().unwrap();
        let found = found(&url, &json!({ "ready": true }), metrics);
        for member in [
            "freshness_age_seconds",
            "freshness_bound_seconds",
            "log_last_sequence",
            "directory_lag_events",
            "postgres_up",
        ] {
            assert_eq!(found[member], Value::Null, "{member}");
        }
    }

    #[tokio::test]
    async fn a_password_in_the_url_is_told_nobody() {
        crate::crypto::install();
        // Nobody listens there.
        let url = "http://me:hunter2@127.0.0.1:1/".parse().unwrap();
        let error = ask(&url, None).await.unwrap_err().to_string();
        assert!(
            error.contains("127.0.0.1:1") && !error.contains("hunter2") && !error.contains("me:"),
            "{error}"
        );
    }
}
