//! What the process tells: log lines on standard error, metrics in Prometheus's text format. Secrets have
//! types that never print; no line is built from a request's headers or body.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{ConfigError, LogFormat, Logging};

/// Seconds: from a look-up in memory to a slow upstream.
const LATENCY_BUCKETS_SECONDS: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0, 30.0,
];

/// Starts log lines. A second call changes nothing: one process has one subscriber.
pub fn install_tracing(logging: &Logging) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&logging.filter).map_err(|error| ConfigError::Value {
        key: "log.filter".to_owned(),
        problem: error.to_string(),
        accepted: "tracing directives such as info or warn,gateway=debug",
    })?;
    let registry = tracing_subscriber::registry().with(filter);
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    // An error means that a subscriber is there already, as in tests that start several nodes.
    let _ = match logging.format {
        LogFormat::Text => registry.with(lines).try_init(),
        LogFormat::Json => registry.with(lines.json()).try_init(),
    };
    Ok(())
}

/// A panic that was caught: `place` is where. Always a bug, which took one request with it.
pub fn count_panic(place: &'static str) {
    metrics::counter!("keyledger_panics_total", "place" => place).increment(1);
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
                .map_err(|error| error.to_string())
        })
        .clone()
}
