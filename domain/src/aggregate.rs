//! What every noun promises: a state that decides on commands and applies events, both without side effects.
//! Where the events lie and how they are appended is left to `store` and `dispatch`.

use std::fmt::Debug;

use events::member::Departure;
use events::{AggregateType, Event, Slug, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::authority::Authority;

/// A noun's state. Its default is the state before the first event: nothing is known of it.
pub trait Decide:
    Default + Clone + PartialEq + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// As it stands in subjects.
    const TYPE: &'static str;

    type Command: Clone + Debug + Send + Sync;
    type Event: NounEvent;
    type Refusal: std::error::Error + Send + Sync + 'static;

    fn aggregate_type() -> AggregateType;

    /// The events that the command makes of this state. Empty: what it asks for already is so.
    fn decide(&self, command: &Self::Command, facts: &Facts) -> Result<Vec<Self::Event>, Self::Refusal>;

    fn apply(&mut self, event: &Self::Event);

    /// Whether a decision on this state could have made the event. `apply` takes what the log holds; this tells
    /// whether it holds what it should.
    fn admits(&self, event: &Self::Event) -> bool;

    /// Whether the command makes the object: only then does it matter how its owner stands, and there is nothing of the
    /// object yet, since its id is the command's own. The installation is found by reading.
    fn creates(command: &Self::Command) -> bool;

    /// Whether the command takes something away (revokes, disables, suspends, removes). Such a command is not
    /// held up by who keeps changing the same object.
    fn urgent(command: &Self::Command) -> bool;

    /// Which room for events the command may use: a history that is full takes what takes away all the same.
    fn room(&self, command: &Self::Command) -> Room;

    /// Whether the command takes an owner away from the organization that the aggregate belongs to: only then does it
    /// matter which others there are.
    fn parts_with_owner(&self, _command: &Self::Command) -> bool {
        false
    }

    /// The refusal of a command whose slug belongs to another object. `None`: it is decided again, or the
    /// noun claims no slug.
    fn slug_taken(_slug: &Slug) -> Option<Self::Refusal> {
        None
    }
}

/// The events of one noun.
pub trait NounEvent:
    Into<Event> + TryFrom<Event, Error = Event> + Clone + PartialEq + Debug + Send + Sync + 'static
{
}

impl<E> NounEvent for E where
    E: Into<Event> + TryFrom<Event, Error = Event> + Clone + PartialEq + Debug + Send + Sync + 'static
{
}

/// What a decision needs to know beside the aggregate's own state; drawn before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Facts {
    /// The time that the events will carry: never before the aggregate's last event.
    pub now: Timestamp,
    /// To whom the aggregate belongs, and how that owner stands, where the command creates it.
    pub owner: Standing,
    /// Whether an installation lives in the log.
    pub bootstrapped: bool,
    /// What whoever sends the command may give.
    pub authority: Authority,
    /// Who else owns the organization, where the command takes an owner away.
    pub other_owners: Option<OtherOwners>,
}

/// The owners of an organization beside the one that is decided on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OtherOwners {
    /// The number of the departure that comes next, as known before it was looked who remains.
    pub departure: Departure,
    /// Whether one remains.
    pub remain: bool,
}

/// How far a command may add to its object's history, which has a bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Room {
    /// Up to the bound.
    Bound,
    /// As far again: it takes something away, or gives back what was taken.
    Reserve,
    /// Always: it takes all away, and can't be sent again before that is given back.
    Always,
}

/// How the owner of an aggregate stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// The aggregate belongs to the installation itself.
    Installation,
    /// To an organization in good standing.
    Active,
    Suspended,
    /// To an organization that has no events.
    Unknown,
    /// To an organization of which an event can't be read.
    Closed,
    /// Nobody asked: the command creates nothing.
    NotAsked,
}
