//! The directory: all that a node needs to know to let a call in or refuse it, in memory.
//!
//! It promises: the same log gives the same state, however it was cut into batches; one writer
//! ([`Directory::apply`]) and any number of readers that never wait for it; an entry, once handed out, never
//! changes; an event that can't be read closes its aggregate (its organization or the installation, when the
//! type of aggregate is unknown). It leaves to `follow` where events come from, to `gate` whether it may be
//! believed at all, and to the caller what an entry's state means for a call.
//!
//! **Generations.** Each entry carries the sequence of the event that made it. A cache above reads the entries
//! (key, organization, server) first, works its answer out of them alone, and keeps their generations with the
//! answer; on a hit it compares them with [`Directory::key_generation`] and its siblings, and resolves again
//! when one differs. So a fill that comes late can't outlive a revocation, and nobody sends invalidations. Whoever
//! goes on by an answer without asking again, as a stream that is open, watches its parts ([`Directory::watch`]).

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use events::digest::DigestBytes;
use events::position::Place;
use events::{
    IssuerId, KeyId, OrganizationId, Owner, Read, ScopeSet, ServerId, Signers, Slug, Subject, Timestamp,
    UnreadableCause,
};
use papaya::{Equivalent, HashMap};

use self::fold::Closed;
use self::granted::{Expiring, Granted};
use self::hash::ById;
use self::holding::Holdings;
use self::keys::Keys;
use self::people::People;
use self::watch::Watches;

mod fold;
pub mod follow;
pub mod freshness;
pub mod gate;
mod granted;
mod hash;
mod holding;
mod invitation;
mod issuer;
mod key;
mod keys;
pub mod lease;
mod member;
mod newest;
mod organization;
mod people;
mod person;
pub mod proof;
mod server;
pub mod snapshot;
#[cfg(test)]
mod tests;
mod vouched;
mod watch;

pub use gate::{Gate, NotReady};
pub use granted::{
    ApprovalEntry, ApprovalState, ClientEntry, ClientSecret, ClientState, ConsentEntry, ConsentState,
    GrantEntry, GrantState, GrantedCounts, TokenKeyEntry, TokenKeyState,
};
pub use holding::Holding;
pub use invitation::{InvitationEntry, InvitationState};
pub use issuer::{IssuerEntry, IssuerState};
pub use key::{KeyEntry, KeyState, LastFour};
pub use member::{MemberEntry, MemberState, OwnersOf};
pub use newest::Newest;
pub use organization::{OrganizationEntry, OrganizationState};
pub use people::PeopleCounts;
pub use person::{PersonEntry, PersonState};
pub use server::{ServerEntry, ServerState};
pub use watch::{Part, Watch};

/// Every key, organization and server of the log up to [`Directory::applied`].
#[derive(Default)]
pub struct Directory {
    keys: Keys,
    organizations: ById<OrganizationId, Arc<OrganizationEntry>>,
    organization_slugs: HashMap<Slug, OrganizationId>,
    servers: ById<ServerId, Arc<ServerEntry>>,
    server_slugs: HashMap<ServerAddress, ServerId>,
    granted: Granted,
    people: People,
    issuers: ById<IssuerId, Arc<IssuerEntry>>,
    /// In the order in which they were registered.
    issuers_by_owner: HashMap<Owner, Arc<[IssuerId]>>,
    /// What was closed, by subject: also what has no entry, such as a slug or an unknown type.
    closed: HashMap<Subject, Closed>,
    installation_closed: AtomicU64,
    /// Why, of the event of this sequence; a snapshot does not tell.
    installation_cause: Mutex<Option<(u64, UnreadableCause)>>,
    /// It may be ahead of what was applied: a key's places say for which messages it is good.
    signers: Arc<Signers>,
    applied: AtomicU64,
    writer: Mutex<Writer>,
    watches: Watches,
}

/// What only the writer touches. Its lock is held while a message is applied, so whoever holds it sees the
/// directory as of one message.
#[derive(Default)]
struct Writer {
    interned: Interned,
    holdings: Holdings,
    expiring: Expiring,
    /// Of the last applied message.
    place: Option<Place>,
    /// When the log stored the last event.
    stored_at: Option<Timestamp>,
}

/// How much the directory holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    pub keys: usize,
    pub organizations: usize,
    pub servers: usize,
    pub issuers: usize,
    pub closed: usize,
    #[serde(default)]
    pub granted: GrantedCounts,
    #[serde(default)]
    pub people: PeopleCounts,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct ServerAddress {
    organization: OrganizationId,
    slug: Slug,
}

/// Hashes as [`ServerAddress`] does, and borrows.
#[derive(Hash)]
struct ServerAddressRef<'a> {
    organization: OrganizationId,
    slug: &'a str,
}

impl Equivalent<ServerAddress> for ServerAddressRef<'_> {
    fn equivalent(&self, key: &ServerAddress) -> bool {
        self.organization == key.organization && self.slug == key.slug.as_str()
    }
}

/// Hashes as [`Slug`] does.
#[derive(Hash)]
struct SlugRef<'a>(&'a str);

impl Equivalent<Slug> for SlugRef<'_> {
    fn equivalent(&self, key: &Slug) -> bool {
        self.0 == key.as_str()
    }
}

/// What many keys have alike, held once.
#[derive(Default)]
struct Interned {
    scopes: HashSet<Arc<ScopeSet>>,
    prefixes: HashSet<Arc<str>>,
    /// At this many sets, those that no key has any more are let go.
    sweep_at: usize,
}

impl Directory {
    pub fn new() -> Self {
        Self::default()
    }

    /// One whose follower judges by these keys, which others share.
    pub fn with_signers(signers: Arc<Signers>) -> Self {
        Self { signers, ..Self::default() }
    }

    /// The key of this digest. Unknown keys are refused from memory.
    pub fn key_by_digest(&self, digest: &DigestBytes) -> Option<Arc<KeyEntry>> {
        self.keys.of_digest(digest)
    }

    pub fn key(&self, id: KeyId) -> Option<Arc<KeyEntry>> {
        self.keys.of_id(id)
    }

    pub fn organization(&self, id: OrganizationId) -> Option<Arc<OrganizationEntry>> {
        self.organizations.pin().get(&id).cloned()
    }

    pub fn organization_by_slug(&self, slug: &str) -> Option<Arc<OrganizationEntry>> {
        let id = *self.organization_slugs.pin().get(&SlugRef(slug))?;
        self.organization(id)
    }

    /// The server that a slug names within an organization.
    pub fn server(&self, organization: OrganizationId, slug: &str) -> Option<Arc<ServerEntry>> {
        let id = *self.server_slugs.pin().get(&ServerAddressRef { organization, slug })?;
        self.server_by_id(id)
    }

    /// The slugs of an organization's servers that are not removed. It looks at all servers that there are.
    pub fn servers_of(&self, organization: OrganizationId) -> Vec<Slug> {
        let servers = self.servers.pin();
        let own = servers
            .values()
            .filter(|entry| entry.organization == organization && entry.state != ServerState::Removed);
        own.map(|entry| entry.slug.clone()).collect()
    }

    pub fn server_by_id(&self, id: ServerId) -> Option<Arc<ServerEntry>> {
        self.servers.pin().get(&id).cloned()
    }

    /// All servers, where there are at most so many. Those that were removed count as well.
    pub fn few_servers(&self, most: usize) -> Option<Vec<Arc<ServerEntry>>> {
        (self.servers.len() <= most).then(|| self.servers.pin().values().cloned().collect())
    }

    /// How much of this is the organization's.
    pub fn holding(&self, organization: OrganizationId) -> Holding {
        self.writer().holdings.of(organization)
    }

    /// The generation of the key of this digest now; `None`: unknown.
    pub fn key_generation(&self, digest: &DigestBytes) -> Option<u64> {
        self.keys.generation(digest)
    }

    /// The generation of an organization now; `None`: unknown.
    pub fn organization_generation(&self, id: OrganizationId) -> Option<u64> {
        self.organizations.pin().get(&id).map(|entry| entry.generation)
    }

    /// The generation of a server now; `None`: unknown.
    pub fn server_generation(&self, id: ServerId) -> Option<u64> {
        self.servers.pin().get(&id).map(|entry| entry.generation)
    }

    /// Whether an event about the installation itself can't be read here. [`Gate::check`] then refuses
    /// everything.
    pub fn installation_closed(&self) -> bool {
        self.installation_closed_at().is_some()
    }

    fn installation_closed_at(&self) -> Option<u64> {
        Some(self.installation_closed.load(Ordering::Acquire)).filter(|sequence| *sequence != 0)
    }

    /// Why the installation was closed by this event; `None`: it names no object that there can be.
    fn installation_closed_for(&self, sequence: u64) -> Option<UnreadableCause> {
        let known = *self.installation_cause.lock().unwrap_or_else(PoisonError::into_inner);
        known.filter(|(at, _)| *at == sequence).map(|(_, cause)| cause)
    }

    /// The keys that sign events, by which the follower judges them. They follow the log with the directory.
    pub fn signers(&self) -> Arc<Signers> {
        Arc::clone(&self.signers)
    }

    /// Watches these parts: it wakes after each change of one of them from now on, and when what concerns everybody
    /// changes. Whoever waits for it looks once more after it is made.
    pub fn watch(&self, parts: Box<[Part]>) -> Watch {
        self.watches.open(parts)
    }

    /// Wakes everybody who watches: what all of them go by has changed beside the directory.
    pub fn wake_all(&self) {
        self.watches.wake_all();
    }

    /// The sequence of the last message that was applied; 0 before the first.
    pub fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    /// The place of the last applied message; `None` before the first.
    pub fn place(&self) -> Option<Place> {
        self.writer().place
    }

    /// When the log stored the last applied event; `None` before the first.
    pub fn stored_at(&self) -> Option<Timestamp> {
        self.writer().stored_at
    }

    /// The organizations that are forgotten.
    pub fn forgotten(&self) -> Vec<OrganizationId> {
        let organizations = self.organizations.pin();
        let forgotten = organizations.values().filter(|entry| entry.state == OrganizationState::Forgotten);
        forgotten.map(|entry| entry.id).collect()
    }

    pub fn counts(&self) -> Counts {
        Counts {
            keys: self.keys.len(),
            organizations: self.organizations.len(),
            servers: self.servers.len(),
            issuers: self.issuers.len(),
            closed: self.closed.len(),
            granted: self.granted.counts(),
            people: self.people.counts(),
        }
    }

    /// Takes in the next message of the log. One that was applied already changes nothing.
    pub fn apply(&self, read: &Read) {
        let mut writer = self.writer();
        let sequence = match read {
            Read::Event(recorded) => recorded.position.sequence,
            Read::Unreadable(unreadable) => unreadable.position.sequence,
            Read::Foreign(foreign) => foreign.sequence,
        };
        if sequence <= self.applied() {
            return;
        }
        match read {
            Read::Event(recorded) => {
                let subject = &recorded.envelope.subject;
                if !self.is_closed(subject) {
                    if self.is_in_place(recorded) {
                        self.signers.take(recorded);
                        self.fold(&mut writer, recorded);
                    } else {
                        self.is_out_of_place(recorded);
                    }
                }
            }
            Read::Unreadable(unreadable) => {
                let subject = &unreadable.subject;
                tracing::error!(sequence, %subject, kind = ?unreadable.kind,
                    version = unreadable.schema_version, reason = %unreadable.reason,
                    "an event can't be read: what it is about is closed");
                self.refuse(subject, sequence, unreadable.reason.cause());
            }
            Read::Foreign(foreign) => {
                metrics::counter!("keyledger_foreign_messages_total").increment(1);
                tracing::error!(sequence, subject = %foreign.subject, reason = %foreign.reason,
                    "a message in the log is no event of ours: skipped");
            }
        }
        writer.comes_to(read, sequence);
        self.let_grants_go(&mut writer);
        self.applied.store(sequence, Ordering::Release);
        drop(writer);
        self.watches.wake();
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    fn comes_to(&mut self, read: &Read, sequence: u64) {
        let (log, stored_at) = match read {
            Read::Event(recorded) => (recorded.position.log, Some(recorded.stored_at)),
            Read::Unreadable(unreadable) => (unreadable.position.log, Some(unreadable.stored_at)),
            // It does not tell its log: that of the events before it.
            Read::Foreign(_) => match self.place {
                Some(place) => (place.log, self.stored_at),
                None => return,
            },
        };
        self.stored_at = stored_at;
        self.place = Some(Place { log, sequence, event: read.event_id() });
    }
}

impl Interned {
    fn scopes(&mut self, scopes: &ScopeSet) -> Arc<ScopeSet> {
        if let Some(shared) = self.scopes.get(scopes) {
            return Arc::clone(shared);
        }
        if self.scopes.len() >= self.sweep_at.max(1_024) {
            self.scopes.retain(|set| Arc::strong_count(set) > 1);
            self.sweep_at = self.scopes.len() * 2;
        }
        let shared = Arc::new(scopes.clone());
        self.scopes.insert(Arc::clone(&shared));
        shared
    }

    fn prefix(&mut self, prefix: &str) -> Arc<str> {
        if let Some(shared) = self.prefixes.get(prefix) {
            return Arc::clone(shared);
        }
        if self.prefixes.len() >= 1_024 {
            self.prefixes.retain(|text| Arc::strong_count(text) > 1);
        }
        let shared: Arc<str> = prefix.into();
        self.prefixes.insert(Arc::clone(&shared));
        shared
    }
}
