use events::clock::{Clock, SystemClock};
use proptest::prelude::*;

use super::*;

const LEASE: Duration = Duration::from_secs(10);
/// How often a worker looks.
const LOOK: Duration = Duration::from_millis(2_500);
const NAMES: [&str; 5] = ["history", "keys", "organizations", "servers", "snapshots"];

/// The entries as all workers see them.
struct Entries {
    leases: BTreeMap<&'static str, (u64, Option<Uuid>)>,
    workers: BTreeMap<Uuid, u64>,
    revision: u64,
}

impl Entries {
    fn new() -> Self {
        Self { leases: BTreeMap::new(), workers: BTreeMap::new(), revision: 0 }
    }

    fn look(&mut self, table: &mut Table, now: Instant) {
        self.revision += 1;
        self.workers.insert(table.me, self.revision);
        let workers: Vec<_> = self.workers.iter().map(|(id, revision)| (*id, *revision)).collect();
        table.saw_workers(&workers, now);
        for name in NAMES {
            let (revision, holder) = self.leases.get(name).copied().unwrap_or_default();
            table.saw_lease(name, revision, holder, now);
        }
        for step in table.plan(now) {
            self.apply(table, &step, now);
        }
    }

    fn apply(&mut self, table: &mut Table, step: &Step, now: Instant) {
        let (name, expected, holder) = match *step {
            Step::Renew { name, revision } | Step::Take { name, revision } => {
                (name, revision, Some(table.me))
            }
            Step::GiveBack { name, revision } => (name, revision, None),
        };
        if self.leases.get(name).map_or(0, |(revision, _)| *revision) == expected {
            self.revision += 1;
            self.leases.insert(name, (self.revision, holder));
            table.saw_lease(name, self.revision, holder, now);
        }
    }

    fn of(&self, id: Uuid) -> usize {
        self.leases.values().filter(|(_, holder)| *holder == Some(id)).count()
    }
}

fn table(n: u128) -> Table {
    Table::new(Uuid::from_u128(n), LEASE, NAMES.to_vec())
}

#[test]
fn one_worker_takes_all_at_once() {
    let (mut entries, mut one) = (Entries::new(), table(1));
    entries.look(&mut one, SystemClock.instant());
    assert_eq!(entries.of(one.me), 5);
}

/// A worker of another configuration counts only for what it knows.
#[test]
fn what_one_worker_alone_knows_is_kept_by_it_and_the_rest_is_shared() {
    let (mut entries, mut few) = (Entries::new(), Table::new(Uuid::from_u128(1), LEASE, NAMES[..2].to_vec()));
    let mut all = table(2);
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let mut now = SystemClock.instant();
    for _ in 0..12 {
        now += LOOK;
        entries.look(&mut few, now);
        all.saw_list(few.me, list(&NAMES[..2]));
        few.saw_list(all.me, list(&NAMES));
        entries.look(&mut all, now);
    }
    assert_eq!((entries.of(few.me), entries.of(all.me)), (1, 4));
}

#[test]
fn a_lease_is_taken_over_when_its_holder_has_been_silent_for_its_time_and_not_before() {
    let (mut entries, mut dead, mut other) = (Entries::new(), table(1), table(2));
    let start = SystemClock.instant();
    entries.look(&mut dead, start);
    entries.look(&mut other, start);
    entries.look(&mut other, start + LEASE - Duration::from_millis(1));
    assert_eq!(entries.of(other.me), 0);
    entries.look(&mut other, start + LEASE);
    assert_eq!(entries.of(other.me), 5, "alone, it takes them all");
    // Back from the dead: what it held is not its own any more.
    entries.look(&mut dead, start + LEASE);
    assert_eq!(entries.of(dead.me), 0);
}

#[test]
fn what_is_given_back_is_taken_at_the_next_look() {
    let (mut entries, mut going, mut other) = (Entries::new(), table(1), table(2));
    let start = SystemClock.instant();
    entries.look(&mut going, start);
    for step in going.give_all_back() {
        entries.apply(&mut going, &step, start);
    }
    entries.workers.remove(&going.me);
    entries.look(&mut other, start + LOOK);
    assert_eq!(entries.of(other.me), 5);
}

#[test]
fn workers_that_die_as_they_start_hold_nothing_up() {
    let (mut entries, mut real) = (Entries::new(), [table(1), table(2), table(3)]);
    let mut now = SystemClock.instant();
    for _ in 0..8 {
        now += LOOK;
        real.iter_mut().for_each(|table| entries.look(table, now));
    }
    let [dead, left @ ..] = &mut real;
    assert!(entries.of(dead.me) > 0);
    let died = now;
    // Each looks twice and dies; the next one starts at once.
    for number in 4..30 {
        let mut starting = table(number);
        for _ in 0..2 {
            now += LOOK;
            entries.look(&mut starting, now);
            left.iter_mut().for_each(|table| entries.look(table, now));
        }
        assert_eq!(entries.of(starting.me), 0);
        if now >= died + LEASE * 3 / 2 + LOOK {
            assert_eq!(left.iter().map(|table| entries.of(table.me)).sum::<usize>(), NAMES.len());
        }
    }
}

proptest! {
    /// Workers come, go silent and end; once nothing changes any more, all is held, in equal shares.
    #[test]
    fn live_workers_come_to_hold_equal_shares(
        steps in prop::collection::vec((0usize..4, prop::bool::weighted(0.8)), 0..60),
        live in 1usize..5,
    ) {
        let mut entries = Entries::new();
        let mut tables: Vec<Table> = (1..=4).map(table).collect();
        let mut now = SystemClock.instant();
        for (at, moves_on) in steps {
            entries.look(&mut tables[at], now);
            if moves_on {
                now += LOOK / 2;
            }
        }
        for _ in 0..16 {
            now += LOOK;
            for table in &mut tables[..live] {
                entries.look(table, now);
            }
        }
        let shares: Vec<_> = tables[..live].iter().map(|table| entries.of(table.me)).collect();
        prop_assert_eq!(shares.iter().sum::<usize>(), NAMES.len(), "{:?}", shares);
        let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
        prop_assert!(most - least <= 1, "{:?}", shares);
        // And so they stay.
        let before = entries.leases.values().map(|(_, holder)| *holder).collect::<Vec<_>>();
        for _ in 0..3 {
            now += LOOK;
            for table in &mut tables[..live] {
                entries.look(table, now);
            }
        }
        let after = entries.leases.values().map(|(_, holder)| *holder).collect::<Vec<_>>();
        prop_assert_eq!(before, after);
    }
}
