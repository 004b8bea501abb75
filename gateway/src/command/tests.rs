//! A command whose task panics: a bug, which takes nothing with it but that command.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use domain::Server;
use domain::server::{Command, SettingsChange};
use events::clock::{SystemClock, SystemRandom};
use events::log::{
    AppendError, Batch, FollowError, Follower, History, Known, Log, ReadError, Stored, StreamInfo,
};
use events::position::Place;
use events::server::UpstreamSettings;
use events::{LogId, Position, ServerId, SignerId, SigningKey};
use futures::FutureExt;
use futures::future::join_all;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use projections::directory::Directory;

use super::*;
use crate::config::Organizations;
use crate::vault::VaultName;
use crate::vault::tests::vault;

/// A log whose first reads panic, and which nobody reaches after that.
struct Breaks(AtomicUsize);

fn gone() -> ReadError {
    ReadError::Unavailable("nobody is there".to_owned())
}

#[async_trait]
impl Log for Breaks {
    /// Every command asks for it first.
    async fn id(&self) -> Result<LogId, ReadError> {
        // Others come to wait for their turn.
        tokio::task::yield_now().await;
        let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        assert!(left.is_err(), "as the test asked");
        Err(gone())
    }

    async fn append(&self, _: Batch) -> Result<Position, AppendError> {
        Err(AppendError::Unavailable("nobody is there".to_owned()))
    }

    async fn history_after(&self, _: &Subject, _: Known) -> Result<History, ReadError> {
        Err(gone())
    }

    async fn message(&self, _: u64) -> Result<Option<Stored>, ReadError> {
        Err(gone())
    }

    async fn info(&self) -> Result<StreamInfo, ReadError> {
        Err(gone())
    }

    async fn follow(&self, _: Option<Place>) -> Result<Follower, FollowError> {
        Err(FollowError::Unavailable("nobody is there".to_owned()))
    }
}

fn writer() -> SigningKey {
    SigningKey::from_seed(SignerId::new(Uuid::from_u128(1)), &[1; 32]).unwrap()
}

struct Somebody;

impl Sender for Somebody {
    type Denied = Infallible;

    fn actor(&self) -> Actor {
        Actor::bootstrap()
    }

    fn authority(&self) -> Result<Authority, Infallible> {
        Ok(Authority::Whole)
    }
}

struct World {
    commands: Commands,
    owner: Owner,
    /// What this thread counts.
    counted: PrometheusHandle,
}

/// Where an organization has room for one server, and so many reads panic.
async fn world(panics: usize, counted: PrometheusHandle) -> World {
    crate::crypto::install();
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let (_entries, people) = vault(VaultName::People, 1);
    let sealing = SealingKeys::new(people, clock.clone(), random.clone());
    let owner = Owner::Organization(OrganizationId::new(Uuid::from_u128(10)));
    sealing.get_or_create(owner).await.unwrap();
    let bounds = Organizations { max_servers: 1, ..Organizations::default() };
    let commands = Commands::new(CommandParts {
        dispatcher: Dispatcher::new(
            Arc::new(Breaks(AtomicUsize::new(panics))),
            Arc::new(writer()),
            random.clone(),
        ),
        allowance: Some(Allowance::new(Arc::new(Directory::new()), bounds)),
        sealing,
        clock,
        random,
    });
    World { commands, owner, counted }
}

impl World {
    /// Registers another server each time; what that comes to.
    async fn register(&self) -> String {
        let subject = |id| Subject::server(organization(self.owner), ServerId::new(id));
        let wanted = Wanted { operation: "servers.register", request: &(), idempotency_key: None };
        let order =
            self.commands.create::<Server, _, _>(Somebody, self.owner, subject, wanted).await.unwrap();
        let command = Command::Register {
            slug: "tools".parse().unwrap(),
            upstream: "https://tools.example/mcp".parse().unwrap(),
            enabled: true,
            name: order.seal(events::sealed::Field::Name, "Tools").unwrap(),
            settings: UpstreamSettings::default(),
        };
        told(order.carry_out(command).await)
    }

    /// Changes the one server.
    async fn change(&self) -> String {
        let id = Uuid::from_u128(20);
        let subject = Subject::server(organization(self.owner), ServerId::new(id));
        let object = Object { id, subject, keyholder: self.owner.into(), ids: vec![] };
        let wanted = Wanted { operation: "servers.change", request: &(), idempotency_key: None };
        let order = self.commands.change::<Server, _, _>(Somebody, object, wanted).await.unwrap();
        let settings = SettingsChange::default();
        told(
            order
                .carry_out(Command::Change { upstream: None, enabled: Some(false), name: None, settings })
                .await,
        )
    }

    fn panics(&self) -> usize {
        let text = self.counted.render();
        let line =
            text.lines().find_map(|line| line.strip_prefix("keyledger_panics_total{place=\"command\"} "));
        line.map_or(0, |count| count.parse().unwrap())
    }
}

fn organization(owner: Owner) -> OrganizationId {
    let Owner::Organization(id) = owner else { panic!("{owner:?}") };
    id
}

fn told(done: Result<domain::Done<Server>, Failed<domain::server::Refusal, Infallible>>) -> String {
    match done {
        Err(Failed::Broken(error)) if error.is_panic() => "broken".to_owned(),
        other => format!("{:?}", other.err()),
    }
}

/// More of them than an organization, and all together, may read at a time.
#[tokio::test(start_paused = true)]
async fn a_panic_is_counted_and_gives_back_what_its_command_held() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _counting = metrics::set_default_local_recorder(&recorder);
    let world = world(40, recorder.handle()).await;
    for done in 1..=20 {
        assert_eq!(world.register().await, "broken");
        assert_eq!(world.panics(), done);
    }
    // On one server those that wait come on.
    let all = join_all((0..20).map(|_| world.change())).await;
    assert!(all.iter().all(|told| told == "broken"), "{all:?}");
    assert_eq!(world.panics(), 40);
    for told in [world.register().await, world.change().await] {
        assert!(told.contains("Unavailable"), "{told}");
    }
}

#[tokio::test]
async fn a_panic_is_counted_when_nobody_waits_for_the_command_any_more() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _counting = metrics::set_default_local_recorder(&recorder);
    let world = world(1, recorder.handle()).await;
    // Polled once, so that its task is there, and given up.
    let answered = world.register().now_or_never();
    assert!(answered.is_none(), "{answered:?}");
    world.commands.drain().await;
    assert_eq!(world.panics(), 1);
}
