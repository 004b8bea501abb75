//! Writers at the same time, and answers that are lost.

use super::*;

/// Another writer's event on the server, appended at its place.
pub(super) async fn others(log: &TinyLog, event: server::Command) -> Batch {
    let context = context(900, 90);
    let history = log.history(&tools()).await.unwrap();
    let id = log.id().await.unwrap();
    let facts = Facts {
        now: now(),
        owner: Standing::Active,
        bootstrapped: true,
        authority: Authority::Whole,
        other_owners: None,
    };
    let mut state = Server::default();
    for stored in &history.events {
        if let Read::Event(recorded) = stored.read(id) {
            state.apply(&recorded.event.try_into().unwrap());
        }
    }
    let event = state.decide(&event, &facts).unwrap().remove(0).into();
    let draft = Draft { previous: newest(log, &tools()), ..draft(id, &tools(), event, &context) };
    signed(draft, Expected::Last(history.last))
}

#[tokio::test]
async fn after_a_conflict_it_is_decided_again() {
    let (log, dispatcher) = set_up().await;
    log.fault([Fault::Overtaken(others(&log, enabled(false)).await)]);
    // The other disabled it as well: what was asked for is so.
    let done = dispatcher.execute::<Server>(&tools(), &enabled(false), &context(4, 4)).await.unwrap();
    assert!(!done.changed && !done.replayed && !done.state.known().unwrap().enabled);

    log.fault([Fault::Overtaken(others(&log, server::Command::Remove { reason: None }).await)]);
    let refused = dispatcher.execute::<Server>(&tools(), &enabled(true), &context(5, 5)).await;
    assert!(matches!(refused, Err(CommandError::Refused(server::Refusal::Removed))));
}

#[tokio::test]
async fn conflicts_without_end_are_told() {
    let (log, dispatcher) = set_up().await;
    for attempt in 0..ATTEMPTS {
        log.fault([Fault::Overtaken(overtaking(&log, attempt).await)]);
    }
    let renamed = server::Command::Change {
        upstream: None,
        enabled: None,
        name: Some(sealed("x")),
        settings: server::SettingsChange::default(),
    };
    let outcome = dispatcher.execute::<Server>(&tools(), &renamed, &context(4, 4)).await;
    assert!(matches!(outcome, Err(CommandError::Conflict)));
}

#[tokio::test]
async fn who_changes_an_object_without_end_does_not_keep_it_from_being_closed() {
    let close: [server::Command; 2] = [server::Command::Remove { reason: None }, enabled(false)];
    for command in close {
        let (log, dispatcher) = set_up().await;
        for attempt in 0..ATTEMPTS * 3 {
            log.fault([Fault::Overtaken(overtaking(&log, attempt).await)]);
        }
        let done = dispatcher.execute::<Server>(&tools(), &command, &context(4, 4)).await.unwrap();
        assert!(done.changed);
    }
}

/// Another writer's rename, at the place where the server will be after so many others.
async fn overtaking(log: &TinyLog, attempt: u32) -> Batch {
    let mut batch = others(
        log,
        server::Command::Change {
            upstream: None,
            enabled: None,
            name: Some(sealed("y")),
            settings: server::SettingsChange::default(),
        },
    )
    .await;
    if let Some(entry) = batch.entries.first_mut() {
        let id = |attempt: u32| EventId::new(uuid(5_000 + u128::from(attempt)));
        let draft = Draft {
            id: id(attempt),
            previous: attempt.checked_sub(1).map(id).or(entry.event.draft().previous),
            command: CommandId::new(uuid(6_000 + u128::from(attempt))),
            ..entry.event.draft().clone()
        };
        entry.event = draft.signed(&writer()).unwrap();
        if attempt > 0 {
            entry.expected = Expected::Last(log.stored().len() as u64 + u64::from(attempt));
        }
    }
    batch
}

#[tokio::test]
async fn a_lost_acknowledgement_is_an_outcome_that_is_not_known_until_asked_again() {
    let (log, dispatcher) = set_up().await;
    let context = context(4, 4);
    log.fault([Fault::AnswerLost]);
    let lost = dispatcher.execute::<Server>(&tools(), &enabled(false), &context).await;
    assert!(matches!(lost, Err(CommandError::OutcomeUnknown(_))));
    // The same call's own event is there: this call did it.
    let asked = dispatcher.execute::<Server>(&tools(), &enabled(false), &context).await.unwrap();
    assert!(asked.changed && !asked.replayed);
    // A later call of the same command did not.
    let later = Context { event: EventId::new(uuid(77)), ..context };
    let asked = dispatcher.execute::<Server>(&tools(), &enabled(false), &later).await.unwrap();
    assert!(!asked.changed && asked.replayed);
}

#[tokio::test]
async fn a_conflict_with_its_own_event_is_its_success() {
    let (log, dispatcher) = set_up().await;
    log.fault([Fault::StoredAndConflict]);
    let done = dispatcher.execute::<Server>(&tools(), &enabled(false), &context(4, 4)).await.unwrap();
    assert!(done.changed && !done.replayed);
}

#[tokio::test]
async fn an_unreachable_log_stores_nothing() {
    let (log, dispatcher) = set_up().await;
    let stored = log.stored().len();
    log.fault([Fault::Unreachable]);
    let outcome = dispatcher.execute::<Server>(&tools(), &enabled(false), &context(4, 4)).await;
    assert!(matches!(outcome, Err(CommandError::Unavailable(_))));
    assert_eq!(log.stored().len(), stored);
}

#[tokio::test]
async fn two_bootstraps_at_once_have_one_winner() {
    let log = Arc::new(TinyLog::default());
    let winner = context(7, 7);
    let event = Event::Installation(events::installation::InstallationEvent::Bootstrapped(
        events::installation::Bootstrapped {
            admin_key: KeyId::new(uuid(5)),
            pepper: PepperId::new(uuid(6)),
            writer: signer(1),
            checkpoint: signer(2),
        },
    ));
    let subject = Subject::installation(InstallationId::new(uuid(8)));
    let draft = draft(winner.event.into(), &subject, event, &winner);
    log.fault([Fault::Overtaken(signed(draft, Expected::EmptyLog))]);
    let subject = Subject::installation(InstallationId::new(uuid(1)));
    let outcome = dispatcher(&log).execute::<Installation>(&subject, &bootstrap(), &context(1, 1)).await;
    assert!(matches!(outcome, Err(CommandError::Refused(installation::Refusal::AlreadyBootstrapped))));
    assert_eq!(log.stored().len(), 1);
}
