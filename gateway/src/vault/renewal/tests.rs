use std::sync::Arc;
use std::time::Duration;

use domain::key::secret::{PlainKey, Prefix};
use events::clock::{ManualClock, SystemRandom};

use super::super::tests::vault;
use super::super::{MasterKey, NodeSecrets, PassingKeys, Peppers, SnapshotKeys, VaultName};
use super::*;

struct World {
    node: Vault,
    control: Vault,
    people: Vault,
    clock: ManualClock,
}

impl World {
    async fn new() -> Self {
        let clock = ManualClock::new(Timestamp::from_unix_millis(1_800_000_000_000).unwrap());
        let [node, control, people] =
            [VaultName::Node, VaultName::Control, VaultName::People].map(|name| vault(name, 1).1);
        NodeSecrets::create(&control, &node, &clock, &SystemRandom).await.unwrap();
        snapshot::ensure(&people, &node, &clock, &SystemRandom).await.unwrap();
        PassingKeys::load_or_draw(&control, &clock, &SystemRandom).await.unwrap();
        Self { node, control, people, clock }
    }

    fn vaults(&self) -> Vaults<'_> {
        Vaults { node: &self.node, control: &self.control, people: &self.people }
    }

    async fn renew(&self, kind: Kind) -> Result<Uuid, RenewalError> {
        self.vaults().renew(kind, &self.clock, &SystemRandom).await.map(|(id, _)| id)
    }

    async fn states(&self, kind: Kind) -> Vec<&'static str> {
        let held = self.vaults().list(kind, self.clock.now()).await.unwrap();
        held.iter().map(|held| held.state.as_str()).collect()
    }

    fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

#[tokio::test]
async fn a_new_one_is_announced_used_and_at_last_the_old_one_is_retired() {
    for kind in [Kind::Pepper, Kind::Identity, Kind::Session, Kind::Passing] {
        let world = World::new().await;
        world.pass(Duration::from_secs(86_400));
        assert_eq!(world.states(kind).await, ["in use"], "{kind}");
        let new = world.renew(kind).await.unwrap();
        assert_eq!(world.states(kind).await, ["announced", "in use"], "{kind}");
        assert!(matches!(world.renew(kind).await, Err(RenewalError::Announced { id, .. }) if id == new));
        world.pass(ANNOUNCED);
        assert_eq!(world.states(kind).await, ["in use", "former"], "{kind}");

        world.renew(kind).await.unwrap();
        world.pass(ANNOUNCED);
        assert!(matches!(world.renew(kind).await, Err(RenewalError::Full(_))));
        let (vaults, now) = (world.vaults(), world.clock.now());
        let held = vaults.list(kind, now).await.unwrap();
        assert!(matches!(vaults.retire(kind, held[0].id, now).await, Err(RenewalError::NotFormer)));
        vaults.retire(kind, held[2].id, now).await.unwrap();
        assert!(matches!(vaults.retire(kind, held[2].id, now).await, Err(RenewalError::Unknown(_))));
        world.renew(kind).await.unwrap();
        assert_eq!(world.states(kind).await, ["announced", "in use", "former"], "{kind}");
    }
}

#[tokio::test]
async fn of_two_who_renew_at_once_both_tell_of_what_is_there() {
    for kind in Kind::ALL {
        let world = World::new().await;
        world.pass(Duration::from_secs(86_400));
        let (one, other) = tokio::join!(world.renew(kind), world.renew(kind));
        let newest = world.vaults().list(kind, world.clock.now()).await.unwrap()[0].id;
        assert_eq!((one.unwrap(), other.unwrap()), (newest, newest), "{kind}");
    }
    let world = World::new().await;
    world.pass(Duration::from_secs(86_400));
    let (one, _) = tokio::join!(world.renew(Kind::Snapshot), world.renew(Kind::Snapshot));
    let believed = SnapshotKeys::load(&world.node).await.unwrap();
    let signs = SnapshotKey::load(&world.people).await.unwrap().unwrap();
    let signature = signs.sign(b"a snapshot");
    assert_eq!(signs.id(), one.unwrap());
    believed.verify(signs.id(), b"a snapshot", &signature).unwrap();
}

#[tokio::test]
async fn nothing_is_drawn_under_a_master_key_that_opens_nothing() {
    for kind in Kind::ALL {
        let mut world = World::new().await;
        world.pass(Duration::from_secs(86_400));
        let of_control = kind == Kind::Passing;
        let vault = if of_control { &mut world.control } else { &mut world.node };
        let (entries, right) = (Arc::clone(&vault.entries), Arc::clone(&vault.master));
        *vault = Vault::new(vault.name, entries, MasterKey::of(&[2; 32]).unwrap());
        let told = world.renew(kind).await;
        assert!(matches!(told, Err(RenewalError::Vault(VaultError::OtherKey { .. }))), "{kind}: {told:?}");
        let vault = if of_control { &mut world.control } else { &mut world.node };
        vault.master = right;
        assert_eq!(world.states(kind).await, ["in use"], "{kind}");
    }
}

#[tokio::test]
async fn a_key_of_each_pepper_is_known_to_nodes_before_control_issues_one_under_it() {
    let world = World::new().await;
    world.pass(Duration::from_secs(86_400));
    let new = world.renew(Kind::Pepper).await.unwrap();
    let key = PlainKey::draw(&"kl_test".parse::<Prefix>().unwrap(), &SystemRandom);
    let parsed = key.parsed();
    let now = world.clock.now();
    let at_node = NodeSecrets::load(&world.node, now).await.unwrap();
    let at_control = Peppers::load(&world.control, now).await.unwrap();
    assert_ne!(at_control.issuing().id().uuid(), new);
    let mut tried = 0;
    assert!(
        at_node
            .peppers
            .find(&parsed, |_| {
                tried += 1;
                None::<()>
            })
            .is_none()
    );
    assert_eq!(tried, 2);

    let later = now.saturating_add(ANNOUNCED);
    at_control.take(&Peppers::load(&world.control, later).await.unwrap());
    let issuing = at_control.issuing();
    assert_eq!(issuing.id().uuid(), new);
    let its = issuing.digest(&parsed);
    assert!(at_node.peppers.find(&parsed, |digest| (digest == its).then_some(())).is_some());
}

#[tokio::test]
async fn a_new_snapshot_key_signs_at_once_and_nodes_believe_both() {
    let world = World::new().await;
    let before = SnapshotKey::load(&world.people).await.unwrap().unwrap();
    world.pass(Duration::from_secs(1));
    let new = world.renew(Kind::Snapshot).await.unwrap();
    assert_eq!(world.states(Kind::Snapshot).await, ["in use", "former"]);
    let now = SnapshotKey::load(&world.people).await.unwrap().unwrap();
    assert_eq!(now.id(), new);
    let believed = SnapshotKeys::load(&world.node).await.unwrap();
    for key in [&before, &now] {
        assert_eq!(believed.verify(key.id(), b"a header", &key.sign(b"a header")), Ok(()));
    }
    world.vaults().retire(Kind::Snapshot, before.id(), world.clock.now()).await.unwrap();
    let believed = SnapshotKeys::load(&world.node).await.unwrap();
    assert!(believed.verify(before.id(), b"a header", &before.sign(b"a header")).is_err());
}

#[tokio::test]
async fn what_began_under_the_key_before_is_still_opened_and_proved() {
    let world = World::new().await;
    let running = PassingKeys::load_or_draw(&world.control, &world.clock, &SystemRandom).await.unwrap();
    let before = running.used();
    let sealed = before.seal("code.1", b"value", &SystemRandom).unwrap();
    world.pass(Duration::from_secs(86_400));
    world.renew(Kind::Passing).await.unwrap();
    world.pass(ANNOUNCED);
    running.take(&PassingKeys::load(&world.control, world.clock.now()).await.unwrap());
    let now = running.used();
    assert_ne!(now.name("code", "x"), before.name("code", "x"));
    assert!(now.open("code.1", &sealed).is_err());
    let opened: Vec<_> = running.all().iter().filter_map(|key| key.open("code.1", &sealed).ok()).collect();
    assert_eq!(opened.len(), 1);

    let held = world.vaults().list(Kind::Passing, world.clock.now()).await.unwrap();
    world.vaults().retire(Kind::Passing, held[1].id, world.clock.now()).await.unwrap();
    let left = PassingKeys::load_or_draw(&world.control, &world.clock, &SystemRandom).await.unwrap();
    assert_eq!(left.all().len(), 1, "what is retired is not drawn again");
    assert_eq!(left.used().name("code", "x"), now.name("code", "x"));
}
