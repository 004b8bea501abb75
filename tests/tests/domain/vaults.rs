//! Vaults in NATS buckets, as the roles' own users.

use bytes::Bytes;
use events::clock::{Clock, SystemClock, SystemRandom};
use events::{OrganizationId, Owner};
use futures::future::join_all;
use gateway::config::NatsRole;
use gateway::store::kv::KvEntries;
use gateway::vault::{Entries, NodeSecrets, Purpose, VaultError, VaultName};
use keyledger_tests::poll;
use keyledger_tests::servers::Nats;

use crate::setting::{bootstrap, sealing_keys, uuid, vault};

async fn entries(nats: &Nats, role: NatsRole, name: VaultName) -> KvEntries {
    KvEntries::open(nats.connect(role.as_str()).await, name).await.unwrap()
}

#[tokio::test]
async fn of_those_who_create_an_entry_one_wins() {
    let nats = Nats::set_up().await;
    let all = join_all((0..6).map(|_| entries(&nats, NatsRole::Control, VaultName::People))).await;
    for round in 0..10 {
        let name = format!("entry.{round}");
        let created = join_all(
            all.iter().enumerate().map(|(place, one)| one.create(&name, Bytes::from(place.to_string()))),
        )
        .await;
        let created: Vec<bool> = created.into_iter().map(Result::unwrap).collect();
        let winners: Vec<_> =
            created.iter().enumerate().filter(|(_, won)| **won).map(|(place, _)| place).collect();
        assert_eq!(winners.len(), 1);
        for one in &all {
            assert_eq!(one.get(&name).await.unwrap().unwrap(), winners[0].to_string());
        }
    }
}

#[tokio::test]
async fn a_purged_entry_is_gone() {
    let nats = Nats::set_up().await;
    let entries = entries(&nats, NatsRole::Control, VaultName::People).await;
    assert_eq!(entries.get("a").await.unwrap(), None);
    assert!(entries.create("a", Bytes::from_static(b"one")).await.unwrap());
    entries.purge("a").await.unwrap();
    assert_eq!(entries.get("a").await.unwrap(), None);
    assert!(entries.create("a", Bytes::from_static(b"two")).await.unwrap());
    assert_eq!(entries.get("a").await.unwrap().unwrap(), "two");
}

/// Whoever takes the disk away finds nothing of it, also before the server compacts its files.
#[tokio::test]
async fn a_purged_entry_is_written_over_on_the_disk() {
    const SECRET: &[u8] = b"FINDME-0123456789";
    let nats = Nats::set_up().await;
    let entries = entries(&nats, NatsRole::Control, VaultName::People).await;
    let bound = std::time::Duration::from_secs(10);
    let stays = async |wanted: bool| match is_in(&nats.store(), SECRET) {
        found if found == wanted => Ok(()),
        found => Err(found),
    };
    assert!(entries.create("a", Bytes::from_static(SECRET)).await.unwrap());
    poll::until("it is on the disk", bound, async || stays(true).await).await;
    entries.purge("a").await.unwrap();
    poll::until("it is not on the disk", bound, async || stays(false).await).await;
    assert_eq!(entries.get("a").await.unwrap(), None);
}

fn is_in(path: &std::path::Path, secret: &[u8]) -> bool {
    if path.is_dir() {
        let mut inside = std::fs::read_dir(path).unwrap();
        return inside.any(|entry| is_in(&entry.unwrap().path(), secret));
    }
    // A file may go while it is looked at.
    std::fs::read(path).is_ok_and(|bytes| bytes.windows(secret.len()).any(|part| part == secret))
}

#[tokio::test]
async fn an_owners_sealing_key_is_one_for_all_processes() {
    let nats = Nats::set_up().await;
    let all = join_all((0..6).map(|_| sealing_keys(&nats, NatsRole::Control))).await;
    let owner = Owner::Organization(OrganizationId::new(uuid()));
    let keys = join_all(all.iter().map(|keys| keys.get_or_create(owner))).await;
    let ids: Vec<_> = keys.into_iter().map(|key| key.unwrap().id()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    all[0].forget(owner).await.unwrap();
    assert!(sealing_keys(&nats, NatsRole::Worker).await.get(owner).await.unwrap().is_none());
}

#[tokio::test]
async fn a_node_reads_its_secrets_and_writes_none() {
    let nats = Nats::set_up().await;
    let one = bootstrap(&nats).await;
    let drawn = NodeSecrets::create(&one.control, &one.node, &*one.clock, &*one.random).await.unwrap();
    let node = vault(&nats, NatsRole::Node, VaultName::Node).await;
    let read = NodeSecrets::load(&node, SystemClock.now()).await.unwrap();
    assert_eq!(read.identity.first().kid(), drawn.identity.first().kid());
    assert_eq!(read.session.first().bytes(), drawn.session.first().bytes());
    let written = node.get_or_create("pepper.2", Purpose::Pepper, b"of a node's making", &SystemRandom);
    let control = KvEntries::open(nats.connect("node").await, VaultName::Control);
    // A forbidden request has no answer: both wait for theirs.
    let (written, control) = tokio::join!(written, control);
    assert!(matches!(written, Err(VaultError::Unavailable { .. })), "{written:?}");
    assert!(matches!(control, Err(VaultError::Unavailable { .. })));
}

#[tokio::test]
async fn a_vault_that_is_down_is_told_within_a_bound() {
    let mut nats = Nats::set_up().await;
    let keys = sealing_keys(&nats, NatsRole::Control).await;
    let owner = Owner::Organization(OrganizationId::new(uuid()));
    nats.kill().await;
    let bound = std::time::Duration::from_secs(8);
    let told = poll::within("told", bound, keys.get_or_create(owner)).await;
    assert!(matches!(told, Err(VaultError::Unavailable { .. })), "{told:?}");
    nats.start_again().await;
    poll::until("the vault is back", bound, async || keys.get_or_create(owner).await).await;
}
