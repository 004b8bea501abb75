//! The members as control knows them: a synchronous state machine that is fed with the bucket's changes in their
//! order, and with what became of this process's own record.
//!
//! **When is it complete?** The bucket keeps each record's newest version alone, so what follows its changes may
//! meet the successor of a version that it never saw. That shows as a gap in the sequences. The roster is complete
//! as of the moment at which this process sent a version of its own record, once the bucket's majority has
//! acknowledged that and it has come back among the changes with no gap noticed since it was sent: whatever was
//! stored before it has been seen then.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use domain::readers::{TooOld, Unreadable};
use events::Position;
use projections::lease::Lease;
use uuid::Uuid;

use super::member::{Member, MemberStanding, Record};
use super::{MemberProof, MemberState, Proof};

/// More members than this are no fleet: nothing is claimed of them.
const MAX_MEMBERS: usize = 4_096;
/// Own writes that have not come back yet.
const MAX_WRITES: usize = 64;
/// Own commands that are measured at one time.
const MAX_COMMANDS: usize = 256;
/// The bucket forgets a record after a day; the roster later, so that it never knows of fewer.
const FORGOTTEN: Duration = Duration::from_secs(25 * 60 * 60);
const MAX_LEASES: usize = 256;
/// A command that some member has not applied by then counts with this time.
const GIVEN_UP: Duration = Duration::from_secs(60);

/// An own command that was acknowledged.
#[derive(Debug)]
struct Change {
    position: Position,
    acknowledged_at: Instant,
    /// When a member was last seen to have applied it.
    shown_at: Instant,
}

/// Every member that has not ended.
#[derive(Debug, Default)]
pub struct Roster {
    members: BTreeMap<Uuid, Member>,
    /// The sequence of the last change that was seen in this session; 0 before its first.
    passed: u64,
    /// When a gap was last noticed.
    gap_at: Option<Instant>,
    /// Own acknowledged writes that have not come back: their sequence, and when they were sent.
    writes: VecDeque<(u64, Instant)>,
    complete_as_of: Option<Instant>,
    /// Own commands that some living member has not applied yet.
    commands: VecDeque<Change>,
    leases: BTreeMap<String, Lease>,
    /// There were more than are kept, since the changes are followed.
    overflowed: bool,
}

impl Roster {
    /// The changes are followed anew, from the first that the bucket holds.
    pub fn opened(&mut self) {
        self.passed = 0;
        // They can't confirm any more, for beginning anew is a gap; and in a bucket that was made anew their
        // sequences may never come.
        self.writes.clear();
        // Whoever was not kept comes again.
        self.overflowed = false;
    }

    /// Members that were not kept would be now: the changes are to be followed anew.
    pub fn has_room_again(&mut self) -> bool {
        if self.overflowed {
            self.forget(Duration::ZERO);
        }
        self.overflowed && self.members.len() < MAX_MEMBERS
    }

    /// The bucket's next change, in its order, whatever it is about.
    pub fn passes(&mut self, sequence: u64, now: Instant) {
        if sequence != self.passed + 1 || self.passed == 0 {
            self.gap_at = Some(now);
        }
        self.passed = sequence;
        self.confirm();
    }

    /// A member's record was stored under this sequence; `None`: it can't be read.
    pub fn saw(&mut self, id: Uuid, record: Option<Record>, revision: u64, now: Instant) {
        let known = self.members.get(&id);
        // The same once more: the changes are followed anew.
        if known.is_some_and(|known| known.revision >= revision) {
            return;
        }
        // Before all were known for the first time, what comes first may have lain there.
        let heard = known.is_some() || self.complete_as_of.is_some();
        if known.is_none() && self.members.len() >= MAX_MEMBERS {
            self.forget(Duration::ZERO);
        }
        if !self.members.contains_key(&id) && self.members.len() >= MAX_MEMBERS {
            self.overflowed = true;
            return;
        }
        let member = Member { id, record, revision, changed_at: now, heard };
        let before = self.members.get(&id);
        for change in &mut self.commands {
            let had = before.is_some_and(|before| before.has_applied(&change.position));
            if !had && member.has_applied(&change.position) {
                change.shown_at = now;
            }
        }
        self.members.insert(id, member);
        self.settle(now);
    }

    /// A worker's lease was taken, renewed, or (`None`) given back.
    pub fn saw_lease(&mut self, name: &str, lease: Option<Lease>) {
        match lease {
            Some(lease) if self.leases.contains_key(name) || self.leases.len() < MAX_LEASES => {
                self.leases.insert(name.to_owned(), lease);
            }
            Some(_) => {}
            None => drop(self.leases.remove(name)),
        }
    }

    pub fn leases(&self) -> BTreeMap<String, Lease> {
        self.leases.clone()
    }

    /// An own command was acknowledged.
    pub fn acknowledged(&mut self, position: Position, now: Instant) {
        if self.commands.len() < MAX_COMMANDS {
            self.commands.push_back(Change { position, acknowledged_at: now, shown_at: now });
        }
        self.settle(now);
    }

    /// Measures the commands that every living member has applied, and those that are given up. One that has died is left
    /// out: the time is that of the last of the others.
    fn settle(&mut self, now: Instant) {
        while let Some(Change { position, acknowledged_at, shown_at }) = self.commands.front() {
            let age = now.saturating_duration_since(*acknowledged_at);
            let as_of = self.complete_as_of;
            let mut living = self.members.values().filter(|member| {
                member.authenticates() && member.standing(now, as_of) == MemberStanding::Live
            });
            let everywhere = living.all(|member| member.has_applied(position));
            if !everywhere && age < GIVEN_UP {
                return;
            }
            let took = if everywhere { shown_at.saturating_duration_since(*acknowledged_at) } else { age };
            metrics::histogram!("keyledger_fleet_applied_seconds").record(took.as_secs_f64());
            self.commands.pop_front();
        }
    }

    /// Forgets those whose gates have been closed for so long, and who have said nothing since. Should one come back,
    /// it is a member like any that has just joined.
    fn forget(&mut self, closed_for: Duration) {
        let Some(then) = self.complete_as_of.and_then(|as_of| as_of.checked_sub(closed_for)) else { return };
        self.members.retain(|_, member| !member.is_gone(then));
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; the counts stay small")]
    pub fn measure(&mut self, now: Instant) {
        self.settle(now);
        self.forget(FORGOTTEN);
        let mut counts = [("live", 0_usize), ("silent", 0), ("fenced", 0)];
        for member in self.members.values() {
            let [live, silent, fenced] = &mut counts;
            match member.standing(now, self.complete_as_of) {
                MemberStanding::Live => live.1 += 1,
                MemberStanding::Silent => silent.1 += 1,
                MemberStanding::Fenced => fenced.1 += 1,
            }
        }
        for (state, count) in counts {
            metrics::gauge!("keyledger_fleet_members", "state" => state).set(count as f64);
        }
        metrics::gauge!("keyledger_fleet_unproven_commands").set(self.commands.len() as f64);
        if let Some(as_of) = self.complete_as_of {
            let age = now.saturating_duration_since(as_of);
            metrics::gauge!("keyledger_fleet_confirmed_age_seconds").set(age.as_secs_f64());
        }
    }

    /// A member has ended: it said so after its last answer.
    pub fn ended(&mut self, id: Uuid) {
        self.members.remove(&id);
    }

    /// The bucket acknowledged a version of this process's own record.
    pub fn wrote(&mut self, revision: u64, sent_at: Instant) {
        if self.writes.len() == MAX_WRITES {
            self.writes.pop_front();
        }
        self.writes.push_back((revision, sent_at));
        self.confirm();
    }

    /// Everything that was stored before this moment is in the roster. `None`: never yet.
    pub fn complete_as_of(&self) -> Option<Instant> {
        self.complete_as_of
    }

    /// The last change that was seen.
    pub fn passed(&self) -> u64 {
        self.passed
    }

    pub fn members(&self) -> Vec<Member> {
        self.members.values().cloned().collect()
    }

    pub fn proof(&self, position: &Position) -> Proof {
        let authenticating = self.members.values().filter(|member| member.authenticates());
        let members: Vec<_> = authenticating
            .map(|member| MemberProof {
                id: member.id,
                name: member.name().to_owned(),
                state: self.state(member, position),
            })
            .collect();
        let unproven = members.iter().filter(|member| member.state == MemberState::Unproven).count();
        let why_never = self.why_never();
        let complete = unproven == 0 && why_never.is_none() && self.complete_as_of.is_some();
        Proof { complete, unproven, members, why_never }
    }

    /// That every living member, of whatever role, can read this version of this kind of event.
    pub fn can_read(&self, kind: &str, version: u32, now: Instant) -> Result<(), Unreadable> {
        let mut living = self.members.values().filter(|member| member.is_live(now));
        match living.find(|member| !member.reads(kind, version)) {
            Some(member) => {
                let reader = member.name().to_owned();
                Err(TooOld { reader, kind: kind.to_owned(), version }.into())
            }
            // Everybody has read the first versions always.
            None if version > 1 && self.complete_as_of.is_none() => Err(Unreadable::NotKnown),
            None => Ok(()),
        }
    }

    fn state(&self, member: &Member, position: &Position) -> MemberState {
        if member.has_applied(position) {
            MemberState::Applied
        } else if self.complete_as_of.is_some_and(|as_of| member.is_fenced(as_of)) {
            MemberState::Fenced
        } else {
            MemberState::Unproven
        }
    }

    fn why_never(&self) -> Option<String> {
        if self.overflowed {
            return Some(format!("there are more than {MAX_MEMBERS} members"));
        }
        self.members.values().find_map(Member::why_never)
    }

    fn confirm(&mut self) {
        let passed = self.passed;
        while let Some((_, sent_at)) = self.writes.pop_front_if(|(revision, _)| *revision <= passed) {
            if self.gap_at.is_none_or(|gap_at| gap_at <= sent_at) {
                self.complete_as_of = Some(self.complete_as_of.map_or(sent_at, |as_of| as_of.max(sent_at)));
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
