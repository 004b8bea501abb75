//! The first start of an installation, once, and the way back in.

use std::sync::Arc;

use domain::key::secret::ParsedKey;
use domain::{CommandError, Context, Dispatcher, Key, installation};
use events::clock::{Clock, SystemClock};
use events::key::{KeyEvent, KeyOwner};
use events::log::Log;
use events::{CommandId, InstallationId, KeyId, Owner, SignerPurpose, Subject};
use futures::future::join_all;
use gateway::bootstrap::{BootstrapError, FirstKey};
use gateway::config::NatsRole;
use gateway::vault::{NodeSecrets, Peppers, VaultName, signer};
use keyledger_tests::servers::Nats;
use keyledger_tests::signing;

use crate::setting::{Admin, bootstrap, context, history, replayed, sealing_keys, uuid, vault};

/// What the log holds of the key is what a node makes of its text.
async fn check(nats: &Nats, admin: &Admin, first: &FirstKey) {
    let events = history(&admin.log, &Subject::key(Owner::Installation, first.id)).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].position, first.position);
    let issued = match events[0].event.as_key() {
        Some(KeyEvent::Issued(issued)) => issued.clone(),
        other => panic!("{other:?}"),
    };
    let parsed = ParsedKey::parse(first.key.expose()).unwrap();
    let node = NodeSecrets::load(&vault(nats, NatsRole::Node, VaultName::Node).await, SystemClock.now())
        .await
        .unwrap();
    assert_eq!(node.peppers.issuing().digest(&parsed), issued.digest);
    let control = Peppers::load(&vault(nats, NatsRole::Control, VaultName::Control).await, SystemClock.now())
        .await
        .unwrap();
    assert_eq!(control.issuing().digest(&parsed), issued.digest);
    assert_eq!(issued.owner, KeyOwner::Installation);
    let scopes: Vec<_> = issued.scopes.iter().map(ToString::to_string).collect();
    assert_eq!(scopes, ["admin:*:*", "keys:verify"]);
    let field = events::sealed::SealedField::of(
        &events[0].envelope.subject,
        events[0].envelope.id,
        events::sealed::Field::Name,
    );
    let keys = sealing_keys(nats, NatsRole::Worker).await;
    assert_eq!(keys.open(&field, &issued.name).await.unwrap().unwrap().as_str(), "Installation admin");
    assert!(replayed::<Key>(&events).known().is_some());
    // No part of the secret lies in the log.
    let secret = &first.key.expose()["kl_live_".len().."kl_live_".len() + 43];
    for sequence in 1..=admin.log.info().await.unwrap().last_sequence {
        let stored = admin.log.message(sequence).await.unwrap().unwrap();
        assert!(!String::from_utf8_lossy(&stored.payload).contains(secret));
    }
}

#[tokio::test]
async fn an_installation_is_bootstrapped_once_and_its_key_is_known_to_nodes() {
    let nats = Nats::set_up().await;
    let first = bootstrap(&nats).await.bootstrap().await.unwrap();
    let admin = Admin::new(&nats).await;
    check(&nats, &admin, &first).await;
    let installation = history(&admin.log, &Subject::installation(first.installation)).await;
    assert_eq!(installation[0].position.sequence, 1);
    assert_eq!(admin.log.id().await.unwrap(), installation[0].envelope.id.into());
    let again = bootstrap(&nats).await.bootstrap().await;
    assert!(matches!(again, Err(BootstrapError::AlreadyBootstrapped)), "{again:?}");
    assert_eq!(admin.log.info().await.unwrap().last_sequence, 2);
}

#[tokio::test]
async fn of_bootstraps_at_once_one_wins_and_the_others_are_told() {
    for _round in 0..3 {
        let nats = Nats::set_up().await;
        let all = [bootstrap(&nats).await, bootstrap(&nats).await, bootstrap(&nats).await];
        let outcomes = join_all(all.iter().map(|one| one.bootstrap())).await;
        let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1, "{lost:?}");
        assert!(lost.iter().all(|lost| matches!(lost, Err(BootstrapError::AlreadyBootstrapped))), "{lost:?}");
        check(&nats, &Admin::new(&nats).await, won[0].as_ref().unwrap()).await;
    }
}

#[tokio::test]
async fn recovery_lets_in_another_key_and_is_an_event() {
    let nats = Nats::set_up().await;
    let refused = bootstrap(&nats).await.recover().await;
    assert!(matches!(refused, Err(BootstrapError::NotBootstrapped)), "{refused:?}");
    let first = bootstrap(&nats).await.bootstrap().await.unwrap();
    let recovered = bootstrap(&nats).await.recover().await.unwrap();
    assert_ne!(recovered.id, first.id);
    assert_eq!(recovered.installation, first.installation);
    let admin = Admin::new(&nats).await;
    check(&nats, &admin, &recovered).await;
    check(&nats, &admin, &first).await;
    let kinds: Vec<_> = history(&admin.log, &Subject::installation(first.installation))
        .await
        .iter()
        .map(|event| event.envelope.kind.to_string())
        .collect();
    assert_eq!(kinds, ["installation.bootstrapped", "installation.recovered"]);
}

/// It ended before the first event: the next one goes on with the secrets that it drew.
#[tokio::test]
async fn a_bootstrap_that_ended_before_its_event_is_done_again() {
    let nats = Nats::set_up().await;
    let ended = bootstrap(&nats).await;
    let drawn =
        NodeSecrets::create(&ended.control, &ended.node, &*ended.clock, &*ended.random).await.unwrap();
    let first = bootstrap(&nats).await.bootstrap().await.unwrap();
    check(&nats, &Admin::new(&nats).await, &first).await;
    let node = NodeSecrets::load(&vault(&nats, NatsRole::Node, VaultName::Node).await, SystemClock.now())
        .await
        .unwrap();
    assert_eq!(node.peppers.issuing().id(), drawn.peppers.issuing().id());
}

/// It ended between the event and the key.
#[tokio::test]
async fn a_bootstrap_that_ended_before_its_key_is_recovered() {
    let nats = Nats::set_up().await;
    let ended = bootstrap(&nats).await;
    let drawn =
        NodeSecrets::create(&ended.control, &ended.node, &*ended.clock, &*ended.random).await.unwrap();
    let draw = async |purpose| signer::draw(&ended.control, purpose, &*ended.clock, &*ended.random).await;
    let writer = draw(SignerPurpose::Writer).await.unwrap();
    let checkpoint = draw(SignerPurpose::Checkpoint).await.unwrap();
    let admin = Admin::new(&nats).await;
    let command = installation::Command::Bootstrap {
        admin_key: KeyId::new(uuid()),
        pepper: drawn.peppers.issuing().id(),
        writer: writer.public(),
        checkpoint: checkpoint.public(),
    };
    let subject = Subject::installation(InstallationId::new(uuid()));
    let log = Arc::new(admin.log.clone());
    let dispatcher = Dispatcher::new(log, Arc::new(writer), Arc::clone(&ended.random));
    dispatcher.execute::<domain::Installation>(&subject, &command, &context()).await.unwrap();
    let refused = bootstrap(&nats).await.bootstrap().await;
    assert!(matches!(refused, Err(BootstrapError::AlreadyBootstrapped)), "{refused:?}");
    let recovered = bootstrap(&nats).await.recover().await.unwrap();
    check(&nats, &admin, &recovered).await;
}

#[tokio::test]
async fn no_second_installation_comes_into_a_log() {
    let nats = Nats::set_up().await;
    let first = bootstrap(&nats).await.bootstrap().await.unwrap();
    let admin = Admin::new(&nats).await;
    let command = installation::Command::Bootstrap {
        admin_key: KeyId::new(uuid()),
        pepper: events::PepperId::new(uuid()),
        writer: signing::key().public(),
        checkpoint: signing::checkpoint(),
    };
    for id in [InstallationId::new(uuid()), first.installation] {
        let context = Context { command: CommandId::new(uuid()), ..context() };
        let refused = admin
            .dispatcher
            .execute::<domain::Installation>(&Subject::installation(id), &command, &context)
            .await;
        assert!(
            matches!(refused, Err(CommandError::Refused(installation::Refusal::AlreadyBootstrapped))),
            "{refused:?}"
        );
    }
}
