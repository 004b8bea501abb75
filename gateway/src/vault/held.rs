//! The master keys that a vault works with while its file changes. A file may be wrong for a moment: half written, another's,
//! an older copy. So
//!
//! - what has opened an entry, and what the process started with, goes on opening until the process ends;
//! - a value is sealed under the file's first key once the file *fits*: it holds the key that was sealed under before (a new line
//!   before the old one), or one that opens something that the vault holds now. Until then the key before it seals, and while
//!   none has ever fitted, nothing is sealed: nobody would open it.
//!
//! The file is read before something is sealed, when a value is met under a key that is not known, and each time while it
//! does not fit. So it is used as soon as it is right.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use events::clock::SystemClock;
use events::lasting::{Lasting, Words};

use super::master::{MasterKey, OneKey};
use super::{MasterKeyError, Purpose, Vault, VaultError};
use crate::current::Current;

/// A vault's master keys, and the file that they are from.
pub(super) struct Master {
    held: Current<Held>,
    file: Option<KeyFile>,
}

struct KeyFile {
    path: PathBuf,
    unfit: Lasting,
}

#[derive(Clone)]
struct Held {
    /// Those of the file that was used last; the first one seals.
    keys: Vec<Arc<OneKey>>,
    /// Whether they are known to be this vault's.
    fit: bool,
    /// What has opened something as well, or was in the file before.
    others: Vec<Arc<OneKey>>,
}

/// So many entries say whether a file fits.
const TRIED: usize = 100;

impl Held {
    fn of(keys: Vec<Arc<OneKey>>, fit: bool) -> Self {
        Self { keys, fit, others: Vec::new() }
    }

    fn all(&self) -> impl Iterator<Item = &Arc<OneKey>> {
        self.keys.iter().chain(&self.others)
    }

    /// These seal from now on, and what opened before goes on to.
    fn followed_by(&self, keys: Vec<Arc<OneKey>>) -> Self {
        let others = self.all().filter(|key| with_id(&keys, key.id()).is_none()).cloned().collect();
        Self { keys, fit: true, others }
    }

    /// Whether a file with these keys was made from the one of these.
    fn leads_to(&self, keys: &[Arc<OneKey>]) -> bool {
        self.fit && self.keys.first().is_some_and(|seals| with_id(keys, seals.id()).is_some())
    }
}

impl Master {
    /// These, for ever.
    pub(super) fn fixed(keys: &MasterKey) -> Self {
        Self { held: Current::new(Held::of(keys.all().cloned().collect(), true)), file: None }
    }

    pub(super) fn of_file(path: PathBuf) -> Result<Self, MasterKeyError> {
        let words = Words {
            lasts: "a master key file can't be used; the keys before it still count, and a restart would fail",
            ends: "the master key file is used again",
        };
        let held = Current::new(Held::of(read(&path)?, false));
        let unfit = Lasting::new(Arc::new(SystemClock), words).of(path.display().to_string());
        Ok(Self { held, file: Some(KeyFile { path, unfit }) })
    }

    /// The key of this id, if it is known or stands in the file by now.
    pub(super) fn that_opens(&self, id: &str) -> Option<Arc<OneKey>> {
        let held = self.held.get();
        let known = held.all().find(|key| key.id() == id).cloned();
        let Some(file) = self.file.as_ref().filter(|file| known.is_none() || file.unfit.holds()) else {
            return known;
        };
        match read(&file.path) {
            Ok(keys) => {
                if held.leads_to(&keys) {
                    file.unfit.ended();
                }
                known.or_else(|| with_id(&keys, id).cloned())
            }
            Err(error) => {
                file.unfit.alarm(&error);
                known
            }
        }
    }

    /// It has opened an entry.
    pub(super) fn opened(&self, key: &Arc<OneKey>) {
        let held = self.held.get();
        let of_file = with_id(&held.keys, key.id()).is_some();
        if of_file && !held.fit {
            self.held.set(Held { fit: true, ..Held::clone(&held) });
        } else if !of_file && with_id(&held.others, key.id()).is_none() {
            let mut next = Held::clone(&held);
            next.others.push(Arc::clone(key));
            self.held.set(next);
        }
    }

    fn path(&self) -> String {
        self.file.as_ref().map_or_else(|| "its file".to_owned(), |file| file.path.display().to_string())
    }
}

impl Vault {
    /// The first key of the file, if that fits.
    pub(super) async fn key_to_seal(&self) -> Result<Arc<OneKey>, VaultError> {
        let held = self.master.held.get();
        let Some(file) = &self.master.file else { return self.first(&held.keys) };
        let unfit = match read(&file.path) {
            Ok(keys) => {
                let led = held.leads_to(&keys);
                let other = if led { None } else { self.what_they_lack(&keys, !held.fit).await? };
                let Some(other) = other else {
                    file.unfit.ended();
                    let next = self.master.held.get().followed_by(keys);
                    let first = self.first(&next.keys);
                    self.master.held.set(next);
                    return first;
                };
                other.to_string()
            }
            Err(error) => error.to_string(),
        };
        file.unfit.alarm(&unfit);
        // What the process began with may be wrong as well.
        let wrong = if held.fit { None } else { self.what_they_lack(&held.keys, true).await? };
        match wrong {
            Some(other) => Err(other),
            None => self.first(&held.keys),
        }
    }

    /// Looks whether the file that the keys are from is right, so that somebody hears of it before it is needed.
    pub async fn look_at_keys(&self) -> Result<(), VaultError> {
        self.key_to_seal().await.map(|_| ())
    }

    /// What is wrong with the file that the keys are from, as far as somebody has looked; `None`: nothing.
    pub fn unfit_keys(&self) -> Option<String> {
        self.master.file.as_ref()?.unfit.now()
    }

    /// `None`: one of these keys opens something that is there, or nothing is and `or_empty`.
    async fn what_they_lack(
        &self,
        keys: &[Arc<OneKey>],
        or_empty: bool,
    ) -> Result<Option<VaultError>, VaultError> {
        let mut tried = 0;
        let mut other = None;
        for name in self.entries.names().await? {
            // Deleted ones may be among them.
            let Some(stored) = self.entries.get(&name).await? else { continue };
            if tried == TRIED {
                break;
            }
            tried += 1;
            let Ok(wire) = self.wire(&name, &stored) else { continue };
            let Some(key) = with_id(keys, &wire.master) else {
                other.get_or_insert((name, wire.master));
                continue;
            };
            let opens = |purpose: &Purpose| {
                let place = self.place(&name, *purpose, wire.version);
                key.open(&place, &wire.nonce.0, wire.ciphertext.0.clone()).is_ok()
            };
            if Purpose::ALL.iter().any(opens) {
                return Ok(None);
            }
        }
        Ok(match other {
            Some((entry, wanted)) => Some(self.other_key(&entry, &wanted, keys.iter())),
            None if tried == 0 && or_empty => None,
            None => Some(self.broken("*", "nothing that is there opens under the keys of the file")),
        })
    }

    /// Those of a file are never none.
    fn first(&self, keys: &[Arc<OneKey>]) -> Result<Arc<OneKey>, VaultError> {
        keys.first().cloned().ok_or_else(|| self.broken("*", "there is no master key"))
    }

    /// Of an entry that nothing known opens.
    pub(super) fn unopened(&self, entry: &str, wanted: &str) -> VaultError {
        self.other_key(entry, wanted, self.master.held.get().all())
    }

    fn other_key<'a>(
        &self,
        entry: &str,
        wanted: &str,
        here: impl Iterator<Item = &'a Arc<OneKey>>,
    ) -> VaultError {
        VaultError::OtherKey {
            vault: self.name.as_str(),
            entry: entry.to_owned(),
            wanted: wanted.to_owned(),
            here: here.map(|key| key.id()).collect::<Vec<_>>().join(", "),
            file: self.master.path(),
        }
    }
}

fn read(path: &Path) -> Result<Vec<Arc<OneKey>>, MasterKeyError> {
    Ok(MasterKey::read(path)?.all().cloned().collect())
}

fn with_id<'a>(keys: &'a [Arc<OneKey>], id: &str) -> Option<&'a Arc<OneKey>> {
    keys.iter().find(|key| key.id() == id)
}

#[cfg(test)]
mod tests;
