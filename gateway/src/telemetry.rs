//! What the process tells: log lines on standard error, metrics in Prometheus's text format. Secrets have
//! types that never print; no line is built from a request's headers or body.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterFn, LevelFilter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub mod asked;
pub mod calls;
mod families;
pub mod lines;

use self::lines::Writing;
use crate::config::{ConfigError, LogFormat, Logging};

/// Seconds: from a look-up in memory to the longest time that an upstream may be given.
const LATENCY_BUCKETS_SECONDS: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0, 30.0, 60.0, 300.0, 3_600.0,
];

/// Lines that may wait to be written.
const ROOM: usize = 4_000;

/// Starts log lines, for as long as what it gives is kept. A second call changes nothing: one process has one subscriber.
pub fn install_tracing(logging: &Logging) -> Result<Writing, ConfigError> {
    let filter = EnvFilter::try_new(&logging.filter).map_err(|error| ConfigError::Value {
        key: "log.filter".to_owned(),
        problem: error.to_string(),
        accepted: "tracing directives such as info or warn,gateway=debug",
    })?;
    let registry = tracing_subscriber::registry().with(filter).with(own(&logging.filter));
    let colours = std::io::stderr().is_terminal();
    let (out, writing) = lines::written_to(std::io::stderr(), ROOM);
    let lines = tracing_subscriber::fmt::layer().with_writer(out).with_ansi(colours);
    // An error means that a subscriber is there already, as in tests that start several nodes.
    let _ = match logging.format {
        LogFormat::Text => registry.with(lines).try_init(),
        // Without the innermost span beside the list of them all, which has it.
        LogFormat::Json => registry.with(lines.json().with_current_span(false)).try_init(),
    };
    Ok(writing)
}

/// Lets our own lines through, and those of a library that the filter names: what they say unasked is said by ours as
/// well, in words of ours.
fn own<S: tracing::Subscriber>(filter: &str) -> impl tracing_subscriber::Layer<S> + use<S> {
    let named: Vec<String> = filter
        .split(',')
        .map(|directive| directive.split(['=', '[']).next().unwrap_or_default().trim().to_owned())
        .filter(|target| !target.is_empty() && !is_level(target))
        .collect();
    FilterFn::new(move |metadata| {
        let target = metadata.target();
        is_own(target) || named.iter().any(|named| target.starts_with(named.as_str()))
    })
}

fn is_level(word: &str) -> bool {
    word.parse::<LevelFilter>().is_ok()
}

/// The workspace's crates, under their names in it or their own.
fn is_own(target: &str) -> bool {
    let name = target.split("::").next().unwrap_or(target);
    let of_the_product =
        name.strip_prefix("keyledger").is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
    of_the_product || ["access", "domain", "events", "gateway", "projections"].contains(&name)
}

/// A panic that was caught: `place` is where. Always a bug, which took one request with it.
pub fn count_panic(place: &'static str) {
    metrics::counter!("keyledger_panics_total", "place" => place).increment(1);
}

/// A request has ended as this; `None`: without an answer.
pub fn count_request(route: &'static str, status: Option<u16>, outcome: &'static str) {
    let labels = [("route", route), ("status", status_class(status)), ("outcome", outcome)];
    count("keyledger_requests_total", &labels);
}

/// A status as a label, at every listener alike; `None`: there was no answer.
pub fn status_class(status: Option<u16>) -> &'static str {
    match status.map(|status| status / 100) {
        None => "none",
        Some(1) => "1xx",
        Some(2) => "2xx",
        Some(3) => "3xx",
        Some(4) => "4xx",
        Some(_) => "5xx",
    }
}

/// A metric's label, of names that are fixed.
pub type Label = (&'static str, &'static str);

/// A metric that is asked for by names that are fixed, and its handle.
struct Known<H> {
    name: &'static str,
    labels: Vec<Label>,
    handle: H,
}

thread_local! {
    // As many as there are names in the sources. To look a handle up in the recorder costs as much as to parse a key.
    static COUNTERS: RefCell<Vec<Known<Counter>>> = const { RefCell::new(Vec::new()) };
    static HISTOGRAMS: RefCell<Vec<Known<Histogram>>> = const { RefCell::new(Vec::new()) };
}

/// Counts one more, where each request does.
pub fn count(name: &'static str, labels: &[Label]) {
    COUNTERS.with_borrow_mut(|known| {
        handle(known, name, labels, || metrics::counter!(name, labels)).increment(1);
    });
}

/// Records a time, where each request does.
pub fn record(name: &'static str, labels: &[Label], time: Duration) {
    HISTOGRAMS.with_borrow_mut(|known| {
        handle(known, name, labels, || metrics::histogram!(name, labels)).record(time.as_secs_f64());
    });
}

fn handle<'a, H>(
    known: &'a mut Vec<Known<H>>,
    name: &'static str,
    labels: &[Label],
    register: impl FnOnce() -> H,
) -> &'a H {
    // The same text at another address is another handle of the same metric.
    let is = |one: &Known<H>| {
        std::ptr::eq(one.name, name)
            && one.labels.len() == labels.len()
            && one.labels.iter().zip(labels).all(|(a, b)| std::ptr::eq(a.0, b.0) && std::ptr::eq(a.1, b.1))
    };
    let place = known.iter().position(is).unwrap_or_else(|| {
        known.push(Known { name, labels: labels.to_vec(), handle: register() });
        known.len() - 1
    });
    &known[place].handle
}

/// The process's metrics; the same handle for every caller.
pub fn metrics() -> Result<PrometheusHandle, String> {
    static HANDLE: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), LATENCY_BUCKETS_SECONDS)
                .and_then(PrometheusBuilder::install_recorder)
                .inspect(|_| {
                    families::describe();
                    metrics_process::Collector::default().describe();
                })
                .map_err(|error| error.to_string())
        })
        .clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_libraries_are_silent_unless_they_are_named() {
        for own in ["gateway::serve", "keyledger_events::lasting", "events::log", "access"] {
            assert!(is_own(own), "{own}");
        }
        for foreign in ["hyper::proto", "rustls::conn", "eventsource"] {
            assert!(!is_own(foreign), "{foreign}");
        }
        assert!(is_level("warn") && is_level("off") && !is_level("hyper"));
    }
}
