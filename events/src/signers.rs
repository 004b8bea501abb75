//! Which keys may sign which events: the one place where a signature is judged.
//!
//! [`SignerSet`] holds every key that the log has published, with the places of its publication and its retirement.
//! It follows the log ([`SignerSet::take`]) and may be ahead of what is judged: a key is good for the messages between
//! its two places, whenever that is asked. [`Signers`] is a set that several share.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::envelope::{Read, Recorded, Unreadable, UnreadableReason};
use crate::event::Event;
use crate::id::{LogId, SignerId};
use crate::installation::InstallationEvent;
use crate::log::{Log, ReadError, Stored};
use crate::signature::{self, BadSignature};
use crate::signer::{PublicKey, SignerKey, SignerPurpose};
use crate::subject::Subject;
use crate::tlog::{Hash, Head};

mod lately;

use lately::{Good, Lately};

/// A key that the log has published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublishedSigner {
    pub purpose: SignerPurpose,
    pub key: SignerKey,
    /// The sequence of the event that published it. It signs what comes after it, and the log's first event itself.
    pub published: u64,
    /// The sequence of the event that retired it: what it signs after that is not believed.
    pub retired: Option<u64>,
}

/// The keys of a log, oldest first.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct SignerSet {
    keys: Vec<PublishedSigner>,
    /// Whose events publish and retire keys: the installation that the first event made.
    installation: Option<Subject>,
}

impl PublishedSigner {
    fn from(&self) -> u64 {
        // Only the first event of all signs itself.
        if self.published == 1 { 1 } else { self.published.saturating_add(1) }
    }

    fn signs_at(&self, sequence: u64) -> Result<(), BadSignature> {
        let key = self.key.id;
        match self.retired {
            _ if sequence < self.from() => Err(BadSignature::NotYet { key, from: self.from() }),
            Some(by) if sequence > by => Err(BadSignature::Retired { key, by }),
            Some(_) | None => Ok(()),
        }
    }
}

impl Recorded {
    /// The same for somebody who does not believe it.
    fn unsigned(self, bad: BadSignature) -> Unreadable {
        let Self { position, stored_at, envelope, event: _ } = self;
        Unreadable::of(position, stored_at, envelope, UnreadableReason::Signature(bad))
    }
}

impl SignerSet {
    /// A set as it was written down.
    pub fn restored(keys: Vec<PublishedSigner>, installation: Option<Subject>) -> Self {
        Self { keys, installation }
    }

    pub fn all(&self) -> &[PublishedSigner] {
        &self.keys
    }

    /// Whose events make it; `None`: it has taken none.
    pub fn installation(&self) -> Option<&Subject> {
        self.installation.as_ref()
    }

    /// The sequence of the newest event that changed it; 0: none.
    fn changed_at(&self) -> u64 {
        self.keys.iter().map(|signer| signer.retired.unwrap_or(signer.published)).max().unwrap_or(0)
    }

    /// The key that the log begins with.
    pub fn first(&self) -> Option<SignerKey> {
        self.keys.first().map(|signer| signer.key)
    }

    /// The newest key of this purpose that is not retired: the one that signs now.
    pub fn newest(&self, purpose: SignerPurpose) -> Option<&PublishedSigner> {
        self.keys.iter().rev().find(|signer| signer.purpose == purpose && signer.retired.is_none())
    }

    /// The set as it was after the message of this sequence.
    #[must_use]
    pub fn as_of(&self, sequence: u64) -> Self {
        let keys = self.keys.iter().filter(|signer| signer.published <= sequence).copied();
        let keys = keys.map(|mut signer| {
            signer.retired = signer.retired.filter(|retired| *retired <= sequence);
            signer
        });
        Self { keys: keys.collect(), installation: self.installation.clone() }
    }

    /// Reads a message of the log and judges its signature: an event that no writer signed is unreadable.
    pub fn read(&self, stored: &Stored, log: LogId) -> Read {
        self.judged(stored, crate::envelope::read(stored, Some(log)))
    }

    /// Judges a message that was read. One that this version can't read whole is judged too, where it names the key that
    /// signed it: what no writer signed is not from a newer version.
    pub fn judged(&self, stored: &Stored, read: Read) -> Read {
        match read {
            Read::Event(recorded) => match self.judge(stored, &recorded) {
                Ok(()) => Read::Event(recorded),
                Err(bad) => Read::Unreadable(Box::new(recorded.unsigned(bad))),
            },
            Read::Unreadable(mut unreadable) => {
                if !self.keys.is_empty()
                    && !unreadable.reason.is_of_signature()
                    && let Some(id) = unreadable.writer
                    && let Err(bad) = self.judge_by(stored, id)
                {
                    unreadable.reason = bad.into();
                }
                Read::Unreadable(unreadable)
            }
            Read::Foreign(_) => read,
        }
    }

    /// Whether a key that might do so at this place signed the message, which says this.
    fn judge(&self, stored: &Stored, recorded: &Recorded) -> Result<(), BadSignature> {
        let id = recorded.envelope.writer;
        // It publishes the key that it is signed by.
        if let Event::Installation(InstallationEvent::Bootstrapped(first)) = &recorded.event
            && self.installation.is_none()
            && stored.sequence == 1
            && first.writer.id == id
        {
            return signature::verify(&stored.subject, &stored.payload, id, &first.writer.public);
        }
        self.judge_by(stored, id)
    }

    /// The same of whatever says that this key signed it.
    fn judge_by(&self, stored: &Stored, id: SignerId) -> Result<(), BadSignature> {
        let signer = self.writer(id).ok_or(BadSignature::UnknownKey(id))?;
        signer.signs_at(stored.sequence)?;
        signature::verify(&stored.subject, &stored.payload, id, &signer.key.public)
    }

    fn writer(&self, id: SignerId) -> Option<&PublishedSigner> {
        self.keys.iter().find(|signer| signer.key.id == id && signer.purpose == SignerPurpose::Writer)
    }

    /// Takes in an event that was judged good. Whether it changed the set; one that was taken already does not.
    pub fn take(&mut self, recorded: &Recorded) -> bool {
        let Event::Installation(event) = &recorded.event else { return false };
        let (subject, sequence) = (&recorded.envelope.subject, recorded.position.sequence);
        if sequence <= self.changed_at() || self.installation.as_ref().is_some_and(|own| own != subject) {
            return false;
        }
        let published = |purpose, key| PublishedSigner { purpose, key, published: sequence, retired: None };
        match event {
            InstallationEvent::Bootstrapped(first) if self.installation.is_none() => {
                self.installation = Some(subject.clone());
                self.keys.push(published(SignerPurpose::Writer, first.writer));
                self.keys.push(published(SignerPurpose::Checkpoint, first.checkpoint));
            }
            InstallationEvent::SignerPublished(it) if !self.knows(it.key.id) => {
                self.keys.push(published(it.purpose, it.key));
            }
            InstallationEvent::SignerRetired(it) => {
                let named = |signer: &&mut PublishedSigner| {
                    signer.key.id == it.id && signer.purpose == it.purpose && signer.retired.is_none()
                };
                let Some(signer) = self.keys.iter_mut().find(named) else { return false };
                signer.retired = Some(sequence);
            }
            InstallationEvent::Bootstrapped(_)
            | InstallationEvent::SignerPublished(_)
            | InstallationEvent::Recovered(_)
            | InstallationEvent::LossAccepted(_)
            | InstallationEvent::TokenKeyPublished(_)
            | InstallationEvent::TokenKeyRetired(_) => return false,
        }
        true
    }

    fn knows(&self, id: SignerId) -> bool {
        self.keys.iter().any(|signer| signer.key.id == id)
    }
}

/// A set that follows the log, shared by all that judge by it.
#[derive(Default, Debug)]
pub struct Signers {
    set: RwLock<Arc<SignerSet>>,
    first: OnceLock<SignerKey>,
    lately: Lately,
}

impl Signers {
    pub fn of(set: SignerSet) -> Self {
        Self { set: RwLock::new(Arc::new(set)), ..Self::default() }
    }

    pub fn now(&self) -> Arc<SignerSet> {
        Arc::clone(&self.set.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The log must begin with this key. What signs itself proves nothing to who does not know it from elsewhere: a log
    /// that is another's from its first event on would be believed as it is.
    pub fn begin_with(&self, first: SignerKey) {
        // The same for as long as there is the installation.
        let _ = self.first.set(first);
    }

    /// Reads a message of the log, and judges its signature, unless that was done lately.
    pub fn read(&self, stored: &Stored, log: LogId) -> Read {
        let read = self.beginning(crate::envelope::read(stored, Some(log)));
        let now = self.now();
        let good = Good { sequence: stored.sequence, leaf: Hash::message(stored), keys: now.changed_at() };
        if matches!(read, Read::Event(_)) && self.lately.knows(&good) {
            return read;
        }
        let judged = now.judged(stored, read);
        if matches!(judged, Read::Event(_)) {
            self.lately.keep(good);
        }
        judged
    }

    fn beginning(&self, read: Read) -> Read {
        let Read::Event(recorded) = read else { return read };
        let other = match (&recorded.event, self.first.get()) {
            (Event::Installation(InstallationEvent::Bootstrapped(it)), Some(first))
                if it.writer != *first =>
            {
                Some(it.writer.id)
            }
            (_, _) => None,
        };
        match other {
            Some(id) => Read::Unreadable(Box::new(recorded.unsigned(BadSignature::OtherBeginning(id)))),
            None => Read::Event(recorded),
        }
    }

    /// Follows an event that was judged good. Whether the set changed.
    pub fn take(&self, recorded: &Recorded) -> bool {
        if !matches!(recorded.event, Event::Installation(_)) {
            return false;
        }
        let mut shared = self.set.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = SignerSet::clone(&shared);
        let changed = next.take(recorded);
        if changed {
            *shared = Arc::new(next);
        }
        changed
    }

    /// Becomes what was written down, where that is no older.
    pub fn restore(&self, set: SignerSet) {
        let mut shared = self.set.write().unwrap_or_else(PoisonError::into_inner);
        if set.changed_at() >= shared.changed_at() {
            *shared = Arc::new(set);
        }
    }

    /// Reads the installation's own events, as the log's leader knows them, for whoever does not follow all of it.
    pub async fn catch_up(&self, log: &dyn Log) -> Result<(), ReadError> {
        let id = log.id().await?;
        let known = self.now().installation().cloned();
        let installation = match known {
            Some(installation) => installation,
            None => {
                let first = log.message(1).await?.ok_or(ReadError::NotBootstrapped)?;
                match self.read(&first, id) {
                    Read::Event(recorded) => recorded.envelope.subject,
                    Read::Unreadable(unreadable) => {
                        return Err(ReadError::ForeignLog(unreadable.reason.to_string()));
                    }
                    Read::Foreign(foreign) => return Err(ReadError::ForeignLog(foreign.reason.to_string())),
                }
            }
        };
        for stored in &log.history(&installation).await?.events {
            let read = self.now().read(stored, id);
            // An event of it that can't be read closes it: nothing after it counts.
            let Read::Event(recorded) = read else { break };
            self.take(&recorded);
        }
        Ok(())
    }

    /// The heads that the installation's events, as far as they can be read, say are lost by an operator's word. What was
    /// told of a log that ended otherwise is told of another one.
    pub async fn lost(&self, log: &dyn Log) -> Result<Vec<Head>, ReadError> {
        self.catch_up(log).await?;
        let (id, now) = (log.id().await?, self.now());
        let Some(installation) = now.installation() else { return Ok(Vec::new()) };
        let history = log.history(installation).await?;
        let read = history.events.iter().map(|stored| now.read(stored, id));
        let lost = read.filter_map(|read| Some(read.loss_accepted()?.lost.clone()));
        Ok(lost.flatten().collect())
    }

    /// The same as [`Signers::read`], for whoever does not follow all of the log: a key that is not known yet may have
    /// been published since it was last looked.
    pub async fn read_of(&self, log: &dyn Log, stored: &Stored, id: LogId) -> Result<Read, ReadError> {
        let read = self.read(stored, id);
        let Read::Unreadable(unreadable) = &read else { return Ok(read) };
        let UnreadableReason::Signature(BadSignature::UnknownKey(key)) = unreadable.reason else {
            return Ok(read);
        };
        self.catch_up(log).await?;
        Ok(if self.now().writer(key).is_some() { self.read(stored, id) } else { read })
    }

    /// The public half of a key, whatever its purpose.
    pub fn public(&self, id: SignerId) -> Option<PublicKey> {
        self.now().all().iter().find(|signer| signer.key.id == id).map(|signer| signer.key.public)
    }
}
