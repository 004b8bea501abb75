//! People at the pages: who somebody is after a sign-in, and the names that pages show.

use std::time::Duration;

use std::sync::Arc;

use domain::member::{self, Member};
use domain::person::{self, Person};
use events::person::IdentityDigest;
use events::{
    AggregateType, Holder, Keyholder, MemberId, OrganizationId, Owner, ScopeSet, Subject, Timestamp, UserId,
};
use projections::directory::{GrantEntry, GrantState, MemberState, PersonState};
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;
use uuid::Uuid;

use super::acts::{Acting, Failed, done, order};
use super::clients::{Client, Known};
use super::pages::Granted as Shown;
use super::request::Request;
use super::state::Accounts;
use crate::command::{Found, Object, Said, Wanted};
use crate::issuers::{Granted, Identity};
use crate::passing::Passes;
use crate::vault::PassingKey;

/// The person that an issuer's word makes somebody. Nobody becomes known here who was neither invited nor let in by the
/// issuer's rules: at a public provider everybody could.
pub async fn signed_in(accounts: &Accounts, identity: &Identity, invited: bool) -> Result<UserId, Failed> {
    let tenant = identity.tenant.map(|tenant| tenant.to_string());
    let who = accounts.identities.identity(identity.issuer, tenant.as_deref(), &identity.subject);
    let known = accounts.directory.person_by_identity(&who.digest);
    if known.is_none() && !invited && identity.granted.is_empty() {
        let problem = "You have no account here. Ask an admin of your organization for an invitation.";
        return Err(Failed::Refused(problem.to_owned()));
    }
    let said = Said {
        email: identity.email.clone(),
        email_verified: identity.email_verified,
        name: identity.name.clone(),
        picture: identity.picture.clone(),
    };
    let found = accounts.commands.person_of(&accounts.directory, &who, &said).await.map_err(Failed::of)?;
    let person = found.person;
    if accounts.directory.person(person).is_some_and(|entry| entry.state != PersonState::Active) {
        return Err(Failed::Refused("Your account is suspended or has ended.".to_owned()));
    }
    follow(accounts, found, &who.digest, &said).await;
    for granted in &identity.granted {
        become_member(accounts, person, granted).await?;
    }
    Ok(person)
}

/// What an issuer said last of an identity: a proof of it, and nothing of what it said.
#[derive(Serialize, Deserialize)]
struct LastSaid([u8; 32]);

impl Passes for LastSaid {
    const KIND: &'static str = "said";
}

/// After that the same is written once more.
const SAID_LASTS: Duration = Duration::from_secs(400 * 24 * 3_600);

fn proof(key: &PassingKey, said: &Said) -> [u8; 32] {
    let Said { email, email_verified, name, picture } = said;
    let text = |text: &Option<String>| text.as_ref().map(|text| format!("={text}")).unwrap_or_default();
    let (email, name, picture) = (text(email), text(name), text(picture));
    let verified = [u8::from(*email_verified)];
    key.prove([b"said".as_slice(), email.as_bytes(), &verified, name.as_bytes(), picture.as_bytes()])
}

/// Where the issuer says something else of the person than at the last sign-in, that is what is known of them from now on. What
/// it does not say at all stays, as does everything where this fails: nobody is kept from signing in by it.
async fn follow(accounts: &Accounts, found: Found, identity: &IdentityDigest, said: &Said) {
    if said.email.is_none() && said.name.is_none() && said.picture.is_none() {
        return;
    }
    let name = identity.to_string();
    let followed: Result<(), String> = async {
        let held = accounts.passing.get::<LastSaid>(&name).await.map_err(|error| error.to_string())?;
        if held.as_ref().is_some_and(|held| held.value.0 == proof(&held.key, said)) {
            return Ok(());
        }
        if !found.added {
            let changed = accounts.commands.change_profile(found.person, said).await;
            changed.map_err(|error| error.to_string())?;
        }
        // Of two sign-ins at once either may be told of: both said so.
        let kept = match &held {
            Some(held) => {
                let last = LastSaid(proof(&held.key, said));
                accounts.passing.swap(held, &last, SAID_LASTS).await
            }
            None => {
                let key = accounts.passing.key();
                let last = LastSaid(proof(&key, said));
                accounts.passing.create_under(&key, &name, &last, SAID_LASTS).await
            }
        };
        kept.map(drop).map_err(|error| error.to_string())
    }
    .await;
    if let Err(error) = followed {
        tracing::warn!(person = %found.person, error, "what an issuer says of a person by now is not written down");
    }
}

/// What the issuer's rules give in an organization. Who was removed there stays removed, and an owner an owner: both are
/// an admin's word.
async fn become_member(accounts: &Accounts, person: UserId, granted: &Granted) -> Result<(), Failed> {
    let organization = granted.organization;
    let id = MemberId::of(organization, person);
    let command = match accounts.directory.member(organization, person) {
        None => member::Command::Add {
            person,
            role: granted.role.map_or(events::Role::Viewer, Into::into),
            scopes: granted.scopes.clone().unwrap_or_else(everything),
            invitation: None,
        },
        Some(entry) if entry.state == MemberState::Active && entry.role != events::Role::Owner => {
            let role = granted.role.map(events::Role::from).filter(|role| *role != entry.role);
            let scopes = granted.scopes.clone().filter(|scopes| *scopes != *entry.scopes);
            if role.is_none() && scopes.is_none() {
                return Ok(());
            }
            member::Command::Change { role, scopes, leave_without_owner: false }
        }
        Some(_) => return Ok(()),
    };
    let place = (id.uuid(), Subject::member(organization, id), Owner::Organization(organization));
    let words = json!({"person": person, "organization": organization});
    let holder = Holder::Person { id: person };
    let made = order::<Member>(accounts, holder, place, "members.sign_in", &words).await?;
    done(made, command).await.map(|_| ())
}

/// All that the organization's servers offer.
fn everything() -> ScopeSet {
    let all = events::Scope::Mcp(events::scope::McpScope {
        server: events::scope::ServerPattern::Any,
        thing: None,
    });
    ScopeSet::new(vec![all]).unwrap_or_else(|_| ScopeSet::nothing())
}

/// Every session of a person's ends.
pub async fn sign_out_everywhere(accounts: &Accounts, person: UserId) -> Result<(), Failed> {
    let object = Object {
        id: person.uuid(),
        subject: Subject::person(person),
        keyholder: Keyholder::Person(person),
        ids: vec![person.to_string()],
    };
    let wanted = Wanted { operation: "people.sign_out", request: &(), idempotency_key: None };
    let holder = Holder::Person { id: person };
    let made = accounts.commands.change::<Person, _, _>(Acting(holder), object, wanted).await;
    done(made.map_err(Failed::of)?, person::Command::SignOut).await.map(|_| ())
}

/// Who asks for what, as pages say it.
pub struct Named {
    /// The proved part of the client's id: its document's host, or the id that it was given.
    pub client: String,
    pub server: String,
    pub organization: String,
}

/// As anybody may see it: what was written of a server or an organization is for those who are signed in.
pub fn named(accounts: &Accounts, request: &Request) -> Named {
    let url = Url::parse(&request.client).ok();
    let host = url.as_ref().and_then(Url::host_str).map(str::to_owned);
    let organization = accounts.directory.organization(request.organization);
    let server = accounts.directory.server_by_id(request.server);
    Named {
        client: host.unwrap_or_else(|| format!("the client {}", request.client)),
        server: server.map_or_else(|| "a server that is gone".to_owned(), |server| server.slug.to_string()),
        organization: slug(accounts, request.organization)
            .unwrap_or_else(|| organization.map_or_else(String::new, |it| it.id.to_string())),
    }
}

/// The same with names, for who may use the server.
pub async fn well_named(accounts: &Accounts, request: &Request) -> Named {
    let Named { client, server, organization } = named(accounts, request);
    let (server_id, organization_id) = (request.server.uuid(), request.organization.uuid());
    let wanted = [(AggregateType::Server, server_id), (AggregateType::Organization, organization_id)];
    let mut names = accounts.names.of(&wanted).await;
    Named {
        client,
        server: beside(names.remove(&server_id), server),
        organization: beside(names.remove(&organization_id), organization),
    }
}

/// A name with the slug or id that is for ever.
fn beside(name: Option<String>, text: String) -> String {
    match name {
        Some(name) if name != text => format!("{name} ({text})"),
        Some(_) | None => text,
    }
}

/// What a client calls itself: a claim.
pub async fn client_name(accounts: &Accounts, client: &Client) -> Option<String> {
    if let Some(name) = &client.metadata.name {
        return Some(name.clone());
    }
    let Known::Recorded(entry) = &client.known else { return None };
    let id = entry.id.uuid();
    let name = accounts.names.of(&[(AggregateType::Client, id)]).await.remove(&id);
    // One without a name is called by its id.
    name.filter(|name| *name != id.to_string())
}

fn slug(accounts: &Accounts, organization: OrganizationId) -> Option<String> {
    accounts.directory.organization(organization).map(|entry| entry.slug.to_string())
}

/// Who is signed in: by their name, where it is known, or by the id, which an admin knows again.
pub async fn holder_name(accounts: &Accounts, holder: Holder) -> String {
    let (of, id) = match holder {
        Holder::Person { id } => (AggregateType::Person, id.uuid()),
        Holder::Key { id } => (AggregateType::Key, id.uuid()),
    };
    let name = accounts.names.of(&[(of, id)]).await.remove(&id);
    match (holder, name) {
        (Holder::Person { .. }, Some(name)) => name,
        (Holder::Person { id }, None) => format!("the person {id}"),
        (Holder::Key { id }, Some(name)) => format!("whoever holds the key {name} ({id})"),
        (Holder::Key { id }, None) => format!("whoever holds the key {id}"),
    }
}

/// What of one's own can be ended.
pub async fn grants(accounts: &Accounts, holder: Holder) -> Vec<Shown> {
    let now = accounts.clock.now();
    let mut live = accounts.directory.grants_of(holder);
    live.retain(|grant| grant.state == GrantState::Active && grant.expires_at > now);
    let wanted = live.iter().flat_map(|grant| {
        [
            (AggregateType::Client, grant.client.uuid()),
            (AggregateType::Server, grant.server.uuid()),
            (AggregateType::Organization, grant.organization.uuid()),
        ]
    });
    let names = accounts.names.of(&wanted.collect::<Vec<_>>()).await;
    let name = |id: Uuid| names.get(&id).cloned();
    let shown = |grant: &Arc<GrantEntry>| {
        let client = accounts.directory.client(grant.client);
        let url = client.as_ref().and_then(|client| match &client.origin {
            events::client::Origin::Document { url } => Url::parse(url.as_str()).ok(),
            events::client::Origin::Dynamic | events::client::Origin::Given => None,
        });
        let host = url.as_ref().and_then(Url::host_str).map(str::to_owned);
        let server = accounts.directory.server_by_id(grant.server).map(|server| server.slug.to_string());
        let server = server.unwrap_or_else(|| "a server that is gone".to_owned());
        let organization = slug(accounts, grant.organization).unwrap_or_default();
        Shown {
            id: grant.id.to_string(),
            client: host.unwrap_or_else(|| format!("the client {}", grant.client)),
            client_name: name(grant.client.uuid()).filter(|name| *name != grant.client.to_string()),
            server: beside(name(grant.server.uuid()), server),
            organization: beside(name(grant.organization.uuid()), organization),
            organization_id: grant.organization.to_string(),
            until: day(grant.expires_at),
        }
    };
    live.iter().map(shown).collect()
}

/// The day as people read it, in UTC.
fn day(at: Timestamp) -> String {
    let date = at.date_time().date();
    format!("{} {} {}", date.day(), date.month(), date.year())
}
