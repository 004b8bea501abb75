//! Names beside ids: what a key, a server, an organization, a webhook, a person, an invitation, an issuer or a client is
//! called now.

use std::collections::HashMap;

use events::{Actor, AggregateType, Owner};
use uuid::Uuid;

use super::{Pool, ReadModelError};

/// Of which a name is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ids {
    keys: Vec<Uuid>,
    servers: Vec<Uuid>,
    organizations: Vec<Uuid>,
    webhooks: Vec<Uuid>,
    people: Vec<Uuid>,
    invitations: Vec<Uuid>,
    issuers: Vec<Uuid>,
    clients: Vec<Uuid>,
}

impl Ids {
    /// Of those who did something.
    pub fn of_actors<'a>(actors: impl IntoIterator<Item = &'a Actor>) -> Self {
        let mut ids = Self::default();
        actors.into_iter().for_each(|actor| ids.push_actor(actor));
        ids
    }

    pub fn push_actor(&mut self, actor: &Actor) {
        match actor {
            Actor::Key(id) => self.keys.push(id.uuid()),
            Actor::User(id) => self.people.push(id.uuid()),
            Actor::Client(id) => self.clients.push(id.uuid()),
            Actor::Grant(_) | Actor::System(_) | Actor::Reactor(_) => {}
        }
    }

    /// Something of this type. What has no name is nothing to ask for.
    pub fn push(&mut self, of: &AggregateType, id: Uuid) {
        match of {
            AggregateType::Key => self.keys.push(id),
            AggregateType::Server => self.servers.push(id),
            AggregateType::Organization => self.organizations.push(id),
            AggregateType::Webhook => self.webhooks.push(id),
            AggregateType::Person => self.people.push(id),
            AggregateType::Invitation => self.invitations.push(id),
            AggregateType::Issuer => self.issuers.push(id),
            AggregateType::Client => self.clients.push(id),
            AggregateType::Installation
            | AggregateType::Slug
            | AggregateType::Member
            | AggregateType::Approval
            | AggregateType::Consent
            | AggregateType::Grant
            | AggregateType::Unknown(_) => {}
        }
    }

    /// Such as `key:<id>`.
    pub fn push_object(&mut self, object: &str) {
        if let Some((of, id)) = parts(object) {
            self.push(&of, id);
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn parts(object: &str) -> Option<(AggregateType, Uuid)> {
    let (of, id) = object.split_once(':')?;
    Some((of.parse().ok()?, id.parse().ok()?))
}

fn id_of(actor: &Actor) -> Option<Uuid> {
    match actor {
        Actor::Key(id) => Some(id.uuid()),
        Actor::User(id) => Some(id.uuid()),
        Actor::Client(id) => Some(id.uuid()),
        Actor::Grant(_) | Actor::System(_) | Actor::Reactor(_) => None,
    }
}

/// Those that the reader may know: an organization's reader knows what is its own.
#[derive(Debug, Default)]
pub struct Names {
    names: HashMap<Uuid, String>,
    /// Of organizations.
    slugs: HashMap<Uuid, String>,
}

/// Id, owner, name, slug of an organization.
type Named = (Uuid, String, Option<String>, Option<String>);

impl Names {
    pub async fn read(pool: &Pool, reader: Owner, ids: Ids) -> Result<Self, ReadModelError> {
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let Ids { keys, servers, organizations, webhooks, people, invitations, issuers, clients } = ids;
        let found: Vec<Named> = sqlx::query_as(NAMES)
            .bind(keys)
            .bind(servers)
            .bind(organizations)
            .bind(webhooks)
            .bind(people)
            .bind(invitations)
            .bind(issuers)
            .bind(clients)
            .fetch_all(pool.inner())
            .await?;
        let mut names = Self::default();
        for (id, owner, name, slug) in found {
            if reader == Owner::Installation || owner == reader.to_string() {
                names.names.extend(name.map(|name| (id, name)));
                names.slugs.extend(slug.map(|slug| (id, slug)));
            }
        }
        Ok(names)
    }

    /// `None`: it has none, it is forgotten, or it is not the reader's to know.
    pub fn of(&self, id: Uuid) -> Option<String> {
        self.names.get(&id).cloned()
    }

    pub fn of_actor(&self, actor: &Actor) -> Option<String> {
        self.of(id_of(actor)?)
    }

    /// Of such as `key:<id>`.
    pub fn of_object(&self, object: &str) -> Option<String> {
        self.of(parts(object)?.1)
    }

    pub fn slug(&self, organization: Uuid) -> Option<String> {
        self.slugs.get(&organization).cloned()
    }
}

pub(super) const NAMES: &str = "SELECT id, owner, name, NULL FROM keys WHERE id = ANY($1::uuid[]) \
     UNION ALL SELECT id, organization::text, name, NULL FROM servers WHERE id = ANY($2::uuid[]) \
     UNION ALL SELECT id, id::text, name, slug FROM organizations WHERE id = ANY($3::uuid[]) \
     UNION ALL SELECT id, owner, name, NULL FROM webhooks WHERE id = ANY($4::uuid[]) \
     UNION ALL SELECT id, '_', name, NULL FROM people WHERE id = ANY($5::uuid[]) \
     UNION ALL SELECT id, organization::text, name, NULL FROM invitations WHERE id = ANY($6::uuid[]) \
     UNION ALL SELECT id, owner, name, NULL FROM issuers WHERE id = ANY($7::uuid[]) \
     UNION ALL SELECT id, owner, name, NULL FROM clients WHERE id = ANY($8::uuid[])";
