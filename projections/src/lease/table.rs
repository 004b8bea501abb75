//! What a worker has seen of the leases and of the other workers, and what it does next. No clock, no network.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use uuid::Uuid;

#[cfg(test)]
mod tests;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Renew { name: &'static str, revision: u64 },
    Take { name: &'static str, revision: u64 },
    GiveBack { name: &'static str, revision: u64 },
}

pub(super) struct Table {
    me: Uuid,
    lease: Duration,
    leases: BTreeMap<&'static str, Seen>,
    workers: BTreeMap<Uuid, Other>,
    /// What other workers share, where they say so: those of another configuration know other leases.
    lists: BTreeMap<Uuid, BTreeSet<String>>,
    shared: Vec<&'static str>,
    /// When it looked at the others for the first time.
    since: Option<Instant>,
}

/// Another worker as it was seen.
#[derive(Clone, Copy)]
struct Other {
    revision: u64,
    /// When this revision was seen first.
    at: Instant,
    /// How often it renewed its entry since.
    renewals: u8,
}

/// A worker that joins counts from this renewal on: one that dies again and again as it starts must not keep
/// shares free that it will never take.
const STAYS: u8 = 2;

/// A lease as it was seen.
struct Seen {
    revision: u64,
    holder: Option<Uuid>,
    /// When this revision was seen first.
    at: Instant,
}

impl Table {
    pub fn new(me: Uuid, lease: Duration, mut shared: Vec<&'static str>) -> Self {
        // Workers begin at different ends, so that they meet seldom.
        if !shared.is_empty() {
            let start = usize::try_from(me.as_u128() % (shared.len() as u128)).unwrap_or(0);
            shared.rotate_left(start);
        }
        let (leases, workers, lists) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { me, lease, leases, workers, lists, shared, since: None }
    }

    pub fn saw_lease(&mut self, name: &'static str, revision: u64, holder: Option<Uuid>, now: Instant) {
        match self.leases.get(name) {
            Some(seen) if seen.revision == revision => {}
            Some(_) | None => drop(self.leases.insert(name, Seen { revision, holder, at: now })),
        }
    }

    /// What another worker shares. Of one that does not say it is taken to be the same as here.
    pub fn saw_list(&mut self, id: Uuid, shared: BTreeSet<String>) {
        self.lists.insert(id, shared);
    }

    /// All that are there; who is not among them is gone.
    pub fn saw_workers(&mut self, workers: &[(Uuid, u64)], now: Instant) {
        let first = self.since.is_none();
        self.since.get_or_insert(now);
        let before = std::mem::take(&mut self.workers);
        for (id, revision) in workers.iter().filter(|(id, _)| *id != self.me) {
            let revision = *revision;
            let seen = match before.get(id) {
                Some(seen) if seen.revision == revision => *seen,
                Some(seen) => Other { revision, at: now, renewals: seen.renewals.saturating_add(1) },
                // Who was there first is taken for one that stays.
                None => Other { revision, at: now, renewals: if first { STAYS } else { 0 } },
            };
            self.workers.insert(*id, seen);
        }
        let workers = &self.workers;
        self.lists.retain(|id, _| workers.contains_key(id));
    }

    /// Equal shares of what the same workers know.
    pub fn plan(&self, now: Instant) -> Vec<Step> {
        let live: Vec<Uuid> = self.live(now).collect();
        let knows = |id: &Uuid, name: &str| self.lists.get(id).is_none_or(|list| list.contains(name));
        let mut groups = BTreeMap::<Vec<Uuid>, Vec<&'static str>>::new();
        for name in &self.shared {
            let knowing = live.iter().copied().filter(|id| knows(id, name)).collect();
            groups.entry(knowing).or_default().push(name);
        }
        groups.iter().flat_map(|(live, names)| self.plan_of(names, live, now)).collect()
    }

    /// Each live worker takes what lacks to its own share of these at once, and gives back what another lacks.
    fn plan_of(&self, names: &[&'static str], live: &[Uuid], now: Instant) -> Vec<Step> {
        let count = |id: Uuid| self.of(names, |seen| self.holds(seen, id, now)).len();
        let workers = live.len() + 1;
        let (least, most) = (names.len() / workers, names.len().div_ceil(workers));
        let mine = self.of(names, |seen| seen.holder == Some(self.me));
        let free = self.of(names, |seen| !self.is_held(seen, now));

        let lacking: usize = live.iter().map(|id| least.saturating_sub(count(*id))).sum();
        let over = mine.len().saturating_sub(most).max(lacking.min(mine.len().saturating_sub(least)));
        let given_back = over.saturating_sub(free.len());
        let (kept, given) = mine.split_at(mine.len() - given_back.min(mine.len()));
        let renew = kept.iter().map(|(name, seen)| Step::Renew { name, revision: seen.revision });
        let give = given.iter().map(|(name, seen)| Step::GiveBack { name, revision: seen.revision });

        // Beside others, one that has just come waits until it is known to stay.
        let stays = self.since.is_some_and(|since| now.saturating_duration_since(since) >= self.lease / 2);
        let may_take = stays || live.is_empty();
        let at_once = least.saturating_sub(mine.len());
        let in_time = most.saturating_sub(mine.len());
        // Who lacks something comes first; a third of the lease is time enough for its next look.
        let waits = |seen: &Seen| now.saturating_duration_since(self.free_since(seen)) >= self.lease / 3;
        let take = free
            .iter()
            .enumerate()
            .filter(|(at, (_, seen))| may_take && (*at < at_once || waits(seen)))
            .take(in_time)
            .map(|(_, (name, seen))| Step::Take { name, revision: seen.revision });
        renew.chain(give).chain(take).collect()
    }

    pub fn give_all_back(&self) -> Vec<Step> {
        let mine = self.of(&self.shared, |seen| seen.holder == Some(self.me));
        mine.into_iter().map(|(name, seen)| Step::GiveBack { name, revision: seen.revision }).collect()
    }

    fn of(&self, names: &[&'static str], which: impl Fn(&Seen) -> bool) -> Vec<(&'static str, &Seen)> {
        let known = names.iter().filter_map(|name| Some((*name, self.leases.get(name)?)));
        known.filter(|(_, seen)| which(seen)).collect()
    }

    /// The other workers that stay, and were seen to move within a lease's time.
    fn live(&self, now: Instant) -> impl Iterator<Item = Uuid> {
        let lives = move |other: &Other| {
            other.renewals >= STAYS && now.saturating_duration_since(other.at) < self.lease
        };
        self.workers.iter().filter(move |(_, other)| lives(other)).map(|(id, _)| *id)
    }

    fn is_held(&self, seen: &Seen, now: Instant) -> bool {
        match seen.holder {
            None => false,
            Some(holder) => holder == self.me || now.saturating_duration_since(seen.at) < self.lease,
        }
    }

    fn holds(&self, seen: &Seen, id: Uuid, now: Instant) -> bool {
        seen.holder == Some(id) && self.is_held(seen, now)
    }

    fn free_since(&self, seen: &Seen) -> Instant {
        if seen.holder.is_some() { seen.at + self.lease } else { seen.at }
    }
}
