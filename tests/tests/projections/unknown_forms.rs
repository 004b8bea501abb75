//! An envelope of tomorrow: each fold is fed a revocation of which one member has a form that nobody here knows, and
//! none passes it over.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Dispatcher, Key};
use events::clock::SystemRandom;
use events::key::{KeyEvent, Revoked};
use events::log::{
    AppendError, Batch, FollowError, Follower, History, Known, Log, ReadError, Stored, StreamInfo,
};
use events::position::Place;
use events::{Draft, Event, EventId, KeyId, LogId, OrganizationId, Owner, Position, Subject};
use keyledger_tests::signing::{self, signed, signed_as};
use projections::Projection;
use projections::directory::{Directory, KeyState};
use projections::parked;
use serde_json::{Value, json};

use crate::stage::{Stage, Tape, issued, uuid};

/// The members of an envelope, each with a form that this version does not know; of each but `source`, which tells
/// that the event is one of this log at all.
fn unknown_forms(envelope: &Value) -> Vec<(String, Value)> {
    let members = envelope.as_object().unwrap().keys();
    let mut forms: Vec<_> = members
        .filter(|member| *member != "source")
        .map(|member| (member.clone(), json!([{ "of": "tomorrow" }])))
        .collect();
    forms.push(("actor".to_owned(), json!("robot:7")));
    forms.push(("shard".to_owned(), json!("1")));
    forms.push(("specversion".to_owned(), json!("2.0")));
    forms
}

/// A log that holds what a tape has.
struct Held(Tape);

#[async_trait]
impl Log for Held {
    async fn id(&self) -> Result<LogId, ReadError> {
        Ok(self.0.log)
    }
    async fn history_after(&self, subject: &Subject, known: Known) -> Result<History, ReadError> {
        let on = subject.to_string();
        let all = self.0.messages.iter().filter(|stored| stored.subject == on);
        let events: Vec<_> = all.skip(known.messages).cloned().collect();
        Ok(History { last: events.last().map_or(known.last, |stored| stored.sequence), events })
    }
    async fn append(&self, _batch: Batch) -> Result<Position, AppendError> {
        Err(AppendError::Unavailable("it is only read".into()))
    }
    async fn message(&self, sequence: u64) -> Result<Option<Stored>, ReadError> {
        Ok(self.0.messages.iter().find(|stored| stored.sequence == sequence).cloned())
    }
    async fn info(&self) -> Result<StreamInfo, ReadError> {
        Err(ReadError::Unavailable("it is read by subject".into()))
    }
    async fn follow(&self, _after: Option<Place>) -> Result<Follower, FollowError> {
        Err(FollowError::Unavailable("it is read by subject".into()))
    }
}

#[tokio::test]
async fn no_fold_passes_over_an_envelope_with_a_member_of_an_unknown_form() {
    let stage = Stage::new().await;
    let owner = Owner::Organization(OrganizationId::new(uuid()));
    for (member, form) in unknown_forms(&revocation(&Tape::new(), Subject::key(owner, KeyId::new(uuid())))) {
        let what = format!("{member}: {form}");
        let mut tape = Tape::new();
        let key = KeyId::new(uuid());
        let subject = Subject::key(owner, key);
        tape.key(owner, key, issued("a key"));
        let mut envelope = revocation(&tape, subject.clone());
        envelope[member.as_str()] = form;
        let revoked = match member.as_str() {
            "signature" => envelope.to_string().into_bytes(),
            _ => signed_as(&subject.to_string(), envelope),
        };
        let revoked = tape.store(&subject, revoked);

        let directory = Directory::new();
        tape.messages.iter().for_each(|message| directory.apply(&message.read(tape.log)));
        let entry = directory.key(key).unwrap();
        assert_eq!((entry.state, entry.generation), (KeyState::Closed, revoked), "{what}");

        stage.empty().await;
        let mut from = None;
        stage.projector().project(tape.log, &mut from, &tape.messages).await.unwrap();
        for projection in [Projection::Keys, Projection::History] {
            let waiting = parked::list(&stage.pool, projection).await.unwrap();
            let waiting: Vec<_> = waiting.first.iter().map(|event| event.sequence).collect();
            assert_eq!(waiting, [revoked], "{what}: {projection}");
        }

        let dispatcher =
            Dispatcher::new(Arc::new(Held(tape)), Arc::new(signing::key()), Arc::new(SystemRandom));
        let loaded = dispatcher.load::<Key>(&subject).await.unwrap();
        assert!(loaded.closed().is_some(), "{what}: commands would be decided on it");
        assert_eq!(loaded.position().unwrap().sequence, revoked, "{what}");
    }
}

/// With every member that an envelope can have.
fn revocation(tape: &Tape, subject: Subject) -> Value {
    let revoked = Event::Key(KeyEvent::Revoked(Revoked { reason: None }));
    let draft = Draft { causation: Some(EventId::new(uuid())), ..tape.draft(subject, revoked) };
    serde_json::from_slice(signed(draft).payload()).unwrap()
}
