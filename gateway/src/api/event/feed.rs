//! The feed: what happened after a place, in the log's order, and what comes.

use std::time::{Duration, Instant};

use events::{Owner, Position};
use projections::Projection;
use projections::checkpoint;
use projections::postgres::history::{self, EventFilter, FeedQuery};

use super::choice::After;
use super::page::{EventPage, UnreadableEvent};
use super::place::FeedPlace;
use super::{Admin, RecordedEvent, Seat};
use crate::api::ApiState;
use crate::api::query::Limit;
use crate::api::reads::Found;
use crate::problem::Problem;

/// A reader at its place.
pub struct Reader {
    pub api: ApiState,
    /// Whose key reads.
    owner: Owner,
    query: FeedQuery,
    /// How far the history was when it was read last.
    seen: u64,
}

impl Reader {
    /// A place of another log, or one that does not exist yet, is refused.
    pub async fn new(
        api: &ApiState,
        owner: Owner,
        about: Option<Owner>,
        filter: EventFilter,
        limit: Limit,
        after: After,
    ) -> Result<Self, Problem> {
        let after = match after {
            After::Start => 0,
            After::Now => api.gate.position().map_or(0, |here| here.sequence),
            After::Place(place) => {
                let losses = api.read(Projection::History, None, history::losses).await?.found;
                place.holds(&losses)?;
                api.may_come(&place.position).await.map_err(|problem| problem.at("?after"))?;
                place.position.sequence
            }
        };
        let query = FeedQuery { about, filter, after, limit: u32::from(limit.get()) };
        Ok(Self { api: api.clone(), owner, query, seen: 0 })
    }

    /// What is there now. The reader goes on after it.
    pub async fn read(&mut self) -> Result<Found<EventPage>, Problem> {
        let (query, owner) = (&self.query, self.owner);
        let read = async |pool| {
            let mut feed = history::feed(pool, query).await?;
            let told = history::told(pool, owner, std::mem::take(&mut feed.rows)).await?;
            Ok((feed, told, history::losses(pool).await?))
        };
        let found = self.api.read(Projection::History, None, read).await?;
        let (feed, ..) = &found.found;
        (self.query.after, self.seen) = (feed.up_to, feed.applied);
        let position = self.api.position(feed.up_to);
        Ok(found.map(|(feed, told, losses)| EventPage {
            items: told.into_iter().map(|told| RecordedEvent::of(&self.api, told, &losses)).collect(),
            next: None,
            position: position.map(|position| FeedPlace::of(position, &losses)),
            more: feed.more,
            held_up: feed.held_up,
            unreadable: feed
                .passed
                .into_iter()
                .map(|it| UnreadableEvent::of(&self.api, it, &losses))
                .collect(),
        }))
    }

    /// Waits for the history to have more than it had, in bounded time.
    pub async fn comes(&self, bound: Duration) {
        let Some(here) = self.api.gate.position() else { return tokio::time::sleep(bound).await };
        let next = Position { sequence: self.seen + 1, ..here };
        let until = self.api.clock.instant() + bound;
        let waited = async {
            if self.api.gate.wait_applied(&next, bound).await
                && let Some(pool) = &self.api.reads
            {
                let left = until.saturating_duration_since(self.api.clock.instant());
                if checkpoint::wait_for(pool, Projection::History, &next, left).await.is_err() {
                    // It does not answer: the next read says so.
                    tokio::time::sleep(left.min(Duration::from_secs(1))).await;
                }
            }
        };
        tokio::select! {
            biased;
            () = self.api.ending.cancelled() => {}
            () = waited => {}
        }
    }

    /// What is there, or what comes within this time.
    pub async fn within(
        &mut self,
        admin: &Admin,
        seat: &Seat,
        wait: Option<Duration>,
    ) -> Result<Found<EventPage>, Problem> {
        let mut found = self.read().await?;
        let Some(wait) = wait.filter(|_| found.found.is_empty() && !found.found.more) else {
            return Ok(found);
        };
        let waiting = self.api.slots.wait(seat, admin.owner(), admin.id());
        let _waiting = waiting.ok_or_else(Problem::busy_with_you)?;
        let until = (self.api.clock.instant() + wait).min(seat.waits_until());
        while found.found.is_empty() && !self.api.ending.is_cancelled() {
            let left = left(until, self.api.clock.instant());
            if left.is_zero() {
                break;
            }
            self.comes(left).await;
            admin.again(&self.api)?;
            found = self.read().await?;
        }
        Ok(found)
    }
}

fn left(until: Instant, now: Instant) -> Duration {
    until.saturating_duration_since(now)
}
