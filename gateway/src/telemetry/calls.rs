//! What became of each call at `/mcp`. It is noted on the call's own thread (one push into a bounded list) and told by
//! another, forty times a second: a line in the access log, how its server does in metrics, a warning when that failed.
//!
//! Promises: a call waits for nobody who reads lines; what there was no room for is counted
//! (`keyledger_call_records_dropped_total`); no line holds a secret, or more of a client's text than a name's length.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use events::clock::Clock;
use events::slug::Slug;
use events::{Actor, Timestamp};
use http::HeaderValue;
use metrics::{Counter, Gauge};
use projections::directory::{OrganizationEntry, ServerEntry};

mod line;
mod servers;
#[cfg(test)]
mod tests;
mod warnings;
mod writer;

pub use writer::Writer;

/// Records that wait to be told; at 50,000 calls a second, a second's.
const ROOM: usize = 50_000;

/// What is known of a call, as far as it came.
#[derive(Clone, Debug)]
pub struct Record {
    /// When it came.
    pub at: Timestamp,
    pub request_id: HeaderValue,
    pub peer: SocketAddr,
    pub principal: Option<Actor>,
    pub organization: Option<Arc<OrganizationEntry>>,
    pub server: Option<Arc<ServerEntry>>,
    /// The server that its path names, where that is none for its principal.
    pub asked: Option<Slug>,
    /// Of MCP.
    pub method: Option<Box<str>>,
    /// Of `tools/call`.
    pub tool: Option<Box<str>>,
    /// `None`: it was never answered.
    pub status: Option<u16>,
    pub outcome: &'static str,
    /// Why it came to that, where the outcome does not say it: for operators alone.
    pub cause: Option<Box<str>>,
    /// Until the answer's head.
    pub head: Duration,
    /// Until its end.
    pub took: Duration,
    /// Until the upstream's headers, or for as long as they were waited for; and for as long as their body was, where the
    /// answer's head waits for some of it.
    pub upstream: Option<Duration>,
    /// Of bodies.
    pub bytes_in: u64,
    pub bytes_out: u64,
}

/// Where records wait.
pub struct Calls {
    waiting: Mutex<Vec<Record>>,
    clock: Arc<dyn Clock>,
    in_flight: Gauge,
    dropped: Counter,
}

/// A call that is under way. Dropped before it is answered, its client has gone.
pub struct Call {
    calls: Arc<Calls>,
    started: Instant,
    asked: Option<Instant>,
    /// Taken when it is noted.
    record: Option<Record>,
}

/// Its client has gone before its answer's end, and nothing was owed to it any more: it closed a stream, or broke off.
pub const CLIENT_GONE: &str = "client_gone";
/// Its client has gone while it waited for its server: for an answer, or in a stream that has brought no message.
pub const CLIENT_GAVE_UP: &str = "client_gave_up";
/// It was answered by its server.
pub const PASSED: &str = "passed";
/// The server's status went down, and where that is no fault, the cause says what did not.
const KEPT: [&str; 4] = [PASSED, "session_over", "unexplained", "rate_limited"];

impl Calls {
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            waiting: Mutex::default(),
            clock,
            in_flight: metrics::gauge!("keyledger_calls_in_flight"),
            dropped: metrics::counter!("keyledger_call_records_dropped_total"),
        })
    }

    pub fn begin(self: &Arc<Self>, started: Instant, request_id: HeaderValue, peer: SocketAddr) -> Call {
        self.in_flight.increment(1.0);
        let record = Record {
            at: self.clock.now(),
            request_id,
            peer,
            principal: None,
            organization: None,
            server: None,
            asked: None,
            method: None,
            tool: None,
            status: None,
            outcome: CLIENT_GONE,
            cause: None,
            head: Duration::ZERO,
            took: Duration::ZERO,
            upstream: None,
            bytes_in: 0,
            bytes_out: 0,
        };
        Call { calls: Arc::clone(self), started, asked: None, record: Some(record) }
    }

    /// All that waits, in exchange for an empty list.
    fn take(&self, empty: Vec<Record>) -> Vec<Record> {
        std::mem::replace(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner), empty)
    }

    #[cfg(test)]
    pub fn are_waiting(&self) -> bool {
        !self.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn note(&self, record: Record) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < ROOM {
            waiting.push(record);
        } else {
            drop(waiting);
            self.dropped.increment(1);
        }
    }
}

impl Call {
    /// Changes what is known of it.
    pub fn know(&mut self, change: impl FnOnce(&mut Record)) {
        if let Some(record) = &mut self.record {
            change(record);
        }
    }

    /// The connection's other end.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.record.as_ref().map(|record| record.peer)
    }

    /// It goes to its upstream, and its client waits for what that says.
    pub fn awaited(&mut self) {
        self.know(|record| record.outcome = CLIENT_GAVE_UP);
    }

    /// The upstream is asked, or waited for once more.
    pub fn asks(&mut self) {
        self.asked = Some(self.calls.clock.instant());
    }

    /// It has answered, or nobody waits for it any more.
    pub fn heard(&mut self) {
        if let Some(asked) = self.asked.take() {
            let took = self.calls.clock.instant().saturating_duration_since(asked);
            self.know(|record| record.upstream = Some(record.upstream.unwrap_or_default() + took));
        }
    }

    /// The answer's head is known, and what it will have come to at its end; a fault that is known by then stands.
    pub fn answered(&mut self, status: u16, outcome: &'static str, head: Duration) {
        self.know(|record| {
            record.status = Some(status);
            if !record.is_upstreams_fault() {
                record.outcome = outcome;
            }
            record.head = head;
        });
    }

    /// So many bytes of the answer's body went down.
    pub fn sent(&mut self, bytes: usize) {
        self.know(|record| record.bytes_out += bytes as u64);
    }

    /// It comes to this, and not to what its head has.
    pub fn ends_as(&mut self, outcome: &'static str, cause: Option<Box<str>>) {
        self.know(|record| {
            record.outcome = outcome;
            record.cause = cause;
        });
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.heard();
        self.calls.in_flight.decrement(1.0);
        let Some(mut record) = self.record.take() else { return };
        record.took = self.calls.clock.instant().saturating_duration_since(self.started);
        super::count_request("mcp", record.status, record.outcome);
        self.calls.note(record);
    }
}

impl Record {
    /// The slug of its server, or of one that is not there.
    fn server_slug(&self) -> Option<&str> {
        let known = self.server.as_ref().map(|server| &server.slug);
        known.or(self.asked.as_ref()).map(Slug::as_str)
    }

    /// Whether its server failed.
    pub fn is_upstreams_fault(&self) -> bool {
        self.outcome.starts_with("upstream_")
    }

    /// For how long its server was waited for; by a client that gave up on a stream, since its head as well.
    fn waited(&self) -> Duration {
        let headers = self.upstream.unwrap_or_default();
        match self.status {
            Some(_) if self.outcome == CLIENT_GAVE_UP => headers + self.took.saturating_sub(self.head),
            Some(_) | None => headers,
        }
    }

    /// Whether an operator is told. A client that gives up while nothing comes has most often met a server that hangs.
    fn is_warned_of(&self) -> bool {
        let gave_up = self.outcome == CLIENT_GAVE_UP;
        self.is_upstreams_fault()
            || (KEPT.contains(&self.outcome) && self.cause.is_some())
            || (gave_up && self.waited() >= Duration::from_secs(1))
    }
}

/// No longer than `most` bytes.
pub fn short(text: &str, most: usize) -> Box<str> {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].into()
}
