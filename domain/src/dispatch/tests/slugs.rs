//! Names that belong to one object for ever.

use super::*;

#[tokio::test]
async fn a_slug_is_reserved_with_its_object_and_names_no_other() {
    let (log, dispatcher) = set_up().await;
    let events = recorded(&log).await;
    let kinds: Vec<_> = events.iter().map(|event| event.envelope.kind.as_ref()).collect();
    assert_eq!(
        kinds,
        [
            "installation.bootstrapped",
            "slug.reserved",
            "organization.created",
            "slug.reserved",
            "server.registered"
        ]
    );
    assert_eq!(events[3].envelope.subject.to_string(), format!("kl.events.0.{}.slug.server-tools", acme()));
    assert_ne!(events[3].envelope.id, events[4].envelope.id);
    assert_eq!(events[3].envelope.command, events[4].envelope.command);

    let other = Subject::server(acme(), ServerId::new(uuid(21)));
    let taken = dispatcher.execute::<Server>(&other, &register("tools"), &context(4, 4)).await;
    let slug = "tools".parse().unwrap();
    assert!(matches!(taken, Err(CommandError::Refused(server::Refusal::SlugTaken { slug: s })) if s == slug));
    // Also after its object is gone.
    let remove = server::Command::Remove { reason: None };
    dispatcher.execute::<Server>(&tools(), &remove, &context(5, 5)).await.unwrap();
    let taken = dispatcher.execute::<Server>(&other, &register("tools"), &context(4, 4)).await;
    assert!(matches!(taken, Err(CommandError::Refused(server::Refusal::SlugTaken { .. }))));
}

#[tokio::test]
async fn another_organization_may_use_the_same_server_slug() {
    let (_, dispatcher) = set_up().await;
    let other = OrganizationId::new(uuid(11));
    let subject = Subject::organization(other);
    dispatcher.execute::<Organization>(&subject, &create("other"), &context(4, 4)).await.unwrap();
    let subject = Subject::server(other, ServerId::new(uuid(22)));
    let done = dispatcher.execute::<Server>(&subject, &register("tools"), &context(5, 5)).await.unwrap();
    assert!(done.changed);
}

#[tokio::test]
async fn a_slug_reserved_for_this_very_object_is_reserved_again() {
    let (log, dispatcher) = set_up().await;
    let own = Subject::server(acme(), ServerId::new(uuid(23)));
    let slug: events::Slug = "mine".parse().unwrap();
    let reservation = Event::Slug(events::slug::SlugEvent::Reserved(events::slug::Reserved {
        kind: events::slug::SlugKind::Server,
        slug: slug.clone(),
        object: own.aggregate_id.clone(),
    }));
    let subject = Subject::slug(own.owner, events::slug::SlugKind::Server, &slug);
    let draft = draft(log.id().await.unwrap(), &subject, reservation, &context(8, 8));
    log.append(signed(draft, Expected::Last(0))).await.unwrap();
    let done = dispatcher.execute::<Server>(&own, &register("mine"), &context(4, 4)).await.unwrap();
    assert!(done.changed);
}

#[tokio::test]
async fn a_slug_is_taken_for_all_but_its_own_organization() {
    let (_, dispatcher) = set_up().await;
    let other = OrganizationId::new(uuid(11));
    let taken = async |id, slug: &str| dispatcher.slug_is_taken(id, &slug.parse().unwrap()).await.unwrap();
    assert!(taken(other, "acme").await);
    assert!(!taken(acme(), "acme").await);
    assert!(!taken(other, "free").await);
}
