//! What people, servers, issuers and clients are called, for pages. Names are sealed in the log and in no node's memory: the
//! read models have them. Pages are shown all the same where PostgreSQL is away or slow, with slugs and ids.
//!
//! What was read is kept for a minute, and few ask at once: whoever loads pages without end asks PostgreSQL little.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use events::{AggregateType, Owner};
use moka::sync::Cache;
use projections::postgres::{Pool, names};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::unseen::one_line;

const LASTS: Duration = Duration::from_secs(60);
const MOST: u64 = 10_000;
const ANSWER: Duration = Duration::from_millis(500);
const AT_ONCE: usize = 4;

pub struct Names {
    pool: Pool,
    /// `None`: it has no name that is known.
    known: Cache<Uuid, Option<Arc<str>>>,
    asking: Semaphore,
}

impl Names {
    pub fn new(pool: Pool) -> Self {
        let known = Cache::builder().max_capacity(MOST).time_to_live(LASTS).build();
        Self { pool, known, asking: Semaphore::new(AT_ONCE) }
    }

    /// Those of these that are known, whomever they belong to: what a page may show is its own matter.
    pub async fn of(&self, wanted: &[(AggregateType, Uuid)]) -> HashMap<Uuid, String> {
        let missing: Vec<_> = wanted.iter().filter(|(_, id)| !self.known.contains_key(id)).collect();
        if !missing.is_empty() {
            self.ask(&missing).await;
        }
        let known = |(_, id): &(AggregateType, Uuid)| Some((*id, self.known.get(id)??.to_string()));
        wanted.iter().filter_map(known).collect()
    }

    async fn ask(&self, missing: &[&(AggregateType, Uuid)]) {
        let Ok(_place) = self.asking.try_acquire() else { return };
        let mut ids = names::Ids::default();
        missing.iter().for_each(|(of, id)| ids.push(of, *id));
        let read = names::Names::read(&self.pool, Owner::Installation, ids);
        match tokio::time::timeout(ANSWER, read).await {
            Ok(Ok(found)) => {
                for (_, id) in missing {
                    self.known.insert(*id, found.of(*id).map(|name| one_line(&name).into()));
                }
            }
            Ok(Err(error)) => tracing::debug!(%error, "a page is shown without names"),
            Err(_) => tracing::debug!("a page is shown without names: PostgreSQL did not answer in time"),
        }
    }
}
