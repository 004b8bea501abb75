//! From events to rows, projection by projection: rows are loaded, changed and stored.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use events::member::MemberEvent;
use events::{
    AggregateId, ApprovalId, ClientId, ConsentId, Event, EventId, GrantId, InvitationId, IssuerId, KeyId,
    Keyholder, MemberId, OrganizationId, Owner, ServerId, Subject, UnreadableReason, UserId, WebhookId,
};
use sqlx::PgConnection;

use super::batch::{self, Readable};
use crate::Projection;
use crate::forgotten;
use crate::parked::ParkedEvent;
use crate::postgres::{
    ApprovalRow, ConsentRow, EventRow, GrantRow, InvitationRow, MemberRow, ServerRow, approval, client,
    consent, grant, history, invitation, issuer, key, member, organization, person, server, webhook,
};
use crate::refused;

/// Stores what the events make of a projection's rows. What follows another event of its object than it says is not taken
/// in: it is parked, with what comes after it.
pub(super) async fn store(
    connection: &mut PgConnection,
    projection: Projection,
    events: &[&Readable],
) -> Result<Vec<ParkedEvent>, sqlx::Error> {
    let mut place = Place::default();
    match projection {
        Projection::Organizations => {
            let about = about::<OrganizationId, _>(events, Event::as_organization);
            let mut rows = organization::load(connection, ids(&about)).await?;
            for (id, event, it) in about {
                let newest = rows.get(&id).map(|row| row.newest);
                if place.is_in(it, newest) {
                    step(&mut rows, id, |row| organization::fold(row, id, event, &it.recorded, &it.texts));
                }
            }
            organization::store(connection, &rows.into_values().collect::<Vec<_>>()).await?;
        }
        Projection::Servers => {
            let about = about::<ServerId, _>(events, Event::as_server);
            let mut rows = server::load(connection, ids(&about)).await?;
            for (id, event, it) in about {
                let own = |row: &&ServerRow| it.is_of(Owner::Organization(row.organization));
                let newest = rows.get(&id).filter(own).map(|row| row.newest);
                if place.is_in(it, newest) {
                    step(&mut rows, id, |row| server::fold(row, id, event, &it.recorded, &it.texts));
                }
            }
            server::store(connection, &rows.into_values().collect::<Vec<_>>()).await?;
        }
        Projection::Keys => {
            let about = about::<KeyId, _>(events, Event::as_key);
            let mut rows = key::load(connection, ids(&about)).await?;
            for (id, event, it) in about {
                let newest = rows.get(&id).filter(|row| it.is_of(row.owner)).map(|row| row.newest);
                if place.is_in(it, newest) {
                    step(&mut rows, id, |row| key::fold(row, id, event, &it.recorded, &it.texts));
                }
            }
            let mut rows: Vec<_> = rows.into_values().collect();
            // Those of one list lie beside one another.
            rows.sort_unstable_by_key(|row| row.created);
            key::store(connection, &rows).await?;
        }
        Projection::Webhooks => {
            let about = about::<WebhookId, _>(events, Event::as_webhook);
            let mut rows = webhook::load(connection, ids(&about)).await?;
            for (id, event, it) in about {
                let newest = rows.get(&id).filter(|row| it.is_of(row.owner)).map(|row| row.newest);
                if place.is_in(it, newest) {
                    step(&mut rows, id, |row| webhook::fold(row, id, event, &it.recorded, &it.texts));
                }
            }
            webhook::store(connection, &rows.into_values().collect::<Vec<_>>()).await?;
        }
        Projection::People => {
            let about = about::<UserId, _>(events, Event::as_person);
            let mut rows = person::load(connection, ids(&about)).await?;
            for (id, event, it) in about {
                let newest = rows.get(&id).map(|row| row.newest);
                if place.is_in(it, newest) {
                    step(&mut rows, id, |row| person::fold(row, id, event, &it.recorded, &it.texts));
                }
            }
            person::store(connection, &rows.into_values().collect::<Vec<_>>()).await?;
        }
        Projection::Members => {
            let about = about::<MemberId, _>(events, Event::as_member);
            let mut rows = member::load(connection, ids(&about)).await?;
            for (id, event, it) in about {
                let own = |row: &&MemberRow| it.is_of(Owner::Organization(row.organization));
                let newest = rows.get(&id).filter(own).map(|row| row.newest);
                if place.is_in(it, newest) {
                    step(&mut rows, id, |row| member::fold(row, id, event, &it.recorded));
                }
            }
            member::store(connection, &rows.into_values().collect::<Vec<_>>()).await?;
        }
        Projection::Invitations => {
            let about = events.iter().filter_map(|it| Some((invited(it)?, *it))).collect::<Vec<_>>();
            let ids = about.iter().map(|(id, _)| *id).collect();
            let mut rows = invitation::load(connection, ids).await?;
            for (id, it) in about {
                let own = |row: &&InvitationRow| it.is_of(Owner::Organization(row.organization));
                let newest = rows.get(&id).filter(own).map(|row| row.newest);
                match (&it.recorded.event, newest) {
                    (Event::Invitation(event), newest) if place.is_in(it, newest) => {
                        step(&mut rows, id, |row| invitation::fold(row, id, event, &it.recorded, &it.texts));
                    }
                    // Whether the member's event stands in its place is for the members to say.
                    (Event::Member(MemberEvent::Added(added)), _) => {
                        step(&mut rows, id, |row| invitation::accepted(row, added, &it.recorded));
                    }
                    (_, _) => {}
                }
            }
            invitation::store(connection, &rows.into_values().collect::<Vec<_>>()).await?;
        }
        Projection::Issuers => {
            let about = about::<IssuerId, _>(events, Event::as_issuer);
            let mut rows = issuer::load(connection, ids(&about)).await?;
            for (id, event, it) in about {
                let newest = rows.get(&id).filter(|row| it.is_of(row.owner)).map(|row| row.newest);
                if place.is_in(it, newest) {
                    step(&mut rows, id, |row| issuer::fold(row, id, event, &it.recorded, &it.texts));
                }
            }
            issuer::store(connection, &rows.into_values().collect::<Vec<_>>()).await?;
        }
        Projection::Consents => {
            let about = about::<ConsentId, _>(events, Event::as_consent);
            let mut rows = consent::load(connection, ids(&about)).await?;
            for (id, event, it) in about {
                let own = |row: &&ConsentRow| it.is_of(Owner::Organization(row.organization));
                let newest = rows.get(&id).filter(own).map(|row| row.newest);
                if place.is_in(it, newest) {
                    step(&mut rows, id, |row| consent::fold(row, id, event, &it.recorded));
                }
            }
            consent::store(connection, &rows.into_values().collect::<Vec<_>>()).await?;
        }
        Projection::Grants => {
            let about = about::<GrantId, _>(events, Event::as_grant);
            let mut rows = grant::load(connection, ids(&about)).await?;
            for (id, event, it) in about {
                let own = |row: &&GrantRow| it.is_of(Owner::Organization(row.organization));
                let newest = rows.get(&id).filter(own).map(|row| row.newest);
                if place.is_in(it, newest) {
                    step(&mut rows, id, |row| grant::fold(row, id, event, &it.recorded));
                }
            }
            grant::store(connection, &rows.into_values().collect::<Vec<_>>()).await?;
        }
        Projection::Clients => {
            let about = about::<ClientId, _>(events, Event::as_client);
            let mut rows = client::load(connection, ids(&about)).await?;
            for (id, event, it) in about {
                let newest = rows.get(&id).filter(|row| it.is_of(row.owner)).map(|row| row.newest);
                if place.is_in(it, newest) {
                    step(&mut rows, id, |row| client::fold(row, id, event, &it.recorded, &it.texts));
                }
            }
            client::store(connection, &rows.into_values().collect::<Vec<_>>()).await?;
        }
        Projection::Approvals => {
            let about = about::<ApprovalId, _>(events, Event::as_approval);
            let mut rows = approval::load(connection, ids(&about)).await?;
            for (id, event, it) in about {
                let own = |row: &&ApprovalRow| it.is_of(Owner::Organization(row.organization));
                let newest = rows.get(&id).filter(own).map(|row| row.newest);
                if place.is_in(it, newest) {
                    step(&mut rows, id, |row| approval::fold(row, id, event, &it.recorded));
                }
            }
            approval::store(connection, &rows.into_values().collect::<Vec<_>>()).await?;
        }
        Projection::History => {
            let subjects = events.iter().map(|event| &event.recorded.envelope.subject);
            let mut newest = history::newest(connection, subjects).await?;
            let mut rows: Vec<&EventRow> = Vec::with_capacity(events.len());
            for event in events {
                let envelope = &event.recorded.envelope;
                if place.follows(event, newest.get(&envelope.subject).copied()) {
                    newest.insert(envelope.subject.clone(), envelope.id);
                    rows.extend(event.row.as_ref());
                }
            }
            history::store(connection, &rows).await?;
        }
    }
    forgotten::forget(connection, projection, &forgotten(events)).await?;
    Ok(place.parked)
}

/// Which events come where they say that they do.
#[derive(Default)]
struct Place {
    /// Whose events don't.
    closed: HashSet<Subject>,
    parked: Vec<ParkedEvent>,
}

impl Place {
    /// Of an object with this newest event; `None`: it has no row, and only its first event makes one.
    fn is_in(&mut self, it: &Readable, newest: Option<EventId>) -> bool {
        self.follows(it, newest.or(it.recorded.envelope.previous))
    }

    /// Of an object with this newest event; `None`: it has none.
    fn follows(&mut self, it: &Readable, newest: Option<EventId>) -> bool {
        let (subject, previous) = (&it.recorded.envelope.subject, it.recorded.envelope.previous);
        if !self.closed.is_empty() && self.closed.contains(subject) {
            self.parked.push(batch::follows(&it.recorded));
            return false;
        }
        if previous == newest {
            return true;
        }
        let reason = UnreadableReason::OutOfPlace { previous, newest };
        refused::count(reason.cause());
        tracing::error!(sequence = it.recorded.position.sequence, %subject, %reason,
            "an event is parked with what follows of its object");
        self.closed.insert(subject.clone());
        let parked = batch::park(&it.recorded, reason.to_string());
        self.parked.push(ParkedEvent { for_good: reason.is_for_good(), ..parked });
        false
    }
}

/// The invitation that an event tells of.
fn invited(it: &Readable) -> Option<InvitationId> {
    if let Event::Member(MemberEvent::Added(added)) = &it.recorded.event {
        return added.invitation;
    }
    it.recorded.event.as_invitation()?;
    InvitationId::try_from(&it.recorded.envelope.subject.aggregate_id).ok()
}

/// Whom the events forget. What follows them has no texts any more, so it may be stored before.
fn forgotten(events: &[&Readable]) -> Vec<(Keyholder, u64)> {
    let forgets = |it: &&Readable| {
        forgotten::forgets(&it.recorded).map(|keyholder| (keyholder, it.recorded.position.sequence))
    };
    events.iter().filter_map(forgets).collect()
}

/// Events of one noun, each with the id of what it is about.
fn about<'a, Id: TryFrom<&'a AggregateId>, Noun: 'a>(
    events: &[&'a Readable],
    noun: impl Fn(&'a Event) -> Option<&'a Noun>,
) -> Vec<(Id, &'a Noun, &'a Readable)> {
    let of = |it: &&'a Readable| {
        let id = Id::try_from(&it.recorded.envelope.subject.aggregate_id).ok()?;
        Some((id, noun(&it.recorded.event)?, *it))
    };
    events.iter().filter_map(of).collect()
}

fn ids<Id: Copy, Noun>(about: &[(Id, &Noun, &Readable)]) -> Vec<Id> {
    about.iter().map(|(id, ..)| *id).collect()
}

fn step<Id: Eq + Hash, Row>(
    rows: &mut HashMap<Id, Row>,
    id: Id,
    fold: impl FnOnce(Option<Row>) -> Option<Row>,
) {
    let row = rows.remove(&id);
    if let Some(row) = fold(row) {
        rows.insert(id, row);
    }
}
