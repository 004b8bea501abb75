//! Who is signed in at a browser, and which sessions a person has.
//!
//! A session is found by its cookie alone. So that an operator can see a person's, an entry under the person's id tells of
//! them: when each began, by which issuer, until when, and the name of its entry, by which it can be ended and nobody signed
//! in. It is written before the session is there. The newest [`MOST`] are told of; one more ends the oldest.

use std::time::Duration;

use events::{Holder, IssuerId, Timestamp, UserId};
use projections::directory::{Directory, PersonState};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Held, Passes, Passing, PassingError};

/// Sessions of one person at once.
pub const MOST: usize = 50;
/// The list of a person who signs in at several browsers at once is read anew so often.
const TRIES: u32 = 8;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// By which the person's list tells of it; nil: it began before there was one.
    #[serde(default)]
    pub id: Uuid,
    pub holder: Holder,
    /// At which the person signed in; `None`: by a key.
    pub issuer: Option<IssuerId>,
    /// So much of the log was known when it began: a later sign-out of the person's ends it.
    pub begun: u64,
    pub ends_at: Timestamp,
}

impl Passes for Session {
    const KIND: &'static str = "session";
}

/// One of a person's, as the list tells of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Told {
    pub id: Uuid,
    pub issuer: IssuerId,
    pub begun_at: Timestamp,
    pub ends_at: Timestamp,
    begun: u64,
    /// Of the session's entry.
    name: String,
}

/// All that are told of, the oldest first.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
struct Sessions(Vec<Told>);

impl Passes for Sessions {
    const KIND: &'static str = "sessions";
}

/// What a session of a person's rests on: the person, who has not been signed out since, and still signs in at that issuer,
/// whose word still counts.
pub fn stands(directory: &Directory, person: UserId, issuer: IssuerId, begun: u64) -> bool {
    let signs_in = directory.person(person).is_some_and(|person| {
        person.state == PersonState::Active
            && person.signed_out <= begun
            && person.identities.iter().any(|identity| identity.issuer == issuer)
    });
    signs_in && directory.issuer_stands(issuer)
}

impl Told {
    /// Whether the session counts.
    pub fn stands(&self, directory: &Directory, person: UserId) -> bool {
        stands(directory, person, self.issuer, self.begun)
    }
}

impl Passing {
    /// Begins one; the answer is its secret.
    pub async fn begin_session(
        &self,
        session: &Session,
        now: Timestamp,
        lasts: Duration,
    ) -> Result<Zeroizing<String>, PassingError> {
        let (key, secret) = (self.key(), self.draw());
        if let (Holder::Person { id: person }, Some(issuer)) = (session.holder, session.issuer) {
            let Session { id, ends_at, begun, .. } = *session;
            let name = key.name(Session::KIND, &secret);
            let told = Told { id, issuer, begun_at: now, ends_at, begun, name };
            let beyond = self.tell(person, now, |sessions| sessions.push(told.clone())).await?;
            for oldest in beyond {
                self.remove(&oldest.name).await?;
            }
        }
        self.create_under(&key, &secret, session, lasts).await?;
        Ok(secret)
    }

    /// Ends the session that this secret opens.
    pub async fn end_session(&self, secret: &str, now: Timestamp) -> Result<(), PassingError> {
        let Some(session) = self.take::<Session>(secret).await? else { return Ok(()) };
        if let Holder::Person { id: person } = session.holder {
            self.tell(person, now, |sessions| sessions.retain(|told| told.id != session.id)).await?;
        }
        Ok(())
    }

    /// A person's sessions that have not ended, newest first. Whether each counts is the directory's to say
    /// ([`Told::stands`]).
    pub async fn sessions_of(&self, person: UserId, now: Timestamp) -> Result<Vec<Told>, PassingError> {
        let held = self.get::<Sessions>(&secret_of(person)).await?;
        let Sessions(mut told) = held.map(|held| held.value).unwrap_or_default();
        told.retain(|told| told.ends_at > now);
        told.reverse();
        Ok(told)
    }

    /// Changes what is told of a person's sessions. The answer: those that are too many, which are told of no more.
    async fn tell(
        &self,
        person: UserId,
        now: Timestamp,
        change: impl Fn(&mut Vec<Told>),
    ) -> Result<Vec<Told>, PassingError> {
        let secret = secret_of(person);
        for tried in 0..TRIES {
            let held: Option<Held<Sessions>> = self.get(&secret).await?;
            let Sessions(mut told) = held.as_ref().map(|held| held.value.clone()).unwrap_or_default();
            told.retain(|told| told.ends_at > now);
            change(&mut told);
            let beyond: Vec<_> = told.drain(..told.len().saturating_sub(MOST)).collect();
            let lasts = told.iter().map(|told| told.ends_at.since(now)).max().unwrap_or(Duration::ZERO);
            let (sessions, lasts) = (Sessions(told), lasts.max(Duration::from_secs(1)));
            let done = match &held {
                Some(held) => self.swap(held, &sessions, lasts).await?,
                None => self.create(&secret, &sessions, lasts).await?,
            };
            if !done && held.is_none() && tried > 0 {
                // One that does not open keeps nobody from signing in.
                self.remove(&self.key().name(Sessions::KIND, &secret)).await?;
            }
            if done {
                return Ok(beyond);
            }
        }
        Err(PassingError("a person's list of sessions changed each time that it was read".to_owned()))
    }
}

/// The entry is named by a keyed hash of it.
fn secret_of(person: UserId) -> String {
    person.to_string()
}
