//! What passes: authorization requests, sign-ins under way, sessions, codes, refresh families, registrations, assertion
//! ids. Each is an entry of the bucket `KL_OAUTH` with an end, changed by compare-and-set, so that of several control
//! processes exactly one wins.
//!
//! Whoever brings the secret finds the entry: its name is a keyed hash of it, its value is sealed to that name. So a copy
//! of the bucket holds nothing that anybody could use. What is known of a person's sessions lies there in the same way,
//! under the person's id ([`sessions`]).
//!
//! An entry stays under the key that it began with until it ends, and is found under each key that counts: where one key
//! follows another, nobody is signed out.

pub mod sessions;

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::clock::Random;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::store::bucket::{Bucket, BucketError};
use crate::vault::{PassingKey, PassingKeys};

/// What an entry holds.
pub trait Passes: Serialize + DeserializeOwned + Send + Sync {
    /// The first part of its name.
    const KIND: &'static str;
}

/// The entries, and the keys to them.
#[derive(Clone)]
pub struct Passing {
    bucket: Bucket,
    keys: PassingKeys,
    random: Arc<dyn Random>,
}

/// An entry as it was read: what a change of it expects.
#[derive(Clone, Debug)]
pub struct Held<T> {
    pub value: T,
    /// The key that it lies under.
    pub key: Arc<PassingKey>,
    name: String,
    revision: u64,
    of: PhantomData<T>,
}

/// The entries can't be reached, or changed each time that they were read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PassingError(String);

/// A deletion is remembered for so long: a reader that is behind must not take the entry for one that is there.
const DELETED_LASTS: Duration = Duration::from_secs(120);
/// For one question to the bucket.
const ANSWER: Duration = Duration::from_secs(3);

impl Passing {
    pub fn new(bucket: Bucket, keys: PassingKeys, random: Arc<dyn Random>) -> Self {
        Self { bucket: bucket.within(ANSWER), keys, random }
    }

    /// The key that is used now.
    pub fn key(&self) -> Arc<PassingKey> {
        self.keys.used()
    }

    /// Every key that counts, the one that is used first.
    pub fn keys(&self) -> Vec<Arc<PassingKey>> {
        self.keys.all()
    }

    /// A secret that nobody guesses: 32 random bytes in base64url.
    pub fn draw(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; 32]);
        self.random.fill(&mut *bytes);
        Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes))
    }

    /// `None`: there is none, or it has ended.
    pub async fn get<T: Passes>(&self, secret: &str) -> Result<Option<Held<T>>, PassingError> {
        for key in self.keys() {
            let name = key.name(T::KIND, secret);
            let Some(entry) = self.bucket.get(&name).await? else { continue };
            let opened = key.open(&name, &entry.value).ok();
            let value = opened.and_then(|json| serde_json::from_slice(&json).ok());
            if value.is_none() {
                // Of a version that was, or somebody wrote here: as good as ended.
                tracing::warn!(
                    kind = T::KIND,
                    "an entry of the authorization server does not open and counts as ended"
                );
            }
            let revision = entry.revision;
            return Ok(value.map(|value| Held { value, key, name, revision, of: PhantomData }));
        }
        Ok(None)
    }

    /// `false`: there is one already.
    pub async fn create<T: Passes>(
        &self,
        secret: &str,
        value: &T,
        lasts: Duration,
    ) -> Result<bool, PassingError> {
        self.create_under(&self.key(), secret, value, lasts).await
    }

    /// The same under this key, by which something of it is proved as well.
    pub async fn create_under<T: Passes>(
        &self,
        key: &PassingKey,
        secret: &str,
        value: &T,
        lasts: Duration,
    ) -> Result<bool, PassingError> {
        let name = key.name(T::KIND, secret);
        let sealed = self.seal(key, &name, value)?;
        if !self.bucket.clone().lasting_for(lasts).create(&name, sealed).await? {
            return Ok(false);
        }
        // Looked at afterwards: of two that are made at once under two keys none counts, and never both.
        for other in self.keys().iter().map(|other| other.name(T::KIND, secret)) {
            if other != name && self.bucket.get(&other).await?.is_some() {
                self.remove(&name).await?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Changes it where it is as it was read; `false`: somebody else was first.
    pub async fn swap<T: Passes>(
        &self,
        from: &Held<T>,
        value: &T,
        lasts: Duration,
    ) -> Result<bool, PassingError> {
        let sealed = self.seal(&from.key, &from.name, value)?;
        won(self.bucket.clone().lasting_for(lasts).put(&from.name, sealed, from.revision).await)
    }

    /// Deletes it where it is as it was read; `false`: somebody else was first.
    pub async fn delete<T: Passes>(&self, from: &Held<T>) -> Result<bool, PassingError> {
        self.delete_named(&from.name, from.revision).await
    }

    /// Its value, to one who asks and nobody after: it is gone.
    pub async fn take<T: Passes>(&self, secret: &str) -> Result<Option<T>, PassingError> {
        let Some(held) = self.get::<T>(secret).await? else { return Ok(None) };
        Ok(self.delete(&held).await?.then_some(held.value))
    }

    /// Deletes the entry of this name, if it is there.
    async fn remove(&self, name: &str) -> Result<(), PassingError> {
        let Some(entry) = self.bucket.get(name).await? else { return Ok(()) };
        self.delete_named(name, entry.revision).await.map(drop)
    }

    async fn delete_named(&self, name: &str, revision: u64) -> Result<bool, PassingError> {
        won(self.bucket.clone().lasting_for(DELETED_LASTS).delete(name, revision).await)
    }

    fn seal<T: Passes>(&self, key: &PassingKey, name: &str, value: &T) -> Result<bytes::Bytes, PassingError> {
        let json = serde_json::to_vec(value).map(Zeroizing::new);
        let json = json.map_err(|error| PassingError(error.to_string()))?;
        let sealed = key.seal(name, &json, &*self.random);
        Ok(sealed.map_err(|error| PassingError(error.to_string()))?.into())
    }
}

fn won(stored: Result<u64, BucketError>) -> Result<bool, PassingError> {
    match stored {
        Ok(_) => Ok(true),
        Err(BucketError::Conflict) => Ok(false),
        Err(error @ BucketError::Unavailable { .. }) => Err(error.into()),
    }
}

impl From<BucketError> for PassingError {
    fn from(error: BucketError) -> Self {
        Self(error.to_string())
    }
}
