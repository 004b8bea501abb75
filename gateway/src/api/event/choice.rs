//! What a reader of events asks for.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use events::pattern::EventPatternError;
use events::{Actor, AggregateId, AggregateType, EventPattern, Position};
use http::{HeaderMap, header};
use projections::postgres::PageQuery;
use projections::postgres::history::{EventFilter, Order};
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;

use super::place::FeedPlace;
use crate::api::history::EventOrder;
use crate::api::moment::Moment;
use crate::api::query::{Limit, ListQuery};
use crate::problem::Problem;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Only events of these types, with commas between them: `key.issued,key.revoked`; `key.*` is all of a key's.
    #[serde(rename = "type")]
    #[param(value_type = Option<String>, max_length = 1000)]
    kinds: Option<Kinds>,
    /// Only what this actor did, such as `key:<id>` or `system:bootstrap`.
    #[param(value_type = Option<String>)]
    actor: Option<ActorText>,
    /// Only what happened to this, such as `key:<id>`, or to all of a type: `server`.
    #[param(value_type = Option<String>)]
    object: Option<Object>,
    /// Stored at this moment or later, by the log's clock.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Moment>,
    /// Stored before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Moment>,
    /// Of a list. The feed is always oldest first.
    order: Option<EventOrder>,
    /// How many items at most: 1 to 200.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// Of a list: `next` of the page before; nothing for the first page.
    #[param(max_length = 200)]
    cursor: Option<String>,
    /// The feed after this place: the `position` of an answer before, or of any event; `start` or `now`. A stream
    /// without it begins now.
    #[param(value_type = Option<String>)]
    after: Option<After>,
    /// Of the feed: how long an answer waits for an event, 1 to 25. Without it, it does not wait.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 25)]
    wait_seconds: Option<WaitSeconds>,
    /// The `position` of an earlier write: the answer waits, a bounded time, until it includes it.
    #[param(value_type = Option<String>)]
    at_least: Option<Position>,
}

/// Where a feed begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    Start,
    Now,
    Place(FeedPlace),
}

/// One of the ways to read events.
pub enum Asked {
    List(ListOfEvents),
    Feed { filter: EventFilter, limit: Limit, after: After, wait: Option<Duration> },
    Stream { filter: EventFilter, limit: Limit, after: After },
}

pub struct ListOfEvents {
    pub filter: EventFilter,
    pub order: Order,
    pub page: PageQuery,
    pub at_least: Option<Position>,
}

impl EventsQuery {
    pub fn asked(self, headers: &HeaderMap) -> Result<Asked, Problem> {
        let Self { kinds, actor, object, since, until, order, limit, cursor, after, wait_seconds, at_least } =
            self;
        let wait = wait_seconds.map(|WaitSeconds(wait)| wait);
        let (aggregate_type, aggregate_id) = match object {
            Some(Object { of, id }) => (Some(of), id),
            None => (None, None),
        };
        if let (Some(Moment(since)), Some(Moment(until))) = (&since, &until)
            && since >= until
        {
            let said = format!("Nothing lies between {since} and {until}: `since` must come before `until`.");
            return Err(Problem::invalid("?since", said));
        }
        let filter = EventFilter {
            kinds: kinds.map(|Kinds(kinds)| kinds),
            actor: actor.map(|ActorText(actor)| actor),
            aggregate_type,
            aggregate_id,
            since: since.map(|Moment(at)| at),
            until: until.map(|Moment(at)| at),
        };
        let streams = wants_stream(headers);
        if !streams && after.is_none() && wait.is_none() {
            let order = order.unwrap_or_default().into();
            let page = ListQuery { limit, cursor, at_least }.page()?;
            return Ok(Asked::List(ListOfEvents { filter, order, page, at_least }));
        }
        let of_a_list = [
            ("?cursor", cursor.is_some()),
            ("?at_least", at_least.is_some()),
            ("?order", matches!(order, Some(EventOrder::NewestFirst))),
            ("?wait_seconds", streams && wait.is_some()),
        ];
        if let Some((field, _)) = of_a_list.into_iter().find(|(_, given)| *given) {
            let said = "This does not go with `after`, `wait_seconds` or a stream: the feed goes on from its `position`, oldest \
                        first, and a stream waits by itself.";
            return Err(Problem::invalid(field, said));
        }
        if streams {
            // What a client has seen counts more than where it once began.
            let after = last_event_id(headers)?.or(after).unwrap_or(After::Now);
            return Ok(Asked::Stream { filter, limit, after });
        }
        Ok(Asked::Feed { filter, limit, after: after.unwrap_or(After::Now), wait })
    }
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|media| media.split(';').next().unwrap_or_default().trim() == "text/event-stream")
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<After>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let place = value.to_str().ok().and_then(|text| text.parse().ok());
    match place {
        Some(place) => Ok(Some(After::Place(place))),
        None => Err(Problem::invalid("Last-Event-ID", "Send back the id of an event of this stream.")),
    }
}

/// Reads a parameter from its text, with what is wrong with it.
fn from_text<'de, T: FromStr<Err: fmt::Display>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

macro_rules! parameters {
    ($($type:ty),*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                from_text(deserializer)
            }
        }
    )*};
}
parameters!(Kinds, ActorText, Object, After, WaitSeconds);

#[derive(Debug)]
struct Kinds(Vec<String>);

impl FromStr for Kinds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut kinds = Vec::new();
        for named in text.split(',').map(str::trim) {
            let pattern: EventPattern =
                named.parse().map_err(|error: EventPatternError| error.to_string())?;
            kinds.extend(pattern.kinds().map_err(|error| error.to_string())?.into_iter().map(str::to_owned));
        }
        Ok(Self(kinds))
    }
}

#[derive(Debug)]
struct ActorText(Actor);

impl FromStr for ActorText {
    type Err = events::actor::ActorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

#[derive(Debug)]
struct Object {
    of: AggregateType,
    id: Option<AggregateId>,
}

impl FromStr for Object {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (of, id) = text.split_once(':').map_or((text, None), |(of, id)| (of, Some(id)));
        let known: Vec<_> = AggregateType::KNOWN.iter().map(AggregateType::as_str).collect();
        let of = of.parse().ok().filter(|of| known.contains(&AggregateType::as_str(of)));
        let id = id.map(AggregateId::from_str).transpose().ok();
        match (of, id) {
            (Some(of), Some(id)) => Ok(Self { of, id }),
            (_, _) => Err(format!("an object is <type>:<id>, or a type alone: {}", known.join(", "))),
        }
    }
}

impl FromStr for After {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "start" => Ok(Self::Start),
            "now" => Ok(Self::Now),
            _ => text.parse().map(Self::Place).map_err(|error| format!("{error}; or `start`, or `now`")),
        }
    }
}

#[derive(Debug)]
struct WaitSeconds(Duration);

impl WaitSeconds {
    const MAX: u64 = 25;
}

impl FromStr for WaitSeconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<u64>() {
            Ok(seconds) if (1..=Self::MAX).contains(&seconds) => Ok(Self(Duration::from_secs(seconds))),
            Ok(_) | Err(_) => Err(format!("an answer waits 1 to {} seconds", Self::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_that_are_written() {
        let kinds = |text: &str| text.parse::<Kinds>().map(|Kinds(kinds)| kinds);
        assert_eq!(kinds("key.issued,key.revoked").unwrap(), ["key.issued", "key.revoked"]);
        assert_eq!(kinds("slug.*,key.issued").unwrap(), ["slug.reserved", "key.issued"]);
        for text in ["", "key", "key.sung", "key.issued,", "sung.*"] {
            kinds(text).unwrap_err();
        }
    }

    #[test]
    fn an_object_is_a_type_or_one_of_it() {
        let object = |text: &str| text.parse::<Object>().map(|it| (it.of.to_string(), it.id.is_some()));
        assert_eq!(object("key").unwrap(), ("key".to_owned(), false));
        assert_eq!(object("slug:server-docs").unwrap(), ("slug".to_owned(), true));
        for text in ["", "family", "key:", ":x", "key:a b"] {
            object(text).unwrap_err();
        }
    }
}
