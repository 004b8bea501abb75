//! The log as cqrs-es's event store, so that its own framework runs our aggregates. `dispatch` does not go this way: the
//! framework commits empty lists, never decides again, and tells nothing of what was done.

use std::collections::HashMap;
use std::str::FromStr;

use cqrs_es::{AggregateContext, AggregateError, EventEnvelope, EventStore};
use events::log::AppendError;
use events::{Owner, Read, Subject, UnreadableCause};

use super::{Happened, Root};
use crate::aggregate::Decide;
use crate::context::Context;
use crate::store::{Loaded, Store, StoreError};

/// cqrs-es's metadata holds no context of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the metadata has no valid `{0}`")]
pub struct MetadataError(pub &'static str);

/// A loaded aggregate, as cqrs-es moves it on.
pub struct Moving<A: Decide> {
    root: Root<A>,
    loaded: Loaded<A>,
}

/// A context as cqrs-es carries it from a command to the store.
pub fn metadata(context: &Context) -> HashMap<String, String> {
    let Context { now, actor, authority, command, fingerprint, event, causation } = context;
    let mut metadata = HashMap::from([
        ("time".to_owned(), now.to_string()),
        ("actor".to_owned(), actor.to_string()),
        ("authority".to_owned(), authority.to_string()),
        ("command".to_owned(), command.to_string()),
        ("fingerprint".to_owned(), fingerprint.to_string()),
        ("event".to_owned(), event.to_string()),
    ]);
    if let Some(causation) = causation {
        metadata.insert("causation".to_owned(), causation.to_string());
    }
    metadata
}

fn context(metadata: &HashMap<String, String>) -> Result<Context, MetadataError> {
    Ok(Context {
        now: needed(metadata, "time")?,
        actor: needed(metadata, "actor")?,
        authority: needed(metadata, "authority")?,
        command: needed(metadata, "command")?,
        fingerprint: needed(metadata, "fingerprint")?,
        event: needed(metadata, "event")?,
        causation: parse(metadata, "causation")?,
    })
}

fn needed<T: FromStr>(metadata: &HashMap<String, String>, name: &'static str) -> Result<T, MetadataError> {
    parse(metadata, name)?.ok_or(MetadataError(name))
}

fn parse<T: FromStr>(
    metadata: &HashMap<String, String>,
    name: &'static str,
) -> Result<Option<T>, MetadataError> {
    metadata.get(name).map(|text| text.parse().map_err(|_| MetadataError(name))).transpose()
}

/// cqrs-es's id of an aggregate: `<shard>.<organization>.<id>`.
pub fn cqrs_id(subject: &Subject) -> String {
    format!("{}.{}.{}", subject.shard, subject.owner, subject.aggregate_id)
}

fn subject_of<A: Decide>(cqrs_id: &str) -> Result<Subject, StoreError> {
    let wrong = || StoreError::WrongSubject(cqrs_id.chars().take(200).collect());
    let mut tokens = cqrs_id.split('.');
    let (Some(shard), Some(owner), Some(id), None) =
        (tokens.next(), tokens.next(), tokens.next(), tokens.next())
    else {
        return Err(wrong());
    };
    Ok(Subject {
        shard: shard.parse().map_err(|_| wrong())?,
        owner: owner.parse::<Owner>().map_err(|_| wrong())?,
        aggregate_type: A::aggregate_type(),
        aggregate_id: id.parse().map_err(|_| wrong())?,
    })
}

impl<A: Decide> AggregateContext<Root<A>> for Moving<A> {
    fn aggregate(&mut self) -> &mut Root<A> {
        &mut self.root
    }
}

impl<A: Decide> EventStore<Root<A>> for Store {
    type AC = Moving<A>;

    async fn load_events(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<EventEnvelope<Root<A>>>, AggregateError<A::Refusal>> {
        let subject = subject_of::<A>(aggregate_id)?;
        let log = self.log.id().await.map_err(StoreError::from)?;
        let history = self.log.history(&subject).await.map_err(StoreError::from)?;
        let mut envelopes = Vec::with_capacity(history.events.len());
        let mut newest = None;
        for stored in &history.events {
            match self.read(stored, log).await.map_err(StoreError::from)?.after(newest) {
                Read::Event(recorded) => {
                    newest = Some(recorded.envelope.id);
                    let event = A::Event::try_from(recorded.event)
                        .map_err(|_| StoreError::Closed(UnreadableCause::Version))?;
                    let sequence = envelopes.len() + 1;
                    envelopes.push(enveloped(aggregate_id, sequence, event, &HashMap::new()));
                }
                Read::Unreadable(unreadable) => {
                    return Err(StoreError::Closed(unreadable.reason.cause()).into());
                }
                Read::Foreign(_) => {}
            }
        }
        Ok(envelopes)
    }

    async fn load_aggregate(&self, aggregate_id: &str) -> Result<Moving<A>, AggregateError<A::Refusal>> {
        let loaded = self.load::<A>(&subject_of::<A>(aggregate_id)?).await?;
        if let Some(cause) = loaded.closed() {
            return Err(StoreError::Closed(cause).into());
        }
        Ok(Moving { root: Root(loaded.state().clone()), loaded })
    }

    async fn commit(
        &self,
        events: Vec<Happened<A::Event>>,
        moved: Moving<A>,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<Root<A>>>, AggregateError<A::Refusal>> {
        if events.is_empty() {
            return Ok(vec![]);
        }
        let context = context(&metadata).map_err(StoreError::from)?;
        let decided = events.iter().map(|event| event.0.clone()).collect();
        self.append(&moved.loaded, decided, &context).await?;
        let id = cqrs_id(&moved.loaded.subject);
        let first = moved.loaded.count + 1;
        Ok(events
            .into_iter()
            .zip(first..)
            .map(|(event, sequence)| enveloped(&id, sequence, event.0, &metadata))
            .collect())
    }
}

fn enveloped<A: Decide>(
    aggregate_id: &str,
    sequence: usize,
    event: A::Event,
    metadata: &HashMap<String, String>,
) -> EventEnvelope<Root<A>> {
    EventEnvelope {
        aggregate_id: aggregate_id.to_owned(),
        sequence,
        payload: Happened(event),
        metadata: metadata.clone(),
    }
}

impl<R: std::error::Error> From<StoreError> for AggregateError<R> {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Append(AppendError::Conflict) => Self::AggregateConflict,
            StoreError::Read(_) | StoreError::Append(_) => Self::DatabaseConnectionError(Box::new(error)),
            StoreError::Closed(_) => Self::DeserializationError(Box::new(error)),
            StoreError::SlugTaken(_)
            | StoreError::WrongSubject(_)
            | StoreError::Metadata(_)
            | StoreError::Unreadable(_)
            | StoreError::Sign(_) => Self::UnexpectedError(Box::new(error)),
        }
    }
}
