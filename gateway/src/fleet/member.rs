//! A member of the fleet: what a process says of itself, and what is known of it elsewhere.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use events::position::Frontier;
use events::{Position, Timestamp};
use projections::directory::gate::OnStale;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::config::Role;

/// What a process says of itself: the value of `member.<id>`, as JSON. Members are only ever added to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// New at each start of the process.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    pub roles: Vec<Role>,
    /// Of the gateway.
    pub version: String,
    /// How much of the log its directory holds; `None`: it knows of no log yet, or keeps no directory.
    pub frontier: Option<Frontier>,
    /// How long ago its directory was known to be complete; `None`: never yet.
    pub fresh_age_millis: Option<u64>,
    /// Whether it answers for keys now.
    pub ready: bool,
    /// Why not.
    pub reason: Option<String>,
    /// What it does not do, ready as it is.
    #[serde(default)]
    pub lacks: Option<String>,
    /// Positive: the log's clock is ahead.
    pub clock_offset_millis: i64,
    /// The newest version that it reads of each kind of event.
    pub reads: BTreeMap<String, u32>,
    pub on_stale: OnStale,
    pub max_staleness_millis: u64,
    /// How long its lease lasts from before the record was sent.
    pub lease_millis: u64,
    pub started_at: Timestamp,
}

/// A member as control knows it.
#[derive(Clone, Debug)]
pub struct Member {
    pub id: Uuid,
    /// `None`: this version can't read it.
    pub record: Option<Record>,
    /// The sequence under which the bucket stored it.
    pub revision: u64,
    /// When it was last seen to have changed, by this process's monotonic clock: no earlier than it did.
    pub changed_at: Instant,
    /// It was heard of since. Else its record is one that was there already when this process began to look: nobody here knows
    /// how old it is.
    pub heard: bool,
}

/// Whether a member is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberStanding {
    /// Heard within its lease.
    Live,
    /// Not heard within its lease. It may still answer with what it knows.
    Silent,
    /// Its gate is closed until it has caught up.
    Fenced,
}

/// Open streams ask the gate once a second.
const STREAMS: Duration = Duration::from_secs(1);
/// Two clocks run apart by at most a hundredth.
const CLOCKS: u32 = 100;

/// The entry of a member in the bucket.
pub fn entry(id: Uuid) -> String {
    format!("{ENTRY}{id}")
}

/// Whose entry it is; `None`: no member's.
pub fn id(entry: &str) -> Option<Uuid> {
    entry.strip_prefix(ENTRY)?.parse().ok()
}

pub(super) const ENTRY: &str = "member.";

impl Record {
    /// A stored value of this member's entry; `None`: this version can't read it, or it is not its own.
    pub fn read(value: &[u8], id: Uuid) -> Option<Self> {
        serde_json::from_slice(value).ok().filter(|record: &Self| record.id == id)
    }

    /// Whether it lets anybody in.
    pub fn authenticates(&self) -> bool {
        self.roles.iter().any(|role| match role {
            Role::Node | Role::Control => true,
            Role::Worker => false,
        })
    }

    /// After this long without a change of the record the member's gate is closed, and its open streams have ended.
    /// `None`: it goes on however old it is.
    pub fn fenced_after(&self) -> Option<Duration> {
        match self.on_stale {
            OnStale::Serve => None,
            OnStale::Refuse => Some(self.silence()),
        }
    }

    /// Whether it may let somebody in however old its knowledge is.
    pub fn is_never_fenced(&self) -> bool {
        self.authenticates() && self.fenced_after().is_none()
    }

    pub fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_millis)
    }

    fn silence(&self) -> Duration {
        let bound = Duration::from_millis(self.lease_millis.saturating_add(self.max_staleness_millis));
        bound.saturating_add(bound / CLOCKS).saturating_add(STREAMS)
    }
}

impl Member {
    /// What people call it.
    pub fn name(&self) -> &str {
        self.record.as_ref().map_or("(a record that this version can't read)", |record| &record.name)
    }

    /// How long ago it was heard; `None`: never by this process.
    pub fn silent_for(&self, now: Instant) -> Option<Duration> {
        self.heard.then(|| now.saturating_duration_since(self.changed_at))
    }

    /// None of a record that can't be read.
    pub fn lease(&self) -> Duration {
        self.record.as_ref().map_or(Duration::ZERO, Record::lease)
    }

    /// What can't be read may be anything.
    pub fn authenticates(&self) -> bool {
        self.record.as_ref().is_none_or(Record::authenticates)
    }

    /// Whether it has said that it applied this position.
    pub fn has_applied(&self, position: &Position) -> bool {
        let frontier = self.record.as_ref().and_then(|record| record.frontier.as_ref());
        frontier.is_some_and(|frontier| frontier.covers(position))
    }

    /// Whether it lets nobody in, when every change of its record until then is known.
    pub fn is_fenced(&self, known_until: Instant) -> bool {
        let after = self.record.as_ref().and_then(Record::fenced_after);
        after.is_some_and(|after| known_until.saturating_duration_since(self.changed_at) >= after)
    }

    /// Whether it is as good as ended, when every change of its record until then is known: it lets nobody in, and
    /// is not alive.
    pub fn is_gone(&self, known_until: Instant) -> bool {
        let silent = known_until.saturating_duration_since(self.changed_at);
        self.record.as_ref().is_some_and(|record| !record.is_never_fenced() && silent >= record.silence())
    }

    /// How it stands, when every change of its record is known until `complete_as_of`.
    pub fn standing(&self, now: Instant, complete_as_of: Option<Instant>) -> MemberStanding {
        if complete_as_of.is_some_and(|as_of| self.is_fenced(as_of)) {
            MemberStanding::Fenced
        } else if now.saturating_duration_since(self.changed_at) > self.lease() {
            MemberStanding::Silent
        } else {
            MemberStanding::Live
        }
    }

    /// Whether it has been heard lately enough to be taken for alive.
    pub fn is_live(&self, now: Instant) -> bool {
        let silent = now.saturating_duration_since(self.changed_at);
        self.record.as_ref().is_some_and(|record| silent < record.silence())
    }

    /// The newest version that it reads of the kind is this one, or newer.
    pub fn reads(&self, kind: &str, version: u32) -> bool {
        let newest = self.record.as_ref().and_then(|record| record.reads.get(kind));
        newest.is_some_and(|newest| *newest >= version)
    }

    /// Why a command is never known to hold while this member is there.
    pub fn why_never(&self) -> Option<String> {
        let name = self.name();
        match &self.record {
            None => Some(format!("{} is a member whose record this version can't read", self.id)),
            Some(record) if record.is_never_fenced() => Some(format!(
                "{name} is set to go on with what it knows however old that is (`freshness.on_stale = \"serve\"`)"
            )),
            Some(_) => None,
        }
    }
}
