//! `wait=fleet` over a roster that the test feeds: what is answered when, and that nothing hides the command.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use events::clock::{Clock, SystemClock};
use events::position::Frontier;
use events::{KeyId, LogId, OrganizationId, Owner, Position, Shard};
use projections::directory::gate::OnStale;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::super::bounds::Seat;
use super::super::wait::{Asker, PositionFrom, Wait};
use super::*;
use crate::config::Role;
use crate::fleet::{Proof, Record};
use crate::request::PrincipalId;

const OPERATOR: Asker =
    Asker { owner: Owner::Installation, principal: PrincipalId::Key(KeyId::new(Uuid::from_u128(1))) };
/// What nothing in these tests takes.
const LONG: Duration = Duration::from_secs(20);

/// An API, and the bucket that its roster follows.
#[derive(Clone)]
struct World {
    api: ApiState,
    /// Of the bucket's last change.
    sequence: Arc<AtomicU64>,
}

fn world(max_waiting: usize) -> World {
    let settings = ApiSettings {
        max_waiting,
        ..ApiSettings::new(Prefix::live(), &"https://mcp.example.com".parse().unwrap())
    };
    World { api: state(settings), sequence: Arc::default() }
}

fn position() -> Position {
    Position { log: LogId::new(Uuid::from_u128(7)), shard: Shard::ZERO, sequence: 10 }
}

/// A node that has applied the log up to this sequence.
fn member(id: u128, applied: u64) -> Record {
    let mut frontier = Frontier::start(position().log);
    frontier.advance(Shard::ZERO, applied);
    Record {
        id: Uuid::from_u128(id),
        name: format!("node-{id}"),
        roles: vec![Role::Node],
        version: "0.1.0".to_owned(),
        frontier: Some(frontier),
        fresh_age_millis: Some(1),
        ready: true,
        reason: None,
        lacks: None,
        clock_offset_millis: 0,
        reads: [].into(),
        on_stale: OnStale::Refuse,
        max_staleness_millis: 60_000,
        lease_millis: 10_000,
        started_at: SystemClock.now(),
    }
}

impl World {
    /// The bucket has this record as its next change.
    fn store(&self, record: Record) {
        let (sequence, now) = (self.next(), SystemClock.instant());
        self.api.fleet.tell(|roster| {
            roster.saw(record.id, Some(record), sequence, now);
            roster.passes(sequence, now);
        });
    }

    /// Confirms the roster whenever that is wished for, as control does by writing its own record.
    fn confirm(&self) -> JoinSet<()> {
        let world = self.clone();
        let mut confirming = JoinSet::new();
        confirming.spawn(async move {
            loop {
                world.api.fleet.wished().await;
                let (sequence, now) = (world.next(), SystemClock.instant());
                world.api.fleet.tell(|roster| {
                    roster.wrote(sequence, now);
                    roster.passes(sequence, now);
                });
            }
        });
        confirming
    }

    fn next(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed) + 1
    }

    async fn prove(&self, timeout: Duration) -> (FleetProof, Duration) {
        let asked = SystemClock.instant();
        let proof = self
            .api
            .prove(OPERATOR, &wait(timeout), &position(), PositionFrom::Acknowledged, |_| false)
            .await;
        (proof, asked.elapsed())
    }
}

fn wait(timeout: Duration) -> Wait {
    let slot = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    Wait { seat: Seat::new(slot, SystemClock.instant() + LONG), timeout }
}

fn states(proof: &FleetProof) -> Vec<MemberState> {
    proof.members.iter().map(|member| member.state).collect()
}

#[tokio::test]
async fn it_is_complete_when_the_last_member_says_so() {
    let world = world(1);
    let _confirming = world.confirm();
    world.store(member(1, 10));
    world.store(member(2, 9));
    let mut late = JoinSet::new();
    late.spawn({
        let (world, mut changed) = (world.clone(), Box::pin(world.api.fleet.changed()));
        async move {
            // After the question.
            changed.as_mut().await;
            world.store(member(2, 10));
        }
    });
    let (proof, took) = world.prove(LONG).await;
    assert!(took < LONG, "{took:?}");
    assert_eq!((proof.complete, proof.unproven, proof.note.as_deref()), (true, 0, None));
    assert_eq!(states(&proof), [MemberState::Applied; 2]);
    let [first, second] = &proof.members[..] else { panic!("{proof:?}") };
    assert_eq!(first.name.as_deref(), Some("node-1"));
    assert!(first.after_seconds <= second.after_seconds && second.after_seconds.is_some(), "{proof:?}");
}

#[tokio::test]
async fn who_does_not_show_in_time_is_named_and_fenced_later() {
    let world = world(1);
    let _confirming = world.confirm();
    world.store(member(1, 10));
    world.store(Record { lease_millis: 100, max_staleness_millis: 100, ..member(2, 9) });
    let (proof, _) = world.prove(Duration::from_millis(50)).await;
    assert_eq!((proof.complete, proof.unproven, proof.never), (false, 1, false));
    assert_eq!(states(&proof), [MemberState::Applied, MemberState::Unproven]);
    let note = proof.note.unwrap();
    assert!(note.contains("is done") && note.contains(&position().to_string()), "{note}");
    let mut heartbeat = JoinSet::new();
    heartbeat.spawn({
        let api = world.api.clone();
        // Control renews its own record also when nobody asks.
        async move {
            loop {
                tokio::time::sleep(Duration::from_millis(50)).await;
                let _ = api.fleet.barrier().await;
            }
        }
    });
    let (proof, took) = world.prove(LONG).await;
    assert_eq!(states(&proof), [MemberState::Applied, MemberState::Fenced]);
    assert!(proof.complete && took > Duration::from_millis(500), "{took:?}");
}

#[tokio::test]
async fn a_member_that_never_stops_makes_it_never_complete() {
    let world = world(1);
    let _confirming = world.confirm();
    world.store(Record { on_stale: OnStale::Serve, ..member(1, 10) });
    let (proof, took) = world.prove(LONG).await;
    assert!(took < LONG, "nothing is waited for that can't come: {took:?}");
    assert_eq!((proof.complete, proof.unproven, proof.never), (false, 0, true));
    assert!(proof.note.unwrap().contains("on_stale"));
}

#[tokio::test]
async fn a_roster_that_nobody_confirms_proves_nothing() {
    let world = world(1);
    world.store(member(1, 10));
    let (proof, _) = world.prove(Duration::from_millis(50)).await;
    assert!(!proof.complete);
    let note = proof.note.unwrap();
    assert!(note.contains("is done") && note.contains("can't be asked"), "{note}");
}

#[tokio::test]
async fn who_may_not_wait_is_told_at_once_that_it_is_done() {
    let world = world(0);
    let _confirming = world.confirm();
    world.store(member(1, 10));
    let (proof, took) = world.prove(LONG).await;
    assert!(!proof.complete && took < LONG, "{took:?}");
    assert!(proof.note.unwrap().contains("is done"));
}

#[tokio::test]
async fn nobody_is_waited_for_when_the_process_ends_or_the_answer_is_due() {
    let world = world(1);
    let _confirming = world.confirm();
    world.store(member(1, 9));
    let due = SystemClock.instant() + Duration::from_millis(1_100);
    let slot = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    let wait = Wait { seat: Seat::new(slot, due), timeout: LONG };
    let proof =
        world.api.prove(OPERATOR, &wait, &position(), PositionFrom::Acknowledged, |_: &Proof| false).await;
    assert!(!proof.complete && SystemClock.instant() < due, "the answer is under way before it is due");
    world.api.ending.cancel();
    let (proof, took) = world.prove(LONG).await;
    assert!(!proof.complete && took < LONG, "{took:?}");
    assert!(proof.note.unwrap().contains("ends"));
}

#[tokio::test]
async fn an_organization_is_told_no_names_of_machines() {
    let world = world(1);
    let _confirming = world.confirm();
    world.store(member(1, 10));
    let owner = Owner::Organization(OrganizationId::new(Uuid::from_u128(3)));
    let tenant = Asker { owner, ..OPERATOR };
    let proof =
        world.api.prove(tenant, &wait(LONG), &position(), PositionFrom::Acknowledged, |_| false).await;
    assert!(proof.complete && proof.members[0].name.is_none() && proof.members[0].id == Uuid::from_u128(1));
}

/// Whoever names a position may name one that is stored only after the roster was confirmed: a member that joined in
/// between is not in it.
#[tokio::test]
async fn a_position_that_may_not_be_stored_yet_is_not_proven() {
    let world = world(1);
    let _confirming = world.confirm();
    world.store(member(1, 10));
    let wait = wait(Duration::from_millis(50));
    let proof = world.api.prove(OPERATOR, &wait, &position(), PositionFrom::Named, |_| false).await;
    assert!(!proof.complete, "{proof:?}");
    assert!(proof.note.unwrap().contains("not known here whether the command is done"));
}
