//! The directory as bytes and back: a node that starts from them and follows on from their place comes to what a
//! replay of the whole log gives.
//!
//! It promises: everything that the directory holds is in them; equal directories give equal bytes; what is read
//! is bounded by what was handed in. It leaves to the gateway where the bytes lie and who vouches for them.
//!
//! The bytes are chunks of whole records ([`record`]), sorted. They are not compressed: nearly all of a key is
//! ids and a digest, which are random.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use events::position::Place;
use events::signers::PublishedSigner;
use events::{Event, Owner, ScopeSet, SignerSet, Subject, Timestamp, UnreadableCause};

use self::record::{BadRecord, Record};
use super::fold::Closed;
use super::granted::Entries;
use super::holding::{Holding, Holdings};
use super::people::PeopleEntries;
use super::{Counts, Directory, Interned, IssuerEntry, KeyEntry, OrganizationEntry, ServerEntry, Writer};
use crate::refused;

mod granted;
mod people;
mod record;

/// Of the records, and of what the directory makes of events: whoever changes either counts it up, since a
/// snapshot of before would bring the old meaning back.
pub const FORMAT: u32 = 10;

/// A chunk is at most this long, in bytes.
pub const MAX_CHUNK: usize = 128 * 1024;

/// Every event kind and version that is read here, as `kind:version`, sorted. A snapshot made by a version that
/// reads others may have closed what can be read here, or the other way about.
pub fn reads() -> Vec<String> {
    let mut reads: Vec<_> =
        Event::WRITTEN.iter().map(|(kind, version)| format!("{kind}:{version}")).collect();
    reads.sort();
    reads
}

/// The directory as of one message: what [`Cut::chunks`] writes down.
pub struct Cut {
    /// Of the last message that is in it.
    pub place: Place,
    /// When the log stored the last event that is in it.
    pub stored_at: Timestamp,
    pub counts: Counts,
    installation_closed: Option<Closed>,
    /// Of the installation that publishes keys; `None`: none was made yet.
    installation: Option<String>,
    signers: Vec<PublishedSigner>,
    /// With whether its slug leads to it: the first to have a slug keeps it.
    organizations: Vec<(Arc<OrganizationEntry>, bool)>,
    servers: Vec<(Arc<ServerEntry>, bool)>,
    issuers: Vec<Arc<IssuerEntry>>,
    keys: Vec<Arc<KeyEntry>>,
    granted: Entries,
    people: PeopleEntries,
    closed: Vec<(String, Closed)>,
}

/// A directory that is being read.
#[derive(Default)]
pub struct Loading {
    installation_closed: Option<Closed>,
    installation: Option<Subject>,
    signers: Vec<PublishedSigner>,
    organizations: Vec<(Arc<OrganizationEntry>, bool)>,
    servers: Vec<(Arc<ServerEntry>, bool)>,
    issuers: Vec<IssuerEntry>,
    keys: Vec<Arc<KeyEntry>>,
    granted: Entries,
    people: PeopleEntries,
    closed: Vec<(Subject, Closed)>,
    interned: Interned,
    /// The scopes that were read, by their text.
    scopes: HashMap<String, Arc<ScopeSet>>,
}

/// Why there is no directory of these bytes.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("a record can't be read: {0}")]
    Record(#[from] postcard::Error),
    #[error("a record's {0} is none")]
    Value(&'static str),
    #[error("it holds {found:?}, and not {expected:?}")]
    Counts { found: Box<Counts>, expected: Box<Counts> },
    #[error("the directory holds events already")]
    NotEmpty,
}

impl Directory {
    /// The directory as of its last message; `None` before the first. The writer waits meanwhile (about 0.1 ms
    /// for 1,000 keys); readers do not.
    pub fn cut(&self) -> Option<Cut> {
        // Named one by one, so that nothing that is added to the directory is left out of its snapshots in silence.
        let Self {
            writer,
            keys,
            organizations,
            organization_slugs,
            servers,
            server_slugs,
            granted,
            people,
            issuers,
            // In the order of the entries.
            issuers_by_owner: _,
            closed,
            installation_closed: _,
            installation_cause: _,
            signers,
            // The place's sequence.
            applied: _,
            watches: _,
        } = self;
        let writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        // Shared, counted and put in order anew when it is read.
        let Writer { interned: _, holdings: _, expiring: _, place, stored_at } = &*writer;
        let (place, stored_at) = ((*place)?, (*stored_at)?);
        // They may be ahead of the directory.
        let signers = signers.now().as_of(place.sequence);
        let slugs = organization_slugs.pin();
        let named = |entry: &OrganizationEntry| slugs.get(&entry.slug) == Some(&entry.id);
        let addresses = server_slugs.pin();
        let addressed = |entry: &ServerEntry| addresses.get(&entry.address()) == Some(&entry.id);
        let mut cut = Cut {
            place,
            stored_at,
            counts: self.counts(),
            installation_closed: self
                .installation_closed_at()
                .map(|at| Closed { at, cause: self.installation_closed_for(at) }),
            installation: signers.installation().map(Subject::to_string),
            signers: signers.all().to_vec(),
            organizations: organizations
                .pin()
                .values()
                .map(|entry| (Arc::clone(entry), named(entry)))
                .collect(),
            servers: servers.pin().values().map(|entry| (Arc::clone(entry), addressed(entry))).collect(),
            issuers: issuers.pin().values().cloned().collect(),
            keys: keys.all(),
            granted: granted.entries(),
            people: people.entries(),
            closed: closed.pin().iter().map(|(subject, at)| (subject.to_string(), *at)).collect(),
        };
        drop(writer);
        cut.organizations.sort_unstable_by_key(|(entry, _)| entry.id);
        cut.servers.sort_unstable_by_key(|(entry, _)| entry.id);
        cut.issuers.sort_unstable_by_key(|entry| entry.registered);
        cut.keys.sort_unstable_by_key(|entry| entry.id);
        cut.closed.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Some(cut)
    }

    /// Becomes what was read, as of this place. Only an empty directory can.
    pub fn install(
        &self,
        loaded: Loading,
        place: Place,
        stored_at: Timestamp,
        expected: Counts,
    ) -> Result<(), LoadError> {
        let mut writer = self.writer();
        if self.applied() != 0 || self.counts() != Counts::default() {
            return Err(LoadError::NotEmpty);
        }
        let found = loaded.counts();
        if found != expected {
            return Err(LoadError::Counts { found: Box::new(found), expected: Box::new(expected) });
        }
        let Loading {
            installation_closed,
            installation,
            signers,
            organizations,
            servers,
            issuers,
            keys: loaded_keys,
            granted,
            people,
            closed,
            interned,
            // Only to read with.
            scopes: _,
        } = loaded;
        for (entry, named) in organizations {
            if named {
                self.organization_slugs.pin().insert(entry.slug.clone(), entry.id);
            }
            self.organizations.pin().insert(entry.id, entry);
        }
        let mut holdings = Holdings::default();
        for (entry, named) in servers {
            let owner = Owner::Organization(entry.organization);
            holdings.change(owner, Holding::default(), Holding::of_server(&entry));
            if named {
                self.server_slugs.pin().insert(entry.address(), entry.id);
            }
            self.servers.pin().insert(entry.id, entry);
        }
        for entry in issuers {
            self.add_issuer(entry);
        }
        self.keys.reserve(loaded_keys.len());
        for entry in loaded_keys {
            holdings.change(entry.owner, Holding::default(), Holding::of_key(&entry));
            self.keys.put(entry);
        }
        granted.hold(&mut holdings);
        let expiring = granted.expiring();
        self.granted.install(granted);
        people.hold(&mut holdings);
        self.people.install(people);
        self.install_closed(closed, installation_closed);
        self.signers.restore(SignerSet::restored(signers, installation));
        *writer = Writer { interned, holdings, expiring, place: Some(place), stored_at: Some(stored_at) };
        self.applied.store(place.sequence, Ordering::Release);
        self.tell_closed();
        Ok(())
    }
}

impl Directory {
    /// What a replay would have told of is told here: that somebody else wrote to the log.
    fn install_closed(&self, closed: Vec<(Subject, Closed)>, installation: Option<Closed>) {
        of_no_writer(&closed).into_values().for_each(refused::count);
        for (subject, closed) in closed {
            self.closed.pin().insert(subject, closed);
        }
        self.installation_closed.store(installation.map_or(0, |closed| closed.at), Ordering::Release);
        *self.installation_cause.lock().unwrap_or_else(PoisonError::into_inner) =
            installation.and_then(|Closed { at, cause }| Some((at, cause?)));
    }
}

/// Why each event closed something that somebody else wrote, by its sequence: it may have closed several objects.
fn of_no_writer(closed: &[(Subject, Closed)]) -> HashMap<u64, UnreadableCause> {
    let forged = closed.iter().filter(|(_, closed)| closed.is_of_no_writer());
    forged.filter_map(|(_, closed)| Some((closed.at, closed.cause?))).collect()
}

impl Cut {
    /// The bytes, chunk by chunk.
    pub fn chunks(&self) -> impl Iterator<Item = Result<Vec<u8>, postcard::Error>> + Send + '_ {
        self.chunks_of(MAX_CHUNK)
    }

    /// Chunks of at most so many bytes, where no single record is longer.
    pub(super) fn chunks_of(
        &self,
        most: usize,
    ) -> impl Iterator<Item = Result<Vec<u8>, postcard::Error>> + Send + '_ {
        let mut records = self.records();
        let mut begun = Vec::new();
        std::iter::from_fn(move || {
            let mut chunk = std::mem::take(&mut begun);
            for record in records.by_ref() {
                let before = chunk.len();
                chunk = match postcard::to_extend(&record, chunk) {
                    Ok(chunk) => chunk,
                    Err(error) => return Some(Err(error)),
                };
                if chunk.len() > most && before > 0 {
                    begun = chunk.split_off(before);
                    return Some(Ok(chunk));
                }
            }
            (!chunk.is_empty()).then_some(Ok(chunk))
        })
    }

    fn records(&self) -> impl Iterator<Item = Record<'_>> + Send + '_ {
        // These three stand beside the records.
        let Self {
            place: _,
            stored_at: _,
            counts: _,
            installation_closed,
            installation,
            signers,
            organizations,
            servers,
            issuers,
            keys,
            granted: _,
            people: _,
            closed,
        } = self;
        installation_closed
            .map(|Closed { at, cause }| Record::InstallationClosed {
                sequence: at,
                cause: cause.map(Into::into),
            })
            .into_iter()
            .chain(installation.iter().map(|subject| Record::Installation { subject: subject.into() }))
            .chain(signers.iter().map(Record::signer))
            .chain(organizations.iter().map(|(entry, named)| Record::organization(entry, *named)))
            .chain(servers.iter().map(|(entry, named)| Record::server(entry, *named)))
            .chain(issuers.iter().map(|entry| Record::issuer(entry)))
            .chain(keys.iter().map(|entry| Record::key(entry)))
            .chain(self.granted_records())
            .chain(self.people_records())
            .chain(closed.iter().map(|(subject, closed)| Record::Closed {
                subject: subject.into(),
                sequence: closed.at,
                cause: closed.cause.map(Into::into),
            }))
    }
}

impl Loading {
    /// Reads the next chunk.
    pub fn read(&mut self, chunk: &[u8]) -> Result<(), LoadError> {
        let mut rest = chunk;
        while !rest.is_empty() {
            let (record, after) = postcard::take_from_bytes(rest)?;
            rest = after;
            self.take(record)?;
        }
        Ok(())
    }

    fn take(&mut self, record: Record<'_>) -> Result<(), BadRecord> {
        match record {
            Record::InstallationClosed { sequence: at, cause } => {
                self.installation_closed = Some(Closed { at, cause: cause.map(Into::into) });
            }
            Record::Installation { subject } => {
                self.installation = Some(subject.parse().map_err(|_| BadRecord("installation"))?);
            }
            Record::Signer(stored) => self.signers.push(stored.entry()),
            Record::Organization(stored) => {
                let named = stored.named;
                self.organizations.push((Arc::new(stored.entry()?), named));
            }
            Record::Server(stored) => {
                let named = stored.named;
                self.servers.push((Arc::new(stored.entry()?), named));
            }
            Record::Issuer(stored) => self.issuers.push(stored.entry()?),
            Record::Key(stored) => {
                let scopes = self.scopes(&stored.scopes)?;
                let prefix = self.interned.prefix(&stored.prefix);
                self.keys.push(Arc::new(stored.entry(scopes, prefix)?));
            }
            Record::Granted(stored) => self.take_granted(stored)?,
            Record::People(stored) => self.take_people(stored)?,
            Record::Closed { subject, sequence: at, cause } => {
                let subject = subject.parse().map_err(|_| BadRecord("subject"))?;
                self.closed.push((subject, Closed { at, cause: cause.map(Into::into) }));
            }
        }
        Ok(())
    }

    fn scopes(&mut self, text: &str) -> Result<Arc<ScopeSet>, BadRecord> {
        if let Some(scopes) = self.scopes.get(text) {
            return Ok(Arc::clone(scopes));
        }
        // A revoked key has none.
        let scopes = match text {
            "" => ScopeSet::nothing(),
            text => text.parse().map_err(|_| BadRecord("scopes"))?,
        };
        let scopes = self.interned.scopes(&scopes);
        self.scopes.insert(text.to_owned(), Arc::clone(&scopes));
        Ok(scopes)
    }

    fn counts(&self) -> Counts {
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
}

impl From<BadRecord> for LoadError {
    fn from(BadRecord(what): BadRecord) -> Self {
        Self::Value(what)
    }
}
