//! Evidence for an audit of a period: who could administer, which keys were made and ended and by whom, what else
//! happened, and whether the log that says so is whole.
//!
//! A state machine that is handed every event in the log's order, from the first to the period's end, and keeps what
//! falls into the period. What people wrote stays sealed until the report is made: `names` opens it, through the vault.
//! It rests on the log alone, and needs no read model.

mod admin;
pub mod csv;
pub mod html;
mod names;

use std::collections::HashMap;

use events::approval::ApprovalEvent;
use events::client::{ClientEvent, ClientMetadata, Word};
use events::installation::{InstallationEvent, LossAccepted};
use events::invitation::InvitationEvent;
use events::issuer::{IssuerEvent, IssuerSettings, Protocol};
use events::key::KeyEvent;
use events::member::MemberEvent;
use events::organization::OrganizationEvent;
use events::sealed::{Field, SealedField};
use events::server::ServerEvent;
use events::{Actor, Event, KeyId, LogId, OrganizationId, Owner, Recorded, SealedText, Subject, Timestamp};
use serde::Serialize;

use self::admin::Admins;
pub use self::names::AuditError;
use crate::verify;

/// From one moment to another, the second excluded, by the log's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Period {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Period {
    fn has(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }
}

/// What is told of a period. Each list in the order of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    pub log: LogId,
    pub period: Period,
    pub made_at: Timestamp,
    /// `null`: the whole installation.
    pub organization: Option<String>,
    pub verification: Verification,
    /// The management keys that worked at some moment of the period.
    pub administrators: Vec<Administrator>,
    pub keys_made: Vec<KeyMade>,
    pub keys_ended: Vec<Happened>,
    /// Recovered admin keys, changed signing keys, restored logs.
    pub turning_points: Vec<Happened>,
    /// Everything else.
    pub changes: Vec<Happened>,
}

/// Whether the log is whole and true up to the period's end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    pub good: bool,
    /// Messages that were read and checked: all up to this sequence.
    pub messages: u64,
    pub last_sequence: u64,
    /// The newest checkpoint within them that the log agrees with; `null`: nothing but the log itself vouches for it.
    pub checkpoint: Option<verify::Agreed>,
    pub findings: u64,
    /// The first of them.
    pub first: Vec<String>,
}

/// Findings that are told one by one.
const TOLD: usize = 20;

impl Verification {
    pub fn of(report: &verify::Report) -> Self {
        let told = report.findings.iter().take(TOLD);
        Self {
            good: report.good,
            messages: report.messages,
            last_sequence: report.last_sequence,
            checkpoint: report.checkpoint.clone(),
            findings: report.total(),
            first: told.map(|it| format!("{}: {}: {}", it.sequence, it.check.as_str(), it.problem)).collect(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Administrator {
    pub key: KeyId,
    /// What people call it; `null`: forgotten.
    pub name: Option<String>,
    /// An organization's slug; `null`: the installation.
    pub organization: Option<String>,
    /// At the period's end, or when it ended.
    pub scopes: Vec<String>,
    pub issued_at: Timestamp,
    pub issued_by: Who,
    /// When it could administer within the period: from, and until; `null`: beyond the period's end.
    pub worked: Vec<(Timestamp, Option<Timestamp>)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyMade {
    #[serde(flatten)]
    pub happened: Happened,
    pub scopes: Vec<String>,
    pub not_before: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Happened {
    pub sequence: u64,
    pub event: String,
    /// Such as `key.revoked`.
    pub kind: String,
    pub at: Timestamp,
    pub by: Who,
    pub organization: Option<String>,
    /// Such as `key <id>`.
    pub about: String,
    /// What it is called; `null`: it has no name, or it is forgotten.
    pub name: Option<String>,
    /// What changed, in words.
    pub change: Option<String>,
    /// Why, as people wrote it; `null`: nobody said, or forgotten.
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Who {
    /// Such as `key:<id>`.
    pub actor: String,
    pub name: Option<String>,
}

/// A text that people wrote, as the log has it.
#[derive(Debug, Clone)]
struct Text {
    field: SealedField,
    sealed: SealedText,
}

/// An event of the period, before its texts are opened.
#[derive(Debug)]
struct Noted {
    recorded: Box<Recorded>,
    list: List,
    change: Option<String>,
    reason: Option<Text>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Made,
    Ended,
    TurningPoint,
    Change,
}

/// What is known of the log so far.
pub struct Audit {
    log: LogId,
    period: Period,
    /// `None`: the whole installation.
    only: Option<Owner>,
    admins: Admins,
    /// Where the newest name of each named object stands.
    named: HashMap<Subject, u64>,
    slugs: HashMap<Owner, String>,
    noted: Vec<Noted>,
}

impl Audit {
    /// Of the whole installation, or of one owner's part of it.
    pub fn new(log: LogId, period: Period, only: Option<Owner>) -> Self {
        Self {
            log,
            period,
            only,
            admins: Admins::default(),
            named: HashMap::new(),
            slugs: HashMap::new(),
            noted: Vec::new(),
        }
    }

    /// Takes the next event. What is none, can't be read or was not signed is the verification's matter.
    pub fn take(&mut self, recorded: Box<Recorded>) {
        let subject = recorded.envelope.subject.clone();
        let at = recorded.stored_at;
        if recorded.event.sealed().iter().any(|(field, _)| *field == Field::Name) {
            self.named.insert(subject.clone(), recorded.position.sequence);
        }
        if let Event::Organization(OrganizationEvent::Created(created)) = &recorded.event {
            self.slugs.insert(about(&subject), created.slug.to_string());
        }
        let before = match (&recorded.event, KeyId::try_from(&subject.aggregate_id)) {
            (Event::Key(event), Ok(id)) => {
                self.admins.take(id, event, &subject, &recorded.envelope.actor, at)
            }
            _ => None,
        };
        let mine = self.only.is_none_or(|only| only == about(&subject));
        if !mine || !self.period.has(at) {
            return;
        }
        let Some(list) = list(&recorded.event) else { return };
        let change = change(&recorded.event, before.as_deref());
        let reason = reason(&recorded);
        self.noted.push(Noted { recorded, list, change, reason });
    }

    /// Whether it is the id of an organization that was created until now.
    pub fn knows(&self, organization: OrganizationId) -> bool {
        self.slugs.contains_key(&Owner::Organization(organization))
    }

    fn organization(&self, owner: Owner) -> Option<String> {
        match owner {
            Owner::Installation => None,
            Owner::Organization(id) => {
                Some(self.slugs.get(&owner).cloned().unwrap_or_else(|| id.to_string()))
            }
        }
    }
}

/// Whose matter it is: an organization's own events are the organization's.
fn about(subject: &Subject) -> Owner {
    match OrganizationId::try_from(&subject.aggregate_id) {
        Ok(id) if subject.aggregate_type == events::AggregateType::Organization => Owner::Organization(id),
        Ok(_) | Err(_) => subject.owner,
    }
}

/// `None`: it says nothing that another event does not say.
fn list(event: &Event) -> Option<List> {
    match event {
        Event::Slug(_) => None,
        Event::Installation(_) => Some(List::TurningPoint),
        Event::Key(KeyEvent::Issued(_)) => Some(List::Made),
        Event::Key(KeyEvent::Revoked(_)) => Some(List::Ended),
        Event::Key(_)
        | Event::Organization(_)
        | Event::Server(_)
        | Event::Webhook(_)
        | Event::Person(_)
        | Event::Member(_)
        | Event::Invitation(_)
        | Event::Client(_)
        | Event::Approval(_)
        | Event::Consent(_)
        | Event::Grant(_)
        | Event::Issuer(_) => Some(List::Change),
    }
}

/// `before`: what stood there until now, where that is known.
fn change(event: &Event, before: Option<&str>) -> Option<String> {
    let from = before.map_or_else(String::new, |before| format!(" (before: {before})"));
    match event {
        Event::Key(KeyEvent::ScopesChanged(now)) => {
            Some(format!("scopes: {}{from}", words(now.scopes.iter())))
        }
        Event::Key(KeyEvent::ExpiryChanged(now)) => {
            let until = now.expires_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
            Some(format!("expires: {until}{from}"))
        }
        Event::Server(ServerEvent::Registered(it)) => {
            Some(format!("slug {}, upstream {}", it.slug, it.upstream))
        }
        Event::Server(ServerEvent::Changed(it)) => {
            let parts = [
                it.upstream.as_ref().map(|upstream| format!("upstream: {upstream}")),
                it.enabled.map(|enabled| (if enabled { "enabled" } else { "disabled" }).to_owned()),
                it.settings.as_ref().map(|_| "settings".to_owned()),
                it.name.as_ref().map(|_| "name".to_owned()),
            ];
            Some(parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
        }
        Event::Organization(OrganizationEvent::Created(it)) => Some(format!("slug {}", it.slug)),
        Event::Installation(event) => installation(event),
        Event::Member(MemberEvent::Added(it)) => Some(format!("person {}, role {}", it.person, it.role)),
        Event::Member(MemberEvent::Changed(it)) => Some(format!("role: {}", it.role)),
        Event::Invitation(InvitationEvent::Created(it)) => {
            Some(format!("role {}, until {}", it.role, it.expires_at))
        }
        Event::Issuer(event) => issuer(event),
        Event::Client(event) => client(event),
        Event::Approval(ApprovalEvent::Given(it)) => Some(format!("client {}", it.client)),
        Event::Key(_)
        | Event::Organization(_)
        | Event::Server(ServerEvent::Removed(_))
        | Event::Webhook(_)
        | Event::Person(_)
        | Event::Member(MemberEvent::Removed(_))
        | Event::Invitation(InvitationEvent::Withdrawn(_))
        | Event::Approval(ApprovalEvent::Withdrawn(_))
        | Event::Consent(_)
        | Event::Grant(_)
        | Event::Slug(_) => None,
    }
}

fn installation(event: &InstallationEvent) -> Option<String> {
    match event {
        InstallationEvent::Bootstrapped(it) => {
            let (writer, checkpoint) = (it.writer.id, it.checkpoint.id);
            Some(format!("writer key {writer} and checkpoint key {checkpoint} sign from now on"))
        }
        InstallationEvent::Recovered(it) => {
            Some(format!("the admin key {} was let in by an operator", it.admin_key))
        }
        InstallationEvent::SignerPublished(it) => {
            Some(format!("{} key {} signs from now on", it.purpose.as_str(), it.key.id))
        }
        InstallationEvent::SignerRetired(it) => {
            Some(format!("{} key {} signs no longer", it.purpose.as_str(), it.id))
        }
        InstallationEvent::TokenKeyPublished(it) => {
            Some(format!("key {} signs access tokens from {} on", it.id, it.used_from))
        }
        InstallationEvent::TokenKeyRetired(it) => {
            Some(format!("access tokens of key {} are taken no longer", it.id))
        }
        InstallationEvent::LossAccepted(LossAccepted { kept, lost }) => {
            let newest = lost.iter().map(|head| head.size).max().unwrap_or(kept.size);
            Some(format!("messages {} to at least {newest} are lost: {} were kept", kept.size + 1, kept.size))
        }
    }
}

fn client(event: &ClientEvent) -> Option<String> {
    let said = |metadata: &ClientMetadata| {
        let method = metadata.token_endpoint_auth_method.as_ref().map_or("none", Word::as_str);
        format!("{method}, answers to {}", words(metadata.redirect_uris.iter()))
    };
    match event {
        ClientEvent::Registered(it) => Some(format!("{}, {}", it.origin.as_str(), said(&it.metadata))),
        ClientEvent::Changed(it) => Some(said(&it.metadata)),
        ClientEvent::SecretIssued(it) => Some(format!("secret: {}", it.secret_id)),
        ClientEvent::SecretRevoked(it) => Some(format!("secret revoked: {}", it.secret_id)),
        ClientEvent::Disabled(_) | ClientEvent::Enabled(_) | ClientEvent::Removed(_) => None,
    }
}

fn issuer(event: &IssuerEvent) -> Option<String> {
    let settings = |settings: &IssuerSettings, enabled: bool| {
        let issuer = match &settings.protocol {
            Protocol::OpenId { issuer } => issuer.to_string(),
            Protocol::Entra { authority, tenants, guests } => {
                let guests = if *guests { " and their guests" } else { "" };
                format!("{authority}, tenants {}{guests}", words(tenants.iter()))
            }
        };
        format!("{}, {issuer}, client {}", if enabled { "enabled" } else { "disabled" }, settings.client_id)
    };
    match event {
        IssuerEvent::Registered(it) => {
            Some(format!("slug {}, {}", it.slug, settings(&it.settings, it.enabled)))
        }
        IssuerEvent::Changed(it) => Some(settings(&it.settings, it.enabled)),
        IssuerEvent::CredentialSet(it) => Some(format!("credential: {} {}", it.kind.as_str(), it.credential)),
        IssuerEvent::Renamed(_) | IssuerEvent::CredentialRemoved(_) | IssuerEvent::Removed(_) => None,
    }
}

fn words(scopes: impl Iterator<Item = impl ToString>) -> String {
    scopes.map(|scope| scope.to_string()).collect::<Vec<_>>().join(" ")
}

fn reason(recorded: &Recorded) -> Option<Text> {
    let (field, sealed) = recorded.event.sealed().into_iter().find(|(field, _)| *field == Field::Reason)?;
    let field = SealedField::of(&recorded.envelope.subject, recorded.envelope.id, field);
    Some(Text { field, sealed: sealed.clone() })
}

/// The key by which somebody acted.
fn key_of(actor: &Actor) -> Option<KeyId> {
    match actor {
        Actor::Key(id) => Some(*id),
        Actor::User(_) | Actor::Client(_) | Actor::Grant(_) | Actor::System(_) | Actor::Reactor(_) => None,
    }
}

#[cfg(test)]
mod tests;
