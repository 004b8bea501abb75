//! When the gate is open.

use std::time::Duration;

use events::clock::{Clock, ManualClock};
use events::envelope::UnreadableReason;
use events::log::{Quorum, StreamInfo};
use events::tlog::{Hash, Unsigned};
use events::{Owner, Subject, UnreadableCause};
use proptest::prelude::*;

use super::*;
use crate::directory::freshness::{Answered, Freshness, Question, clock_offset_millis};
use crate::directory::gate::{Gate, GateConfig, NotReady, OnStale};
use crate::directory::proof::Attested;

struct Fixture {
    clock: Arc<ManualClock>,
    directory: Arc<Directory>,
    gate: Arc<Gate>,
}

fn gate(config: GateConfig) -> Fixture {
    let clock = Arc::new(ManualClock::new("2026-11-24T08:00:00Z".parse().unwrap()));
    let directory = Arc::new(Directory::new());
    let gate = Arc::new(Gate::new(Arc::clone(&directory), clock.clone(), config));
    gate.attested(Vec::new()).unwrap();
    Fixture { clock, directory, gate }
}

impl Fixture {
    fn apply(&self, read: &Read) {
        step(&self.directory, read);
        self.gate.advance(self.directory.applied());
    }

    fn ask(&self, last_sequence: u64) -> Answered {
        let question = self.gate.question();
        self.gate.answered(&question, &self.info(last_sequence, Quorum::Single))
    }

    fn info(&self, last_sequence: u64, quorum: Quorum) -> StreamInfo {
        StreamInfo {
            last_sequence,
            messages: last_sequence,
            server_time: self.clock.now(),
            asked_at: self.clock.instant(),
            quorum,
        }
    }

    fn caught_up(config: GateConfig) -> Self {
        let fixture = gate(config);
        assert!(fixture.gate.follows(LOG));
        fixture.apply(&of_organization(1, organization(1), created("acme")));
        fixture.ask(1);
        fixture
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn it_opens_once_what_the_leader_named_is_applied() {
    let fixture = gate(GateConfig::default());
    fixture.gate.follows(LOG);
    assert_eq!(fixture.ask(2), Answered::Behind(2));
    fixture.apply(&of_organization(1, organization(1), created("acme")));
    assert_eq!(fixture.gate.check(), Err(NotReady::Starting { applied: 1, target: 2 }));
    fixture.apply(&of_organization(2, organization(1), suspended()));
    assert_eq!(fixture.gate.check(), Ok(()));
}

#[test]
fn from_half_of_its_bound_on_it_says_how_old_it_is() {
    let fixture = Fixture::caught_up(GateConfig::default());
    fixture.clock.advance(seconds(29));
    assert_eq!(fixture.gate.aging(), None);
    fixture.clock.advance(seconds(16));
    assert_eq!(fixture.gate.check(), Ok(()));
    let told = fixture.gate.aging().unwrap().to_string();
    assert_eq!(told, "what is known of the log was last confirmed 45 s ago, stops at 60 s");
    fixture.ask(1);
    assert_eq!(fixture.gate.aging(), None);
    assert_eq!(gate(GateConfig::default()).gate.aging(), None, "nothing is known yet");

    let serves = Fixture::caught_up(GateConfig { on_stale: OnStale::Serve, ..GateConfig::default() });
    serves.clock.advance(seconds(75));
    let told = serves.gate.aging().unwrap().to_string();
    assert!(told.contains("75 s ago, stale at 60 s and served all the same"), "{told}");
}

#[test]
fn it_says_how_much_of_a_snapshot_is_loaded() {
    let fixture = gate(GateConfig::default());
    fixture.gate.loading(Some((10, 30)));
    assert_eq!(fixture.gate.check(), Err(NotReady::Loading { loaded: 10, size: 30 }));
    fixture.gate.loading(None);
    assert_eq!(fixture.gate.check(), Err(NotReady::Starting { applied: 0, target: 0 }));
}

#[test]
fn an_empty_log_opens_nothing() {
    let fixture = gate(GateConfig::default());
    fixture.gate.not_bootstrapped();
    assert_eq!(fixture.ask(0), Answered::Empty);
    assert_eq!(fixture.gate.check(), Err(NotReady::NotBootstrapped));
    fixture.gate.follows(LOG);
    fixture.ask(0);
    assert!(matches!(fixture.gate.check(), Err(NotReady::Starting { .. })));
}

#[test]
fn it_closes_after_max_staleness_and_opens_with_the_next_answer() {
    let fixture = Fixture::caught_up(GateConfig::default());
    fixture.clock.advance(seconds(60));
    assert_eq!(fixture.gate.check(), Ok(()));
    fixture.clock.advance(Duration::from_millis(1));
    assert!(matches!(fixture.gate.check(), Err(NotReady::Stale { .. })));
    fixture.ask(1);
    assert_eq!(fixture.gate.check(), Ok(()));
}

#[test]
fn an_answer_that_is_not_applied_makes_nothing_younger() {
    let fixture = Fixture::caught_up(GateConfig::default());
    fixture.clock.advance(seconds(50));
    fixture.ask(9);
    fixture.clock.advance(seconds(11));
    assert!(matches!(fixture.gate.check(), Err(NotReady::Stale { .. })));
}

#[test]
fn age_counts_from_before_the_question() {
    let fixture = Fixture::caught_up(GateConfig::default());
    let question = fixture.gate.question();
    fixture.clock.advance(seconds(61));
    fixture.gate.answered(&question, &fixture.info(1, Quorum::Single));
    assert!(matches!(fixture.gate.check(), Err(NotReady::Stale { .. })));
}

#[test]
fn a_log_shorter_than_what_was_applied_proves_nothing() {
    let fixture = Fixture::caught_up(GateConfig::default());
    fixture.apply(&of_organization(2, organization(1), suspended()));
    fixture.clock.advance(seconds(61));
    assert_eq!(fixture.ask(1), Answered::Shorter);
    assert!(matches!(fixture.gate.check(), Err(NotReady::Stale { .. })));
}

#[test]
fn an_answer_without_a_majority_proves_nothing() {
    let fixture = Fixture::caught_up(GateConfig::default());
    fixture.clock.advance(seconds(61));
    let lost = fixture.info(1, Quorum::Lost { heard: 1, of: 3 });
    assert_eq!(fixture.gate.answered(&fixture.gate.question(), &lost), Answered::NoMajority);
    assert!(matches!(fixture.gate.check(), Err(NotReady::Stale { .. })));
}

#[test]
fn age_counts_from_when_the_majority_spoke() {
    let fixture = Fixture::caught_up(GateConfig::default());
    fixture.clock.advance(seconds(10));
    let heard_ago = Duration::from_millis(1_500);
    let info = fixture.info(1, Quorum::Majority { heard_ago });
    assert_eq!(fixture.gate.answered(&fixture.gate.question(), &info), Answered::Fresh);
    // It may have spoken a second before it was heard.
    assert_eq!(fixture.gate.age(), Some(heard_ago + seconds(1)));
}

#[test]
fn it_goes_on_and_says_so_when_told_to_serve() {
    let fixture = Fixture::caught_up(GateConfig { on_stale: OnStale::Serve, ..GateConfig::default() });
    assert_eq!(fixture.gate.serving_stale(), None);
    fixture.clock.advance(seconds(61));
    assert_eq!(fixture.gate.check(), Ok(()));
    assert_eq!(fixture.gate.serving_stale(), Some(seconds(61)));
    assert!(fixture.gate.status().serving_stale);
}

#[test]
fn clocks_too_far_apart_close_it_either_way() {
    let fixture = Fixture::caught_up(GateConfig::default());
    let ahead = fixture.clock.now().saturating_add(seconds(11));
    let question = fixture.gate.question();
    let told = |server_time| StreamInfo { server_time, ..fixture.info(1, Quorum::Single) };
    fixture.gate.answered(&question, &told(ahead));
    assert_eq!(fixture.gate.check(), Err(NotReady::ClockSkew { offset_millis: 11_000, max_millis: 10_000 }));
    fixture.ask(1);
    assert_eq!(fixture.gate.check(), Ok(()));
    fixture.gate.answered(&question, &told("2026-11-24T07:59:49Z".parse().unwrap()));
    assert!(matches!(fixture.gate.check(), Err(NotReady::ClockSkew { offset_millis: -11_000, .. })));
}

#[test]
fn a_slow_answer_is_no_skew() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let (asked, received) = (at("2026-11-24T08:00:00Z"), at("2026-11-24T08:00:20Z"));
    assert_eq!(clock_offset_millis(asked, at("2026-11-24T08:00:03Z"), received), 0);
    assert_eq!(clock_offset_millis(asked, at("2026-11-24T08:00:21Z"), received), 1_000);
    assert_eq!(clock_offset_millis(asked, at("2026-11-24T07:59:58Z"), received), -2_000);
}

#[test]
fn another_log_closes_it_for_good() {
    let fixture = Fixture::caught_up(GateConfig::default());
    fixture.gate.diverged("a reason".to_owned());
    fixture.ask(1);
    fixture.gate.not_bootstrapped();
    fixture.gate.follows(LOG);
    assert_eq!(fixture.gate.check(), Err(NotReady::Diverged("a reason".to_owned())));
}

#[test]
fn an_unreadable_event_of_the_installation_closes_it() {
    let fixture = Fixture::caught_up(GateConfig::default());
    let subject =
        Subject { aggregate_type: "cluster".parse().unwrap(), ..Subject::key(Owner::Installation, key(1)) };
    fixture.apply(&unreadable(2, subject.clone()));
    let cause = Some(UnreadableCause::Version);
    assert_eq!(fixture.gate.check(), Err(NotReady::InstallationClosed { sequence: 2, cause }));
    assert!(fixture.gate.check().unwrap_err().to_string().contains("upgrade this process"));
    // What somebody stored again is no newer version's.
    let Read::Unreadable(mut copy) = unreadable(3, subject) else { panic!("it can't be read") };
    copy.reason = UnreadableReason::OutOfPlace { previous: None, newest: None };
    fixture.apply(&Read::Unreadable(copy));
    let told = fixture.gate.check().unwrap_err().to_string();
    assert!(
        told.contains("event 3 ") && told.contains("stored it again") && !told.contains("upgrade"),
        "{told}"
    );
}

#[tokio::test]
async fn waiting_for_a_position_ends_when_it_is_applied_or_the_time_is_up() {
    let fixture = Fixture::caught_up(GateConfig::default());
    let position = |log, sequence| Position { log, shard: Shard::ZERO, sequence };
    assert!(fixture.gate.wait_applied(&position(LOG, 1), Duration::ZERO).await);
    assert!(!fixture.gate.wait_applied(&position(LOG, 2), Duration::from_millis(5)).await);
    let (gate, target) = (Arc::clone(&fixture.gate), position(LOG, 2));
    let (applied, ()) = tokio::join!(gate.wait_applied(&target, seconds(30)), async {
        tokio::task::yield_now().await;
        fixture.apply(&of_organization(2, organization(1), suspended()));
    });
    assert!(applied);
    let other = LogId::new(Uuid::from_u128(1));
    assert!(!fixture.gate.wait_applied(&position(other, 1), Duration::from_millis(5)).await);
}

proptest! {
    /// Whatever order questions, answers and messages come in, and however long a leader has been left behind
    /// without knowing it: as fresh as of a moment only when all that the log held then is applied.
    #[test]
    fn freshness_never_claims_what_is_not_applied(
        steps in prop::collection::vec((0u8..6, 0usize..4), 1..200),
    ) {
        let start = ManualClock::new(Timestamp::UNIX_EPOCH);
        let mut freshness = Freshness::default();
        let (mut stored, mut applied) = (1u64, 0u64);
        let mut held = vec![(start.instant(), stored)];
        let mut asked: Vec<(Question, u64, Quorum)> = Vec::new();
        for (step, seconds_ago) in steps {
            start.advance(seconds(1));
            match step {
                0 => stored += 1,
                1 if applied < stored => {
                    applied += 1;
                    freshness.applied(applied);
                }
                2 | 3 => {
                    let question = freshness.question(start.instant(), start.now());
                    // What was stored when a majority last spoke to the leader: it knows at least that. Their
                    // word was a second on its way.
                    let ago = seconds_ago.min(held.len() - 1);
                    let quorum = match (step, ago) {
                        (2, 0) => Quorum::Single,
                        (2, _) => Quorum::Majority { heard_ago: seconds(ago as u64 - 1) },
                        _ => Quorum::Lost { heard: 1, of: 3 },
                    };
                    let last = if ago == 0 { stored } else { held[held.len() - ago].1 };
                    asked.push((question, last, quorum));
                }
                4 if !asked.is_empty() => {
                    let (question, last, quorum) = asked.remove(0);
                    freshness.answered(&question, last, quorum);
                }
                _ => {}
            }
            held.push((start.instant(), stored));
            if let Some(as_of) = freshness.as_of() {
                let (_, then) = held.iter().find(|(at, _)| *at == as_of).unwrap();
                prop_assert!(applied >= *then, "fresh as of a moment at which {} were stored, {} applied", then, applied);
            }
        }
    }
}

fn of_a_fleet() -> Fixture {
    let fixture = gate(GateConfig { needs_lease: true, ..GateConfig::default() });
    fixture.gate.follows(LOG);
    fixture.apply(&of_organization(1, organization(1), created("acme")));
    fixture
}

#[test]
fn without_a_lease_nothing_is_proven() {
    let fixture = of_a_fleet();
    assert_eq!(fixture.ask(1), Answered::Unleased);
    assert_eq!(fixture.gate.check(), Err(NotReady::Unleased));
    // Asked before the lease began, answered after.
    let early = fixture.gate.question();
    fixture.clock.advance(seconds(1));
    fixture.gate.lease_renewed(fixture.clock.instant(), seconds(10));
    assert_eq!(fixture.gate.answered(&early, &fixture.info(1, Quorum::Single)), Answered::Unleased);
    assert_eq!(fixture.ask(1), Answered::Fresh);
    assert_eq!(fixture.gate.check(), Ok(()));
}

#[test]
fn it_closes_at_the_latest_max_staleness_after_the_lease() {
    let fixture = of_a_fleet();
    fixture.gate.lease_renewed(fixture.clock.instant(), seconds(10));
    // The log's leader answers all the while, and no renewal is acknowledged.
    for _ in 0..9 {
        fixture.clock.advance(seconds(1));
        assert_eq!(fixture.ask(1), Answered::Fresh);
    }
    fixture.clock.advance(seconds(1));
    assert_eq!(fixture.ask(1), Answered::Unleased);
    fixture.clock.advance(seconds(59));
    assert_eq!(fixture.gate.check(), Ok(()));
    fixture.clock.advance(seconds(1));
    assert_eq!(fixture.ask(1), Answered::Unleased);
    assert!(matches!(fixture.gate.check(), Err(NotReady::Stale { .. })));
    fixture.gate.lease_renewed(fixture.clock.instant(), seconds(10));
    fixture.ask(1);
    assert_eq!(fixture.gate.check(), Ok(()));
}

#[test]
fn with_its_lease_all_that_was_proven_under_it_is_lost() {
    let fixture = of_a_fleet();
    fixture.gate.lease_renewed(fixture.clock.instant(), seconds(10));
    fixture.ask(1);
    fixture.ask(2);
    fixture.gate.lease_lost();
    assert!(matches!(fixture.gate.check(), Err(NotReady::Starting { .. })));
    // What waited for an event proves nothing any more.
    fixture.apply(&of_organization(2, organization(1), suspended()));
    assert_eq!(fixture.gate.check(), Err(NotReady::Unleased));
    fixture.gate.lease_renewed(fixture.clock.instant(), seconds(10));
    fixture.ask(2);
    assert_eq!(fixture.gate.check(), Ok(()));
}

/// In a cluster an answer speaks of the moment at which a majority last spoke to its leader.
#[test]
fn what_a_leader_last_knew_before_the_lease_proves_nothing() {
    let fixture = of_a_fleet();
    fixture.gate.lease_renewed(fixture.clock.instant(), seconds(10));
    fixture.clock.advance(Duration::from_millis(1_500));
    let told = |heard_ago| {
        let info = fixture.info(1, Quorum::Majority { heard_ago });
        fixture.gate.answered(&fixture.gate.question(), &info)
    };
    assert_eq!(told(Duration::from_millis(501)), Answered::Unleased);
    assert_eq!(told(Duration::from_millis(500)), Answered::Fresh);
}

#[test]
fn a_log_that_ends_before_a_checkpoint_never_opens() {
    let fixture = gate(GateConfig::default());
    assert!(fixture.gate.follows(LOG));
    let attested = |size| Attested {
        size,
        root: Hash::leaf(b"one"),
        unsigned: Unsigned::Untold,
        place: "the vault".to_owned(),
    };
    fixture.gate.attested(vec![attested(2)]).unwrap();
    fixture.gate.read(Hash::leaf(b"one")).unwrap();
    fixture.apply(&of_organization(1, organization(1), created("acme")));
    assert_eq!(fixture.ask(1), Answered::Fresh);
    assert!(matches!(fixture.gate.check(), Err(NotReady::Starting { .. })));
    assert!(fixture.gate.ends_at(&fixture.info(1, Quorum::Single)).is_err());
    // What it has not read yet may be the rest.
    assert!(fixture.gate.ends_at(&fixture.info(2, Quorum::Single)).is_ok());

    let complete = gate(GateConfig::default());
    assert!(complete.gate.follows(LOG));
    complete.gate.attested(vec![attested(1)]).unwrap();
    complete.gate.read(Hash::leaf(b"one")).unwrap();
    complete.apply(&of_organization(1, organization(1), created("acme")));
    complete.ask(1);
    assert!(complete.gate.check().is_ok());
}
