//! A create reads nothing of what it creates, and is done once all the same.

use super::*;

fn new() -> Subject {
    Subject::server(acme(), ServerId::new(uuid(30)))
}

#[tokio::test]
async fn a_create_asks_for_its_owner_and_its_name_and_a_change_for_its_object_alone() {
    let (log, dispatcher) = set_up().await;
    log.asked();
    dispatcher.execute::<Server>(&new(), &register("new"), &context(4, 4)).await.unwrap();
    let name = format!("kl.events.0.{}.slug.server-new", acme());
    assert_eq!(log.asked(), [Subject::organization(acme()).to_string(), name]);
    dispatcher.execute::<Server>(&new(), &enabled(false), &context(5, 5)).await.unwrap();
    assert_eq!(log.asked(), [new().to_string()]);
}

/// Takes every organization for active, and knows what is in the log up to a sequence.
struct UpTo(u64);

impl Active for UpTo {
    fn is_active(&self, _: OrganizationId, at_least: u64) -> bool {
        at_least <= self.0
    }
}

#[tokio::test]
async fn an_owner_that_is_known_to_be_active_is_not_asked_for_unless_it_was_changed_here_since() {
    let (log, dispatcher) = set_up().await;
    let known = log.stored().len() as u64;
    let dispatcher = dispatcher.with_active(Arc::new(UpTo(known)));
    let organization = Subject::organization(acme());
    let server = |number| Subject::server(acme(), ServerId::new(uuid(number)));
    log.asked();
    dispatcher.execute::<Server>(&server(40), &register("s40"), &context(40, 4)).await.unwrap();
    assert!(!log.asked().contains(&organization.to_string()));
    let suspend = organization::Command::Suspend { reason: None };
    dispatcher.execute::<Organization>(&organization, &suspend, &context(5, 5)).await.unwrap();
    let refused = dispatcher.execute::<Server>(&server(41), &register("s41"), &context(41, 4)).await;
    assert!(matches!(refused, Err(CommandError::Refused(server::Refusal::OrganizationSuspended))));
}

#[tokio::test]
async fn one_that_was_done_is_told_so_whatever_would_refuse_it_now() {
    let (log, dispatcher) = set_up().await;
    dispatcher.execute::<Server>(&new(), &register("new"), &context(4, 4)).await.unwrap();
    let suspend = organization::Command::Suspend { reason: None };
    let organization = Subject::organization(acme());
    dispatcher.execute::<Organization>(&organization, &suspend, &context(5, 5)).await.unwrap();
    let stored = log.stored().len();
    let again = dispatcher.execute::<Server>(&new(), &register("new"), &context(4, 4)).await.unwrap();
    assert!(again.replayed && !again.changed);
    // The same id with a name that is another's: another command.
    let other = dispatcher.execute::<Server>(&new(), &register("tools"), &context(4, 44)).await;
    assert!(matches!(other, Err(CommandError::OtherCommand)), "{other:?}");
    assert_eq!(log.stored().len(), stored);
}

#[tokio::test]
async fn one_that_is_sent_twice_at_once_is_done_once() {
    let (log, dispatcher) = set_up().await;
    let stored = log.stored().len();
    let (first, second) = (context(4, 4), context(4, 4));
    let (new, command) = (new(), register("new"));
    let done = tokio::join!(
        dispatcher.execute::<Server>(&new, &command, &first),
        dispatcher.execute::<Server>(&new, &command, &second),
    );
    let (first, second) = (done.0.unwrap(), done.1.unwrap());
    assert_eq!((first.changed, first.replayed, second.changed, second.replayed), (true, false, false, true));
    // With the reservation of its name.
    assert_eq!(log.stored().len(), stored + 2);
}

#[tokio::test]
async fn one_whose_answer_was_lost_is_known_by_its_event() {
    let (log, dispatcher) = set_up().await;
    let first = context(4, 4);
    log.fault([Fault::AnswerLost]);
    let lost = dispatcher.execute::<Server>(&new(), &register("new"), &first).await;
    assert!(matches!(lost, Err(CommandError::OutcomeUnknown(_))));
    let asked = dispatcher.execute::<Server>(&new(), &register("new"), &first).await.unwrap();
    assert!(asked.changed && !asked.replayed, "this very call's event");
    let later = dispatcher.execute::<Server>(&new(), &register("new"), &context(4, 4)).await.unwrap();
    assert!(!later.changed && later.replayed);

    log.fault([Fault::StoredAndConflict]);
    let other = Subject::server(acme(), ServerId::new(uuid(31)));
    let done = dispatcher.execute::<Server>(&other, &register("other"), &context(6, 6)).await.unwrap();
    assert!(done.changed && !done.replayed);
}
