//! The thread that tells what was noted.

use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use projections::directory::{Directory, Gate};

use super::servers::Servers;
use super::warnings::Warnings;
use super::{Calls, Record, line};
use crate::config::LogFormat;

/// Often, so that what is told at once is little.
const EVERY: Duration = Duration::from_millis(25);
/// Refusals of credentials that are known, by second; a client that asks on and on fills no disk.
const REFUSALS: u32 = 100;

pub struct Writer<W> {
    calls: Arc<Calls>,
    /// How lines are written; `None`: none are.
    lines: Option<LogFormat>,
    out: W,
    /// Kept for their room.
    text: String,
    records: Vec<Record>,
    servers: Servers,
    registered: Option<Registered>,
    warnings: Warnings,
    /// In the second that goes on.
    refusals: (i64, u32),
    untold: Untold,
}

/// Where servers are known before they are called.
struct Registered {
    directory: Arc<Directory>,
    gate: Arc<Gate>,
    /// As of which message of the log it was looked at.
    seen: u64,
}

/// Refusals that have no line of their own.
#[derive(Default)]
struct Untold {
    since: Option<events::Timestamp>,
    unknown: u64,
    known: u64,
}

impl<W: Write> Writer<W> {
    pub fn new(calls: Arc<Calls>, lines: Option<LogFormat>, out: W) -> Self {
        Self {
            calls,
            lines,
            out,
            text: String::new(),
            records: Vec::new(),
            servers: Servers::default(),
            registered: None,
            warnings: Warnings::default(),
            refusals: (0, 0),
            untold: Untold::default(),
        }
    }

    /// The series of the servers there begin before anybody calls them.
    pub fn with_servers_of(self, directory: Arc<Directory>, gate: Arc<Gate>) -> Self {
        Self { registered: Some(Registered { directory, gate, seen: 0 }), ..self }
    }

    /// Until `end` is dropped, and what was noted until then is told.
    pub fn run(mut self, end: &Receiver<()>) {
        while end.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
            self.tell();
        }
        self.tell();
    }

    pub fn tell(&mut self) {
        self.begin_servers();
        let format = self.lines.filter(|_| tracing::enabled!(target: line::TARGET, tracing::Level::INFO));
        let mut lines = std::mem::take(&mut self.text);
        let mut records = self.calls.take(std::mem::take(&mut self.records));
        for record in records.drain(..) {
            self.servers.measure(&record);
            self.warnings.take(&record);
            if let Some(format) = format
                && self.has_line(&record)
            {
                line::write(&record, format, &mut lines);
            }
        }
        self.records = records;
        let now = self.calls.clock.now();
        self.warnings.tell_due(now);
        self.tell_refusals(now);
        // One write for all: nothing else comes between them, and a log that can't be written is nobody's to tell.
        let _ = self.out.write_all(lines.as_bytes());
        lines.clear();
        self.text = lines;
    }

    /// While the log is read anew, servers come that are gone at its end.
    fn begin_servers(&mut self) {
        let Some(Registered { directory, gate, seen }) = &mut self.registered else { return };
        let applied = directory.applied();
        if *seen != applied && gate.check().is_ok() {
            *seen = applied;
            self.servers.begin(directory);
        }
    }

    /// Whoever has no key that we know has no line.
    fn has_line(&mut self, record: &Record) -> bool {
        if record.principal.is_none() {
            self.untold.unknown += 1;
            return false;
        }
        if record.server.is_some() && record.upstream.is_some() {
            return true;
        }
        let second = record.at.unix_millis() / 1_000;
        if self.refusals.0 != second {
            self.refusals = (second, 0);
        }
        self.refusals.1 += 1;
        let told = self.refusals.1 <= REFUSALS;
        self.untold.known += u64::from(!told);
        told
    }

    /// By count, once a minute.
    fn tell_refusals(&mut self, now: events::Timestamp) {
        let Untold { since, unknown, known } = &mut self.untold;
        if *unknown + *known == 0 {
            return;
        }
        let since = *since.get_or_insert(now);
        if now.since(since) >= Duration::from_secs(60) {
            tracing::info!(target: line::TARGET, unknown, known, "calls were refused that have no line of their own: of unknown credentials, and of known ones beyond {REFUSALS} a second");
            self.untold = Untold::default();
        }
    }

    #[cfg(test)]
    pub(super) fn warnings(&self) -> &Warnings {
        &self.warnings
    }
}
