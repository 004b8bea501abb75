//! What the roster claims, and what it does not.

use std::time::Duration;

use events::clock::{Clock, ManualClock, SystemClock};
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

pub fn record(number: u128, applied: u64) -> Record {
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
        lacks: None,
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
        self.barrier_of(record(1, applied));
    }

    fn barrier_of(&mut self, record: Record) {
        let sent_at = self.clock.instant();
        self.says(record);
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
fn who_died_before_this_process_began_was_never_heard_by_it() {
    let mut fixture = Fixture::new();
    fixture.says(record(2, 0));
    fixture.barrier(0);
    fixture.says(record(3, 0));
    fixture.moves_on(4_000);
    let heard = |fixture: &Fixture| -> Vec<_> {
        let now = fixture.clock.instant();
        fixture.roster.members().iter().map(|member| member.silent_for(now).map(|it| it.as_secs())).collect()
    };
    assert_eq!(heard(&fixture), [Some(4), None, Some(4)], "its record may have lain there");
    fixture.says(record(2, 1));
    assert_eq!(heard(&fixture), [Some(4), Some(0), Some(4)]);
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
    fixture.barrier_of(Record { reads: reads(2), ..record(1, 0) });
    let can_read =
        |fixture: &Fixture, kind, version| fixture.roster.can_read(kind, version, fixture.clock.instant());
    let too_old = |fixture: &Fixture, version| match can_read(fixture, "key.issued", version) {
        Err(Unreadable::TooOld(too_old)) => Some(too_old.reader),
        Err(Unreadable::NotKnown) | Ok(()) => None,
    };
    assert_eq!(too_old(&fixture, 1), None);
    assert_eq!(too_old(&fixture, 2).as_deref(), Some("node-2"));
    assert!(can_read(&fixture, "key.leased", 1).is_err(), "an unknown kind");
    fixture.moves_on(80_000);
    fixture.says(Record { reads: reads(2), ..record(1, 0) });
    assert_eq!(too_old(&fixture, 2), None, "the other is gone");
}

/// An empty roster does not say that nobody is too old.
#[test]
fn before_the_first_barrier_it_is_not_known_who_reads_more_than_the_first_versions() {
    let mut roster = Roster::default();
    let now = SystemClock.instant();
    assert_eq!(roster.can_read("key.issued", 1, now), Ok(()));
    assert_eq!(roster.can_read("key.issued", 2, now), Err(Unreadable::NotKnown));
    roster.passes(1, now);
    roster.wrote(1, now);
    assert_eq!(roster.can_read("key.issued", 2, now), Ok(()));
}

#[test]
fn who_has_been_gone_for_longer_than_the_bucket_keeps_it_is_forgotten() {
    let mut fixture = Fixture::new();
    fixture.says(record(2, 4));
    fixture.says(Record { roles: vec![Role::Worker], on_stale: OnStale::Serve, ..record(3, 0) });
    fixture.says(Record { on_stale: OnStale::Serve, ..record(4, 0) });
    let ids = |fixture: &mut Fixture| {
        fixture.barrier(5);
        fixture.roster.measure(fixture.clock.instant());
        fixture.roster.members().iter().map(|member| member.id.as_u128()).collect::<Vec<_>>()
    };
    fixture.moves_on(25 * 60 * 60 * 1_000);
    assert_eq!(ids(&mut fixture), [1, 2, 3, 4]);
    fixture.moves_on(71_700);
    assert_eq!(ids(&mut fixture), [1, 4], "one that serves may be there");
}

#[test]
fn many_that_died_make_no_fleet_that_is_too_large() {
    let mut fixture = Fixture::new();
    let many = u128::try_from(MAX_MEMBERS).unwrap();
    for number in 2..=many {
        fixture.says(record(number, 5));
    }
    fixture.moves_on(71_700);
    fixture.barrier(5);
    fixture.says(record(many + 1, 5));
    assert_eq!(fixture.proof(5), (true, vec![Applied; 2]), "the dead make room");
    // More than that alive: nothing is claimed until some are gone and all is read anew.
    for number in many + 2..=2 * many {
        fixture.says(record(number, 5));
    }
    assert!(!fixture.roster.proof(&at(5)).complete && !fixture.roster.has_room_again());
    fixture.moves_on(71_700);
    fixture.barrier(5);
    assert!(!fixture.roster.proof(&at(5)).complete);
    assert!(fixture.roster.has_room_again());
    fixture.roster.opened();
    fixture.barrier(5);
    fixture.moves_on(1);
    fixture.barrier(5);
    assert!(fixture.roster.proof(&at(5)).complete);
}

/// The bucket was made anew: its sequences begin again, and an acknowledgement of the old one never comes back.
#[test]
fn a_write_that_never_comes_back_holds_up_no_later_one() {
    let mut fixture = Fixture::new();
    fixture.roster.wrote(1_000_000, fixture.clock.instant());
    fixture.roster.opened();
    fixture.sequence = 0;
    fixture.barrier(5);
    fixture.moves_on(1);
    let sent_at = fixture.clock.instant();
    fixture.barrier(5);
    assert_eq!(fixture.roster.complete_as_of(), Some(sent_at));
}

#[test]
fn a_member_that_has_died_is_left_out_of_how_long_a_change_takes() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let _counting = metrics::set_default_local_recorder(&recorder);
    let mut fixture = Fixture::new();
    fixture.says(record(2, 4));
    fixture.says(record(3, 4));
    fixture.roster.acknowledged(at(5), fixture.clock.instant());
    fixture.moves_on(20);
    fixture.says(record(1, 5));
    fixture.moves_on(30);
    fixture.says(record(2, 5));
    // The third is heard no more: it is waited for as long as it may live.
    for _ in 0..12 {
        fixture.moves_on(1_000);
        fixture.says(record(1, 5));
        fixture.says(record(2, 5));
        fixture.roster.measure(fixture.clock.instant());
    }
    let told = recorder.handle().render();
    assert!(told.contains("keyledger_fleet_applied_seconds_sum 0.05\n"), "{told}");
    assert!(told.contains("keyledger_fleet_unproven_commands 0\n"), "{told}");
}
