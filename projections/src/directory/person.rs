//! What a node holds of a person: whether they are there, and by which identities they sign in.

use std::sync::Arc;

use events::key::KeyOwner;
use events::person::{Identity, IdentityDigest, PersonEvent};
use events::slug::SlugKind;
use events::{Owner, Recorded, Subject, UserId};

use super::fold::Closed;
use super::newest::{Cause, Newest};
use super::watch::Part;
use super::{Directory, KeyEntry};

/// One person as of one event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PersonEntry {
    pub id: UserId,
    pub state: PersonState,
    /// By which the person signs in, sorted.
    pub identities: Arc<[Identity]>,
    /// The sequence of the event by which the person was signed out last, 0 where there was none: a session that began
    /// when less of the log was known has ended.
    pub signed_out: u64,
    /// The sequence of the event that made this entry.
    pub generation: u64,
    /// The newest event, which may have changed nothing here.
    pub newest: Newest,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PersonState {
    Active,
    /// Nothing of theirs works until they are resumed.
    Suspended,
    /// For ever.
    Ended,
    /// Ended, and nothing is known of them any more.
    Forgotten,
    /// An event of theirs can't be read here.
    Closed,
}

impl PersonEntry {
    fn after(&self, event: &PersonEvent, cause: Cause) -> Option<Self> {
        let entry = Self { generation: cause.sequence, newest: cause.newest, ..self.clone() };
        match (self.state, event) {
            (PersonState::Ended, PersonEvent::Forgotten(_)) => {
                return Some(Self { state: PersonState::Forgotten, ..entry });
            }
            (PersonState::Ended | PersonState::Forgotten | PersonState::Closed, _) => return None,
            (PersonState::Active | PersonState::Suspended, _) => {}
        }
        match event {
            PersonEvent::IdentityAdded(it) => Some(Self { identities: self.with(it.identity), ..entry }),
            PersonEvent::IdentityRemoved(it) => Some(Self { identities: self.without(it.identity), ..entry }),
            PersonEvent::Suspended(_) => Some(Self { state: PersonState::Suspended, ..entry }),
            PersonEvent::Resumed(_) => Some(Self { state: PersonState::Active, ..entry }),
            PersonEvent::SignedOut(_) => Some(Self { signed_out: cause.sequence, ..entry }),
            PersonEvent::Ended(_) => Some(Self { state: PersonState::Ended, ..entry }),
            PersonEvent::Added(_) | PersonEvent::ProfileChanged(_) | PersonEvent::Forgotten(_) => None,
        }
    }

    fn with(&self, identity: Identity) -> Arc<[Identity]> {
        let mut all = self.identities.to_vec();
        all.push(identity);
        all.sort_unstable();
        all.dedup();
        all.into()
    }

    fn without(&self, identity: Identity) -> Arc<[Identity]> {
        self.identities.iter().filter(|own| **own != identity).copied().collect()
    }
}

impl Directory {
    pub fn person(&self, id: UserId) -> Option<Arc<PersonEntry>> {
        self.people.persons.pin().get(&id).cloned()
    }

    /// Who signs in by this identity; also where they are ended.
    pub fn person_by_identity(&self, identity: &IdentityDigest) -> Option<Arc<PersonEntry>> {
        let id = *self.people.identities.pin().get(identity)?;
        self.person(id)
    }

    /// The keys that speak for a person. It looks at all that there are.
    pub fn keys_of(&self, person: UserId) -> Vec<Arc<KeyEntry>> {
        let owner = KeyOwner::User { id: person };
        let mut own: Vec<_> = self.keys.all().into_iter().filter(|entry| entry.key_owner == owner).collect();
        own.sort_unstable_by_key(|entry| entry.id);
        own
    }

    /// The people who are forgotten. It looks at all that there are.
    pub fn forgotten_people(&self) -> Vec<UserId> {
        let people = self.people.persons.pin();
        let forgotten = people.values().filter(|entry| entry.state == PersonState::Forgotten);
        forgotten.map(|entry| entry.id).collect()
    }

    pub(super) fn fold_person(&self, recorded: &Recorded, event: &PersonEvent, cause: Cause) {
        let subject = &recorded.envelope.subject;
        let id = match (UserId::try_from(&subject.aggregate_id), subject.owner) {
            (Ok(id), Owner::Installation) => id,
            (Ok(_) | Err(_), _) => return self.close(subject, Closed::by(cause.sequence)),
        };
        match (event, self.person(id)) {
            (PersonEvent::Added(added), None) => {
                let identities: Arc<[Identity]> =
                    if self.claims(id, added.identity) { [added.identity].into() } else { [].into() };
                let Cause { sequence: generation, newest } = cause;
                let state = PersonState::Active;
                self.put_person(PersonEntry { id, state, identities, signed_out: 0, generation, newest });
                self.close_with_identity(subject, &added.identity, cause);
            }
            // Where another has it already, it is nobody's who comes later.
            (PersonEvent::IdentityAdded(added), Some(entry)) if !self.claims(id, added.identity) => {
                self.keep_person(PersonEntry { newest: cause.newest, ..(*entry).clone() });
            }
            (event, Some(entry)) => match entry.after(event, cause) {
                Some(next) => {
                    let known = self.people.identities.pin();
                    for identity in entry.identities.iter().filter(|own| !next.identities.contains(own)) {
                        known.remove(&identity.digest);
                    }
                    self.put_person(next);
                    if let PersonEvent::IdentityAdded(added) = event {
                        self.close_with_identity(subject, &added.identity, cause);
                    }
                }
                None => self.keep_person(PersonEntry { newest: cause.newest, ..(*entry).clone() }),
            },
            (_, None) => {}
        }
    }

    /// Whether an identity leads to this person, from now on if it led to nobody.
    fn claims(&self, id: UserId, identity: Identity) -> bool {
        *self.people.identities.pin().get_or_insert(identity.digest, id) == id
    }

    fn close_with_identity(&self, subject: &Subject, identity: &Identity, cause: Cause) {
        if self.is_closed(&Subject::slug(Owner::Installation, SlugKind::Identity, &identity.digest.slug())) {
            self.close(subject, Closed::by(cause.sequence));
        }
    }

    pub(super) fn close_person(&self, id: UserId, closed: Closed) {
        if let Some(entry) = self.person(id) {
            let state = PersonState::Closed;
            self.put_person(PersonEntry { state, generation: closed.at, ..(*entry).clone() });
        }
    }

    /// The person is so from now on, and who watches will be told.
    fn put_person(&self, entry: PersonEntry) {
        let part = Part::Person(entry.id);
        self.keep_person(entry);
        self.watches.note(part);
    }

    /// The same where nobody need be told.
    fn keep_person(&self, entry: PersonEntry) {
        self.people.persons.pin().insert(entry.id, Arc::new(entry));
    }
}
