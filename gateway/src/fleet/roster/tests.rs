//! What the roster claims, and what it does not.

use std::time::Duration;

use events::clock::{Clock, ManualClock};
use events::position::Frontier;
use events::{LogId, Shard, Timestamp};
use projections::directory::gate::OnStale;

use super::*;
use crate::config::Role;

const LOG: LogId = LogId::new(Uuid::from_u128(7));

/// A roster, the bucket before it, and this process as member 1.
struct Fixture {
    clock: ManualClock,
    roster: Roster,
    sequence: u64,
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn at(sequence: u64) -> Position {
    Position { log: LOG, shard: Shard::ZERO, sequence }
}

fn record(number: u128, applied: u64) -> Record {
    let mut frontier = Frontier::start(LOG);
    frontier.advance(Shard::ZERO, applied);
    Record {
        id: id(number),
        name: format!("node-{number}"),
        roles: vec![Role::Node],
        version: "1.0.0".to_owned(),
        frontier: Some(frontier),
        fresh_age_millis: Some(0),
        ready: true,
        reason: None,
        clock_offset_millis: 0,
        reads: BTreeMap::new(),
        on_stale: OnStale::Refuse,
        max_staleness_millis: 60_000,
        lease_millis: 10_000,
        started_at: Timestamp::UNIX_EPOCH,
    }
}

impl Fixture {
    fn new() -> Self {
        let mut fixture =
            Self { clock: ManualClock::new(Timestamp::UNIX_EPOCH), roster: Roster::default(), sequence: 0 };
        fixture.says(record(1, 0));
        fixture.moves_on(1);
        fixture
    }

    fn moves_on(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }

    /// A member's record is stored and seen.
    fn says(&mut self, record: Record) {
        self.sequence += 1;
        let now = self.clock.instant();
        self.roster.saw(record.id, Some(record), self.sequence, now);
        self.roster.passes(self.sequence, now);
    }

    /// This process writes its own record, which comes back.
    fn barrier(&mut self, applied: u64) {
        let sent_at = self.clock.instant();
        self.says(record(1, applied));
        self.roster.wrote(self.sequence, sent_at);
    }

    fn proof(&self, sequence: u64) -> (bool, Vec<MemberState>) {
        let proof = self.roster.proof(&at(sequence));
        assert_eq!(
            proof.unproven,
            proof.members.iter().filter(|member| member.state == MemberState::Unproven).count()
        );
        (proof.complete, proof.members.into_iter().map(|member| member.state).collect())
    }
}

use MemberState::{Applied, Fenced, Unproven};

#[test]
fn nothing_is_claimed_before_the_first_barrier() {
    let mut fixture = Fixture::new();
    fixture.says(record(1, 5));
    assert_eq!(fixture.proof(5), (false, vec![Applied]));
    fixture.barrier(5);
    assert_eq!(fixture.proof(5), (true, vec![Applied]));
}

#[test]
fn each_member_that_lets_somebody_in_must_have_applied() {
    let mut fixture = Fixture::new();
    fixture.says(record(2, 4));
    fixture.says(Record { roles: vec![Role::Worker], ..record(3, 0) });
    fixture.barrier(5);
    assert_eq!(fixture.proof(5), (false, vec![Applied, Unproven]));
    fixture.says(record(2, 5));
    assert_eq!(fixture.proof(5), (true, vec![Applied, Applied]));
    let elsewhere = Position { log: LogId::new(id(8)), ..at(1) };
    assert!(!fixture.roster.proof(&elsewhere).complete, "another log's position was never applied");
}

#[test]
fn a_silent_member_is_fenced_by_a_barrier_after_lease_and_staleness() {
    let mut fixture = Fixture::new();
    fixture.says(record(2, 4));
    // 70 s, a hundredth of them, and the second in which open streams end.
    fixture.moves_on(71_699);
    fixture.barrier(5);
    assert_eq!(fixture.proof(5), (false, vec![Applied, Unproven]));
    fixture.moves_on(1);
    assert_eq!(fixture.proof(5), (false, vec![Applied, Unproven]), "no barrier yet");
    fixture.barrier(5);
    assert_eq!(fixture.proof(5), (true, vec![Applied, Fenced]));
    fixture.says(record(2, 4));
    assert_eq!(fixture.proof(5), (false, vec![Applied, Unproven]), "it is back");
}

#[test]
fn to_be_told_the_same_again_is_no_sign_of_life() {
    let mut fixture = Fixture::new();
    fixture.says(record(2, 4));
    let stored = fixture.sequence;
    fixture.moves_on(71_700);
    fixture.roster.opened();
    fixture.roster.saw(id(2), Some(record(2, 4)), stored, fixture.clock.instant());
    fixture.roster.passes(stored, fixture.clock.instant());
    fixture.moves_on(1);
    fixture.barrier(5);
    assert_eq!(fixture.proof(5), (true, vec![Applied, Fenced]));
}

/// Member 2's first version is replaced before it was seen, and its second comes after the barrier's own.
#[test]
fn a_member_that_only_a_gap_tells_of_is_waited_for() {
    let mut fixture = Fixture::new();
    let sent_at = fixture.clock.instant();
    let (first, own, second) = (fixture.sequence + 1, fixture.sequence + 2, fixture.sequence + 3);
    fixture.moves_on(1);
    assert!(first < own);
    fixture.roster.saw(id(1), Some(record(1, 5)), own, fixture.clock.instant());
    fixture.roster.passes(own, fixture.clock.instant());
    fixture.roster.wrote(own, sent_at);
    assert_eq!(fixture.proof(5), (false, vec![Applied]), "something is missing");
    fixture.roster.saw(id(2), Some(record(2, 4)), second, fixture.clock.instant());
    fixture.roster.passes(second, fixture.clock.instant());
    fixture.sequence = second;
    fixture.moves_on(1);
    fixture.barrier(5);
    assert_eq!(fixture.proof(5), (false, vec![Applied, Unproven]));
}

#[test]
fn an_own_write_counts_once_it_has_come_back() {
    let mut fixture = Fixture::new();
    let (own, sent_at) = (fixture.sequence + 1, fixture.clock.instant());
    fixture.roster.wrote(own, sent_at);
    assert_eq!(fixture.roster.complete_as_of(), None);
    fixture.says(record(1, 5));
    assert_eq!(fixture.roster.complete_as_of(), Some(sent_at));
}

#[test]
fn who_has_ended_is_not_waited_for() {
    let mut fixture = Fixture::new();
    fixture.says(record(2, 4));
    fixture.sequence += 1;
    fixture.roster.ended(id(2));
    fixture.roster.passes(fixture.sequence, fixture.clock.instant());
    fixture.barrier(5);
    assert_eq!(fixture.proof(5), (true, vec![Applied]));
}

#[test]
fn a_member_that_serves_however_old_it_is_makes_it_never_complete() {
    let mut fixture = Fixture::new();
    fixture.says(Record { on_stale: OnStale::Serve, ..record(2, 5) });
    fixture.moves_on(1_000_000);
    fixture.barrier(5);
    let proof = fixture.roster.proof(&at(5));
    assert!(!proof.complete);
    assert!(proof.why_never.unwrap().contains("node-2"));
}

#[test]
fn a_member_that_can_not_be_read_is_never_proven() {
    let mut fixture = Fixture::new();
    fixture.sequence += 1;
    fixture.roster.saw(id(2), None, fixture.sequence, fixture.clock.instant());
    fixture.roster.passes(fixture.sequence, fixture.clock.instant());
    fixture.moves_on(1_000_000);
    fixture.barrier(5);
    assert_eq!(fixture.proof(5), (false, vec![Applied, Unproven]));
}

#[test]
fn what_a_living_member_can_not_read_is_named() {
    let mut fixture = Fixture::new();
    let reads = |version| BTreeMap::from([("key.issued".to_owned(), version)]);
    fixture.says(Record { reads: reads(2), ..record(1, 0) });
    fixture.says(Record { reads: reads(1), roles: vec![Role::Worker], ..record(2, 0) });
    let too_old = |fixture: &Fixture, version| {
        let too_old = fixture.roster.too_old("key.issued", version, fixture.clock.instant());
        too_old.map(|too_old| too_old.reader)
    };
    assert_eq!(too_old(&fixture, 1), None);
    assert_eq!(too_old(&fixture, 2).as_deref(), Some("node-2"));
    assert!(fixture.roster.too_old("key.leased", 1, fixture.clock.instant()).is_some(), "an unknown kind");
    fixture.moves_on(80_000);
    fixture.says(Record { reads: reads(2), ..record(1, 0) });
    assert_eq!(too_old(&fixture, 2), None, "the other is gone");
}
