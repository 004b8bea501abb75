//! Exports: the log, copied into files that prove themselves, in a folder or in S3-compatible storage.
//!
//! An export promises: files of consecutive messages from the first on, each named for its range and written whole or not
//! at all; none is written twice under one name, whatever is killed meanwhile, since what a file will hold is written
//! down before it is begun; beside each lies its proof (`events::tlog::RangeProof`), from which whoever has the
//! public keys checks it offline. It holds one file in memory.
//!
//! [`content`] says what is in a file, [`target`] where it goes, [`verify`] checks what was written.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use events::clock::{Clock, Random};
use events::lasting::{Lasting, Words};
use events::log::{FollowError, Log, ReadError};
use events::position::Place;
use events::tlog::Tree;
use events::{LogId, Shard, Signers, Timestamp};
use projections::postgres::place::{self, Handed, PlaceKind};
use projections::postgres::{self, Pool, ReadModelError};
use tokio_util::sync::CancellationToken;

use crate::config::{self, ConfigError};
use crate::order::{Doubts, OrderError};
use crate::outlet::{self, Outlet, Trouble};
use crate::store::checkpoints::Checkpoints;

pub mod content;
mod part;
mod signed;
mod target;
pub mod verify;

use content::{Content, ContentError};
use part::Part;
use target::{Put, Target, TargetError};

/// What every export of a process works with.
#[derive(Clone)]
pub struct Parts {
    pub log: Arc<dyn Log>,
    pub checkpoints: Checkpoints,
    pub signers: Arc<Signers>,
    pub pool: Pool,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

/// One export.
pub struct Export {
    name: String,
    config: config::Export,
    content: Content,
    target: Box<dyn Target>,
    still: Lasting,
    parts: Parts,
}

/// A file that was written.
#[derive(Clone, Debug)]
pub struct Written {
    pub name: String,
    pub first: u64,
    pub last: u64,
    pub bytes: usize,
}

/// Why an export stands still.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("PostgreSQL, which keeps its place and the history: {0}")]
    Place(#[from] ReadModelError),
    #[error("another process moved its place")]
    Fenced,
    #[error("the log: {0}")]
    Log(String),
    #[error("{0}: `keyledger exports reset` begins anew")]
    Diverged(String),
    #[error("the log's checkpoints can't be used: {0}")]
    Checkpoints(String),
    #[error(transparent)]
    Content(#[from] ContentError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("{0} is there already and holds something else: move it away")]
    Taken(String),
}

impl Trouble for ExportError {
    fn needs_an_operator(&self) -> bool {
        match self {
            Self::Taken(_) | Self::Diverged(_) => true,
            Self::Place(_)
            | Self::Fenced
            | Self::Log(_)
            | Self::Checkpoints(_)
            | Self::Content(_)
            | Self::Target(_) => false,
        }
    }
}

impl From<FollowError> for ExportError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Diverged(reason) => {
                Self::Diverged(format!("the log is not the one that it followed: {reason}"))
            }
            FollowError::Unavailable(_) | FollowError::NotBootstrapped => Self::Log(error.to_string()),
        }
    }
}

impl From<OrderError> for ExportError {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Log(error) => error.into(),
            OrderError::History(error) => error.into(),
        }
    }
}

impl From<ReadError> for ExportError {
    fn from(error: ReadError) -> Self {
        Self::Log(error.to_string())
    }
}

/// A file's name: the log, its shard, and the first and the last message.
pub fn file_name(log: LogId, first: u64, last: u64, content: Content) -> String {
    format!("{log}-{}-{first:020}-{last:020}.{}", Shard::ZERO, content.extension())
}

/// What the name of a file's proof ends with.
pub const PROOF: &str = ".proof";

impl Outlet for Export {
    const KIND: PlaceKind = PlaceKind::Export;
    /// It is looked as often whether a file is due.
    const PAUSE: Duration = Duration::from_secs(5);
    const LONGEST_PAUSE: Duration = Duration::from_secs(60);

    type Trouble = ExportError;

    fn name(&self) -> &str {
        &self.name
    }

    fn pool(&self) -> &Pool {
        &self.parts.pool
    }

    fn clock(&self) -> &dyn Clock {
        &*self.parts.clock
    }

    fn still(&self) -> &Lasting {
        &self.still
    }

    async fn turn(&self, _: &mut bool) -> Result<(), ExportError> {
        self.write(false).await.map(|_| ())
    }
}

impl Export {
    pub fn new(name: &str, config: &config::Export, parts: Parts) -> Result<Self, ConfigError> {
        let target = target::open(&format!("exports.{name}"), config, &parts)?;
        let content = Content::of(config.format, config.compression);
        let words = Words { lasts: "the export stands still", ends: "the export goes on" };
        let still = Lasting::new(Arc::clone(&parts.clock), words).of(name);
        Ok(Self { name: name.to_owned(), config: config.clone(), content, target, still, parts })
    }

    /// Writes files when they are due, until cancelled.
    pub async fn run(&self, cancel: CancellationToken) {
        outlet::keep(self, cancel).await;
    }

    /// Writes what is due, or all that is signed, `now`.
    pub async fn write(&self, now: bool) -> Result<Vec<Written>, ExportError> {
        postgres::migrate(&self.parts.pool).await?;
        let log = self.parts.log.id().await?;
        let mut written = Vec::new();
        let mut at = self.place(log).await?;
        // Until there is nothing more that is signed: each turn writes one file.
        while let Some(newest) = signed::newest(&self.parts, log).await? {
            let waiting = newest.checkpoint.size.saturating_sub(at.sequence);
            let since = self.parts.clock.now().since(at.moved_at);
            let due = now
                || !written.is_empty()
                || at.sequence == 0
                || since >= self.config.every()
                || waiting >= self.config.max_events;
            if at.pending.is_none() && (waiting == 0 || !due) {
                place::clear(&self.parts.pool, PlaceKind::Export, &self.name).await?;
                break;
            }
            written.push(self.file(log, &mut at, newest).await?);
        }
        Ok(written)
    }

    async fn place(&self, log: LogId) -> Result<Handed, ExportError> {
        let row = place::read(&self.parts.pool, PlaceKind::Export, &self.name).await?;
        let Some(row) = row else {
            let first = Handed {
                log,
                sequence: 0,
                event: None,
                stored_at: None,
                moved_at: self.parts.clock.now(),
                tree: Some(Tree::new()),
                pending: None,
            };
            place::begin(&self.parts.pool, PlaceKind::Export, &self.name, &first).await?;
            return Ok(first);
        };
        if row.handed.log == log {
            return Ok(row.handed);
        }
        Err(ExportError::Diverged(format!("the log is {log}, and it copied {}", row.handed.log)))
    }

    /// Writes the next file and its proof.
    async fn file(
        &self,
        log: LogId,
        at: &mut Handed,
        newest: signed::Signed,
    ) -> Result<Written, ExportError> {
        let begun = self.parts.clock.instant();
        let place = (at.sequence > 0).then_some(Place { log, sequence: at.sequence, event: at.event });
        let tree = at.tree.clone().unwrap_or_default();
        let Parts { log: from, signers, pool, .. } = &self.parts;
        let mut doubts = Doubts::after(Arc::clone(from), Arc::clone(signers), pool.clone(), log, at.sequence);
        let mut follower = from.follow(place).await?;
        let mut source = part::Source { log, messages: &mut follower, doubts: &mut doubts };
        let part = match at.pending {
            Some(last) => Part::read(&mut source, tree, self.content, (last, u64::MAX)).await?,
            None => {
                let last = newest.checkpoint.size.min(at.sequence.saturating_add(self.config.max_events));
                let part = Part::read(&mut source, tree, self.content, (last, self.config.max_bytes)).await?;
                self.move_to(at, Handed { pending: Some(part.last), ..at.clone() }).await?;
                part
            }
        };
        let proof = signed::prove(&self.parts, &mut follower, &part, newest).await?;
        drop(follower);
        let name = file_name(log, part.first, part.last, self.content);
        let bytes = part.bytes.len();
        self.put(&name, part.bytes.clone(), |found| part.is_held_by(found, self.content, log)).await?;
        let proof_name = format!("{name}{PROOF}");
        let is_proof = |found: &[u8]| signed::is_of(found, &part);
        self.put(&proof_name, proof.to_string().into(), is_proof).await?;
        let Part { first, last, event, stored_at, tree, .. } = part;
        let to = Handed {
            log,
            sequence: last,
            event,
            stored_at: Some(stored_at),
            moved_at: at.moved_at,
            tree: Some(tree),
            pending: None,
        };
        self.move_to(at, to).await?;
        self.count(last - first + 1, bytes, begun);
        Ok(Written { name, first, last, bytes })
    }

    async fn put(&self, name: &str, bytes: Bytes, is_it: impl Fn(&[u8]) -> bool) -> Result<(), ExportError> {
        if self.target.put(name, bytes).await? == Put::Stored {
            return Ok(());
        }
        // It was written before this process, or the one before it, came to say so.
        let found = self.target.get(name).await?;
        if found.is_some_and(|found| is_it(&found)) {
            Ok(())
        } else {
            Err(ExportError::Taken(name.to_owned()))
        }
    }

    async fn move_to(&self, at: &mut Handed, mut to: Handed) -> Result<(), ExportError> {
        let now: Timestamp = self.parts.clock.now();
        if to.pending.is_none() {
            to.moved_at = now;
        }
        if !place::advance(&self.parts.pool, PlaceKind::Export, &self.name, at, &to).await? {
            return Err(ExportError::Fenced);
        }
        *at = to;
        Ok(())
    }

    fn count(&self, messages: u64, bytes: usize, begun: std::time::Instant) {
        let took = self.parts.clock.instant().saturating_duration_since(begun);
        let name = || self.name.clone();
        metrics::counter!("keyledger_export_files_written_total", "export" => name()).increment(1);
        metrics::counter!("keyledger_export_events_written_total", "export" => name()).increment(messages);
        metrics::counter!("keyledger_export_bytes_written_total", "export" => name()).increment(bytes as u64);
        metrics::histogram!("keyledger_export_file_seconds", "export" => name()).record(took.as_secs_f64());
    }
}
