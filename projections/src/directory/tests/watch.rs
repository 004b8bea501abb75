//! Who is woken by what.

use std::future::poll_fn;
use std::task::{Context, Waker};
use std::time::Duration;

use async_trait::async_trait;
use events::clock::{Clock, SystemClock};
use events::log::{
    AppendError, Batch, FollowError, Follower, History, Known, Log, Quorum, ReadError, Stored, StreamInfo,
};
use events::position::Place;
use events::{MemberId, Owner, Subject};
use futures::StreamExt;
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::replay::{read, steps};
use super::*;
use crate::directory::follow::{self, FollowConfig};
use crate::directory::gate::{Gate, GateConfig, NotReady};
use crate::directory::proof::NoCheckpoints;
use crate::directory::{Part, Watch};

fn parts() -> Vec<Part> {
    let organizations = (0..3).map(|n| Part::Organization(organization(n)));
    organizations
        .chain((0..5).map(|n| Part::Key(key(n))))
        .chain((0..5).map(|n| Part::Server(server(n))))
        .chain((0..3).flat_map(|o| (0..5).flat_map(move |n| granted::parts(o, n))))
        .chain((0..5).map(|n| Part::Person(people::user(n))))
        .chain((0..5).map(|n| Part::Member(MemberId::of(organization(1), people::user(n)))))
        .chain((0..5).map(|n| Part::Issuer(issuers::issuer(n))))
        .collect()
}

fn generation(directory: &Directory, part: Part) -> Option<u64> {
    match part {
        Part::Key(id) => directory.key(id).map(|entry| entry.generation),
        Part::Organization(id) => directory.organization_generation(id),
        Part::Server(id) => directory.server_generation(id),
        Part::Client(id) => directory.client(id).map(|entry| entry.generation),
        Part::Approval(id) => directory.approval_by_id(id).map(|entry| entry.generation),
        Part::Consent(id) => directory.consent_by_id(id).map(|entry| entry.generation),
        Part::Grant(id) => directory.grant(id).map(|entry| entry.generation),
        Part::TokenKey(id) => directory.token_key(id).map(|entry| entry.generation),
        Part::Person(id) => directory.person(id).map(|entry| entry.generation),
        Part::Member(id) => directory.member_by_id(id).map(|entry| entry.generation),
        Part::Issuer(id) => directory.issuer(id).map(|entry| entry.generation),
    }
}

fn is_woken(watch: &Watch) -> bool {
    watch.poll_changed(&Context::from_waker(Waker::noop())).is_ready()
}

proptest! {
    #[test]
    fn whoever_watches_what_changes_is_woken_and_nobody_else(steps in steps(60)) {
        let directory = Directory::new();
        let watches: Vec<_> =
            parts().into_iter().map(|part| (part, directory.watch(Box::new([part])))).collect();
        for (place, it) in steps.into_iter().enumerate() {
            let before: Vec<_> = watches.iter().map(|(part, _)| generation(&directory, *part)).collect();
            let closed = directory.installation_closed_at();
            step(&directory, &read(place as u64 + 1, it));
            let all = directory.installation_closed_at() != closed;
            for ((part, watch), before) in watches.iter().zip(before) {
                let changed = generation(&directory, *part) != before;
                prop_assert_eq!(is_woken(watch), all || changed, "{:?}", part);
            }
        }
    }
}

#[test]
fn a_change_before_the_first_wait_is_told_and_told_once() {
    let owner = Owner::Organization(organization(1));
    let directory = replayed(&[of_key(1, owner, key(1), issued(digest(1), "mcp:*"))]);
    let watch = directory.watch(Box::new([Part::Organization(organization(1)), Part::Key(key(1))]));
    assert!(!is_woken(&watch));
    step(&directory, &of_key(2, owner, key(1), revoked()));
    assert!(watch.has_changed());
    assert!(!watch.has_changed() && !is_woken(&watch));
    assert_eq!(directory.watches.len(), 2);
    drop(watch);
    assert_eq!(directory.watches.len(), 0);
}

#[tokio::test]
async fn the_task_that_waits_is_woken() {
    let owner = Owner::Organization(organization(1));
    let directory = Arc::new(replayed(&[of_key(1, owner, key(1), issued(digest(1), "mcp:*"))]));
    let watch = directory.watch(Box::new([Part::Key(key(1))]));
    let mut wait = std::pin::pin!(poll_fn(|cx| watch.poll_changed(cx)));
    assert!(futures::poll!(wait.as_mut()).is_pending());
    let writer = Arc::clone(&directory);
    let writing = std::thread::spawn(move || step(&writer, &of_key(2, owner, key(1), revoked())));
    wait.await;
    assert_eq!(directory.applied(), 2, "whoever is woken goes by this");
    writing.join().unwrap();
}

/// Two events, and a leader that tells of them once and never answers again.
struct SoonSilent {
    answered: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl Log for SoonSilent {
    async fn id(&self) -> Result<LogId, ReadError> {
        Ok(LOG)
    }

    async fn append(&self, _: Batch) -> Result<Position, AppendError> {
        Err(AppendError::Refused("read alone".to_owned()))
    }

    async fn history_after(&self, _: &Subject, _: Known) -> Result<History, ReadError> {
        Ok(History::default())
    }

    async fn message(&self, _: u64) -> Result<Option<Stored>, ReadError> {
        Ok(None)
    }

    async fn info(&self) -> Result<StreamInfo, ReadError> {
        if self.answered.swap(true, std::sync::atomic::Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        let (server_time, asked_at) = (SystemClock.now(), SystemClock.instant());
        Ok(StreamInfo { last_sequence: 1, messages: 1, server_time, asked_at, quorum: Quorum::Single })
    }

    async fn follow(&self, _: Option<Place>) -> Result<Follower, FollowError> {
        let foreign = Stored {
            sequence: 1,
            subject: "kl.events.0._.x.y".to_owned(),
            stored_at: SystemClock.now(),
            payload: "{}".into(),
        };
        Ok(futures::stream::iter([Ok(foreign)]).chain(futures::stream::pending()).boxed())
    }
}

#[tokio::test]
async fn everybody_is_woken_when_age_alone_closes_the_gate() {
    let (directory, clock) = (Arc::new(Directory::new()), Arc::new(SystemClock));
    let config = GateConfig { max_staleness: Duration::from_millis(200), ..GateConfig::default() };
    let gate = Arc::new(Gate::new(Arc::clone(&directory), clock.clone(), config));
    let cancel = CancellationToken::new();
    let log = Arc::new(SoonSilent { answered: false.into() });
    let following = follow::run(
        log,
        Arc::new(NoCheckpoints),
        Arc::clone(&directory),
        Arc::clone(&gate),
        clock,
        FollowConfig::default(),
        cancel.clone(),
    );
    let watching = async {
        while gate.check().is_err() {
            tokio::task::yield_now().await;
        }
        let watch = directory.watch(Box::new([Part::Key(key(1))]));
        poll_fn(|cx| watch.poll_changed(cx)).await;
        assert!(matches!(gate.check(), Err(NotReady::Stale { .. })));
        cancel.cancel();
    };
    tokio::join!(following, watching);
}

#[test]
fn everybody_is_woken_when_another_part_of_the_process_holds_the_gate() {
    let directory = Arc::new(Directory::new());
    let gate = Gate::new(Arc::clone(&directory), Arc::new(SystemClock), GateConfig::default());
    let watch = directory.watch(Box::new([Part::Key(key(1))]));
    gate.hold(Some("it knows better".to_owned()));
    assert!(is_woken(&watch));
}
