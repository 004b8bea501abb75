//! The one place that names cqrs-es: its `Aggregate` and `DomainEvent`, carried by one generic newtype each over our
//! plain states and events, and its `EventStore` over our store, so that nothing else has to know it.

mod event_store;

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use events::Event;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

pub use self::event_store::{MetadataError, Moving, cqrs_id, metadata};
use crate::aggregate::{Decide, Facts, NounEvent};

/// A noun's state as a cqrs-es aggregate.
#[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct Root<A: Decide>(pub A);

/// A noun's event as a cqrs-es event. Serialised as its kind, version and data.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened<E>(pub E);

/// What the command makes of this state: its events, and the state after them.
pub(crate) async fn decide<A: Decide>(
    state: A,
    command: A::Command,
    facts: &Facts,
) -> Result<(A, Vec<A::Event>), A::Refusal> {
    // cqrs-es moves the state on by each event.
    let mut root = Root(state);
    let sink = EventSink::default();
    root.handle(command, facts, &sink).await?;
    Ok((root.0, sink.collect().await.into_iter().map(|happened| happened.0).collect()))
}

impl<A: Decide> Aggregate for Root<A> {
    const TYPE: &'static str = A::TYPE;
    type Command = A::Command;
    type Event = Happened<A::Event>;
    type Error = A::Refusal;
    type Services = Facts;

    async fn handle(
        &mut self,
        command: A::Command,
        facts: &Facts,
        sink: &EventSink<Self>,
    ) -> Result<(), A::Refusal> {
        for event in self.0.decide(&command, facts)? {
            sink.write(Happened(event), self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Happened<A::Event>) {
        self.0.apply(&event.0);
    }
}

impl<E: NounEvent> Happened<E> {
    fn event(&self) -> Event {
        self.0.clone().into()
    }
}

impl<E: NounEvent> DomainEvent for Happened<E> {
    fn event_type(&self) -> String {
        self.event().kind().to_owned()
    }

    fn event_version(&self) -> String {
        self.event().version().to_string()
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    kind: String,
    version: u32,
    data: Box<RawValue>,
}

impl<E: NounEvent> Serialize for Happened<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = self.event();
        let data = event.data().map_err(serde::ser::Error::custom)?;
        Wire { kind: event.kind().to_owned(), version: event.version(), data }.serialize(serializer)
    }
}

impl<'de, E: NounEvent> Deserialize<'de> for Happened<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let event = Event::decode(&wire.kind, wire.version, wire.data.get()).map_err(de::Error::custom)?;
        E::try_from(event).map(Self).map_err(|_| de::Error::custom("another noun's event"))
    }
}
