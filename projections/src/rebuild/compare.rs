//! The copy against the live projection, at the same place of the log: row by row in the order of their keys, each
//! side with its digest.

use std::cmp::Ordering;
use std::fmt;
use std::pin::Pin;

use aws_lc_rs::digest::{Context, SHA256};
use events::parts;
use futures::{Stream, StreamExt};
use serde::Serialize;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::{Copy, Filling, Progress, Rebuild, RebuildError};
use crate::Projection;
use crate::checkpoint;

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Comparison {
    /// The place of the log at which both stood.
    pub at: u64,
    pub live: Side,
    pub copy: Side,
    /// Rows, and parked events, that the live one alone has.
    pub missing_in_copy: u64,
    /// Those that the copy alone has.
    pub missing_in_live: u64,
    /// Those that both have and that are not the same.
    pub changed: u64,
    /// The first of them all.
    pub first: Vec<Difference>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Side {
    pub rows: u64,
    /// SHA-256 over the rows as canonical text in the order of their keys, each after its length; hexadecimal.
    pub digest: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Difference {
    /// A row's id or sequence; `parked <sequence>` for a parked event.
    pub key: String,
    pub kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    MissingInCopy,
    MissingInLive,
    Changed,
}

/// Differences that are told one by one, at most.
const TOLD: usize = 10;

impl Comparison {
    pub fn is_equal(&self) -> bool {
        self.live == self.copy && self.missing_in_copy + self.missing_in_live + self.changed == 0
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_equal() {
            return write!(f, "equal at event {}: {} rows, {}", self.at, self.live.rows, self.live.digest);
        }
        write!(
            f,
            "at event {} the live one has {} rows and the copy {}; missing in the copy {}, missing in the live one \
             {}, changed {}; the first: ",
            self.at, self.live.rows, self.copy.rows, self.missing_in_copy, self.missing_in_live, self.changed
        )?;
        for (at, difference) in self.first.iter().enumerate() {
            let kind = match difference.kind {
                Kind::MissingInCopy => "missing in the copy",
                Kind::MissingInLive => "missing in the live one",
                Kind::Changed => "changed",
            };
            write!(f, "{}{} ({kind})", if at > 0 { ", " } else { "" }, difference.key)?;
        }
        Ok(())
    }
}

impl Rebuild {
    pub(super) async fn compare(
        &self,
        filling: &mut Filling,
        copy: &Copy,
        tell: &mut impl FnMut(Progress),
    ) -> Result<Comparison, RebuildError> {
        // Near the live one first, so that it is kept as it stands for a short time only.
        if let Some(live) = checkpoint::read(&self.pool, self.projection).await? {
            filling.up_to(live.sequence, tell).await?;
        }
        let mut live = self.pool.inner().acquire().await?.detach();
        let mut live_as_it_stands = live.begin().await?;
        sqlx::raw_sql(
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL statement_timeout = 0; \
             SET LOCAL idle_in_transaction_session_timeout = 0",
        )
        .execute(&mut *live_as_it_stands)
        .await?;
        let at = checkpoint::within(&mut live_as_it_stands, self.projection).await?;
        let at = at.map_or(0, |at| at.sequence);
        filling.up_to(at, tell).await?;
        tell(Progress::Comparing);
        let mut copied = copy.pool.inner().acquire().await?.detach();
        let mut copied_as_it_stands = copied.begin().await?;
        sqlx::raw_sql("SET LOCAL statement_timeout = 0").execute(&mut *copied_as_it_stands).await?;
        let found = compare(self.projection, at, &mut live_as_it_stands, &mut copied_as_it_stands).await;
        live_as_it_stands.rollback().await?;
        copied_as_it_stands.rollback().await?;
        live.close().await?;
        copied.close().await?;
        found
    }
}

async fn compare(
    projection: Projection,
    at: u64,
    live: &mut PgConnection,
    copy: &mut PgConnection,
) -> Result<Comparison, RebuildError> {
    let mut found = Merge::default();
    for sql in [rows_of(projection), parked_of(projection)] {
        let live = sqlx::query_as(AssertSqlSafe(sql.clone())).fetch(&mut *live);
        let copy = sqlx::query_as(AssertSqlSafe(sql)).fetch(&mut *copy);
        found.merge(live, copy).await?;
    }
    Ok(found.end(at))
}

/// Each row's key, as text that sorts as the rows do, and the row as canonical text.
fn rows_of(projection: Projection) -> String {
    let (key, text) = match projection {
        Projection::Organizations
        | Projection::Servers
        | Projection::Keys
        | Projection::Webhooks
        | Projection::People
        | Projection::Members
        | Projection::Invitations
        | Projection::Issuers
        | Projection::Clients
        | Projection::Approvals
        | Projection::Consents
        | Projection::Grants => ("id", "id::text"),
        Projection::History => ("sequence", "lpad(sequence::text, 20, '0')"),
    };
    format!("SELECT {text}, to_jsonb(t)::text FROM {projection} t ORDER BY {key}")
}

/// Without the reasons, which are words of the version that could not take them in.
fn parked_of(projection: Projection) -> String {
    format!(
        "SELECT 'parked ' || lpad(sequence::text, 20, '0'), (to_jsonb(p) - 'reason')::text \
         FROM parked_events p WHERE projection = '{projection}' ORDER BY sequence"
    )
}

type Row = (String, String);
type Rows<'a> = Pin<Box<dyn Stream<Item = Result<Row, sqlx::Error>> + Send + 'a>>;

struct Merge {
    live: (u64, Context),
    copy: (u64, Context),
    counts: [u64; 3],
    first: Vec<Difference>,
}

impl Default for Merge {
    fn default() -> Self {
        let side = || (0, Context::new(&SHA256));
        Self { live: side(), copy: side(), counts: [0; 3], first: Vec::new() }
    }
}

impl Merge {
    /// Both in the order of their keys; one row of each is held at a time.
    async fn merge(&mut self, mut live: Rows<'_>, mut copy: Rows<'_>) -> Result<(), sqlx::Error> {
        let mut left = live.next().await.transpose()?;
        let mut right = copy.next().await.transpose()?;
        loop {
            let order = match (&left, &right) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((left, _)), Some((right, _))) => left.cmp(right),
            };
            if order == Ordering::Equal
                && let (Some((key, left)), Some((_, right))) = (&left, &right)
                && left != right
            {
                self.differs(key, Kind::Changed);
            }
            if order.is_le()
                && let Some((key, text)) = left.take()
            {
                add(&mut self.live, &text);
                if order.is_lt() {
                    self.differs(&key, Kind::MissingInCopy);
                }
                left = live.next().await.transpose()?;
            }
            if order.is_ge()
                && let Some((key, text)) = right.take()
            {
                add(&mut self.copy, &text);
                if order.is_gt() {
                    self.differs(&key, Kind::MissingInLive);
                }
                right = copy.next().await.transpose()?;
            }
        }
    }

    fn differs(&mut self, key: &str, kind: Kind) {
        let [missing_in_copy, missing_in_live, changed] = &mut self.counts;
        match kind {
            Kind::MissingInCopy => *missing_in_copy += 1,
            Kind::MissingInLive => *missing_in_live += 1,
            Kind::Changed => *changed += 1,
        }
        if self.first.len() < TOLD {
            self.first.push(Difference { key: key.to_owned(), kind });
        }
    }

    fn end(self, at: u64) -> Comparison {
        let side = |(rows, digest): (u64, Context)| {
            let digest = digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            Side { rows, digest }
        };
        let [missing_in_copy, missing_in_live, changed] = self.counts;
        let (live, copy) = (side(self.live), side(self.copy));
        Comparison { at, live, copy, missing_in_copy, missing_in_live, changed, first: self.first }
    }
}

fn add((rows, digest): &mut (u64, Context), text: &str) {
    *rows += 1;
    parts::write(text.as_bytes(), |piece| digest.update(piece));
}
