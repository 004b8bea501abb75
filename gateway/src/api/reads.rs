//! Reading from the read models: at least as new as asked for, in bounded time.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use events::{AggregateType, OrganizationId, Owner, Position, Timestamp};
use http::{HeaderName, HeaderValue};
use projections::checkpoint::{self, Checkpoint};
use projections::postgres::organization;
use projections::postgres::{self, Page as Rows, PageQuery, Pool, ReadModelError};
use projections::{Projection, parked};
use serde::Serialize;
use uuid::Uuid;

use super::ApiState;
use super::guard::OwnedPath;
use super::query::{ListQuery, Page};
use crate::problem::Problem;

/// Tells that an answer is behind: it holds what the log stored up to this moment, and more is known.
pub const AS_OF: HeaderName = HeaderName::from_static("read-models-as-of");

/// The read models are told to be behind when what they lack came so much later than what they have. A worker
/// that keeps up is never that far back.
const BEHIND: Duration = Duration::from_secs(1);

/// What the read models answered.
#[derive(Debug)]
pub struct Found<T> {
    pub found: T,
    /// They were behind: up to when they know.
    pub as_of: Option<Timestamp>,
}

impl<T> Found<T> {
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Found<U> {
        Found { found: map(self.found), as_of: self.as_of }
    }
}

impl<T> Found<Option<T>> {
    /// What was asked for, or that it is not there.
    pub fn required(self) -> Result<Found<T>, Problem> {
        let found = self.found.ok_or_else(Problem::not_found)?;
        Ok(Found { found, as_of: self.as_of })
    }
}

impl<T: Serialize> IntoResponse for Found<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.found).into_response();
        let as_of = self.as_of.and_then(|as_of| HeaderValue::try_from(as_of.to_string()).ok());
        if let Some(as_of) = as_of {
            response.headers_mut().insert(AS_OF, as_of);
        }
        response
    }
}

impl ApiState {
    /// Waits until the projection includes `at_least`, then reads from it. PostgreSQL silent is a problem of its own.
    pub async fn read<'a, T, F>(
        &'a self,
        projection: Projection,
        at_least: Option<Position>,
        read: impl FnOnce(&'a Pool) -> F,
    ) -> Result<Found<T>, Problem>
    where
        F: Future<Output = Result<T, ReadModelError>> + Send,
    {
        let pool = self.reads.as_ref().ok_or_else(Problem::read_models_unavailable)?;
        let _reading = self.reading.begin();
        if let Some(position) = at_least {
            self.wait_for(pool, projection, position).await?;
        }
        let reading = async {
            // Before the rows: an answer may know more than it says, and never less.
            let at = checkpoint::read(pool, projection).await?;
            Ok(Found { found: read(pool).await?, as_of: self.as_of(at.as_ref()) })
        };
        match tokio::time::timeout(self.settings.read_timeout, reading).await {
            Ok(Ok(found)) => {
                self.unread.ended();
                Ok(found)
            }
            Ok(Err(ReadModelError::Cursor(error))) => Err(Problem::invalid("?cursor", format!("{error}."))),
            Ok(Err(error @ (ReadModelError::Denied(_) | ReadModelError::NoTables))) => {
                let error = error.of(pool);
                self.failed(&error);
                Err(Problem::read_models_unusable(&error))
            }
            Ok(Err(
                error @ (ReadModelError::Database(_)
                | ReadModelError::Full(_)
                | ReadModelError::Migrate(_)
                | ReadModelError::TooOld(_)
                | ReadModelError::NewerSchema { .. }
                | ReadModelError::MixedSessions),
            )) => Err(self.failed(&error)),
            Err(_) => Err(self.failed(&"no answer in time")),
        }
    }

    /// Reads one thing. What this node's memory knows already and the read models do not is waited for, so that a
    /// script's next command finds what its last one made. What they lack even then is told: nobody takes it for gone.
    pub async fn read_one<'a, T, F>(
        &'a self,
        projection: Projection,
        at_least: Option<Position>,
        known: impl FnOnce() -> bool,
        read: impl Fn(&'a Pool) -> F,
    ) -> Result<Found<Option<T>>, Problem>
    where
        F: Future<Output = Result<Option<T>, ReadModelError>> + Send,
    {
        let found = self.read(projection, at_least, &read).await?;
        if found.found.is_none() && known() {
            let found = self.read(projection, self.gate.position(), &read).await?;
            return if found.found.is_some() { Ok(found) } else { Err(Problem::not_taken_in()) };
        }
        Ok(found)
    }

    /// Up to when a projection knows, if this node's memory knows of something that came well after that.
    fn as_of(&self, at: Option<&Checkpoint>) -> Option<Timestamp> {
        let (applied, newest) = (self.directory.applied(), self.directory.stored_at()?);
        let as_of = at.map_or(Timestamp::UNIX_EPOCH, |at| at.stored_at);
        let has_all = at.is_some_and(|at| at.sequence >= applied);
        (!has_all && newest.since(as_of) > BEHIND).then_some(as_of)
    }

    /// Brings this node's memory to where the log ends now, in bounded time. What another node wrote a moment ago
    /// may be missing from it.
    pub async fn catch_up(&self) {
        let end = tokio::time::timeout(self.settings.read_timeout, self.log.info()).await;
        if let Ok(Ok(info)) = end
            && let Some(position) = self.position(info.last_sequence)
        {
            self.gate.wait_applied(&position, self.settings.at_least_timeout).await;
        }
    }

    /// An empty page of a place that is not there is told as what is not there.
    pub async fn exists_if(&self, something_was_found: bool, at: &impl OwnedPath) -> Result<(), Problem> {
        let Owner::Organization(id) = at.owner() else { return Ok(()) };
        if something_was_found || self.directory.organization(id).is_some() {
            return Ok(());
        }
        let row = self.read(Projection::Organizations, None, |pool| organization::get(pool, id)).await?;
        row.required().map(|_| ())
    }

    /// The ids of those of which events wait to be taken in.
    pub async fn waiting(
        &self,
        projection: Projection,
        owner: Owner,
        aggregate_type: AggregateType,
    ) -> Result<Vec<Uuid>, Problem> {
        let find = |pool| parked::waiting(pool, projection, owner, &aggregate_type);
        let subjects = self.read(projection, None, find).await?.found;
        Ok(subjects.iter().filter_map(|subject| subject.aggregate_id.as_str().parse().ok()).collect())
    }

    async fn wait_for(&self, pool: &Pool, projection: Projection, position: Position) -> Result<(), Problem> {
        self.may_come(&position).await?;
        let bound = self.settings.at_least_timeout;
        match checkpoint::wait_for(pool, projection, &position, bound).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Problem::position_not_reached(bound)),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// The same for what is read from this node's memory.
    pub async fn wait_applied(&self, at_least: Option<Position>) -> Result<(), Problem> {
        let Some(position) = at_least else { return Ok(()) };
        self.may_come(&position).await?;
        let bound = self.settings.at_least_timeout;
        if self.gate.wait_applied(&position, bound).await {
            Ok(())
        } else {
            Err(Problem::position_not_reached(bound))
        }
    }

    /// Refuses at once what waiting can't bring: another log's position, or one beyond the newest event. Another
    /// node's write of just now may be unknown here, so the log itself is asked before.
    pub async fn may_come(&self, position: &Position) -> Result<(), Problem> {
        let status = self.gate.status();
        if status.log.is_some_and(|here| here != position.log) {
            return Err(Problem::foreign_position());
        }
        if position.sequence <= status.target.max(status.applied) {
            return Ok(());
        }
        match tokio::time::timeout(self.settings.read_timeout, self.log.info()).await {
            Ok(Ok(info)) if position.sequence > info.last_sequence && info.is_proof() => {
                Err(Problem::position_beyond_the_log())
            }
            // Without an answer that proves it nothing is known of it; the wait is bounded.
            Ok(Ok(_) | Err(_)) | Err(_) => Ok(()),
        }
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> Problem {
        self.unread.warn(error);
        metrics::counter!("keyledger_api_read_model_failures_total").increment(1);
        Problem::read_models_unavailable()
    }

    /// How many reads wait for a connection: those under way that have none.
    pub fn reads_waiting(&self) -> usize {
        self.reads.as_ref().map_or(0, |pool| self.reading.now().saturating_sub(postgres::in_use(pool)))
    }

    /// What stands beside an organization's id; `None`: it is not known here yet.
    pub fn organization_slug(&self, id: OrganizationId) -> Option<String> {
        self.directory.organization(id).map(|organization| organization.slug.to_string())
    }

    /// The position of a read model's sequence, as a write would have answered it.
    pub fn position(&self, sequence: u64) -> Option<Position> {
        self.gate.position().map(|here| Position { sequence, ..here })
    }
}

impl ListQuery {
    /// The page as the read models are asked for it.
    pub fn page(&self) -> Result<PageQuery, Problem> {
        let after = match &self.cursor {
            None => None,
            Some(text) => {
                Some(text.parse().map_err(|error| Problem::invalid("?cursor", format!("{error}.")))?)
            }
        };
        Ok(PageQuery::new(u32::from(self.limit.get()), after))
    }
}

impl<T> Page<T> {
    pub fn of<Row>(rows: Rows<Row>, view: impl FnMut(Row) -> T) -> Self {
        let Rows { items, next } = rows.map(view);
        Self { items, next: next.map(|cursor| cursor.to_string()), waiting: Vec::new() }
    }

    #[must_use]
    pub fn with_waiting(self, waiting: Vec<Uuid>) -> Self {
        Self { waiting, ..self }
    }

    /// At most one item, found by its name.
    pub fn one(item: Option<T>) -> Self {
        Self { items: item.into_iter().collect(), next: None, waiting: Vec::new() }
    }
}

/// How many reads are under way.
#[derive(Default)]
pub struct Reading(AtomicUsize);

/// One of them, until it is dropped.
struct OneRead<'a>(&'a Reading);

impl Reading {
    fn begin(&self) -> OneRead<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        OneRead(self)
    }

    fn now(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for OneRead<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
