//! What a reader of records asks for.

use std::fmt;
use std::str::FromStr;

use events::{Actor, OrganizationId};
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;

use crate::access::{Choice, Kind};
use crate::api::moment::Moment;
use crate::api::query::Limit;
use crate::problem::Problem;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AccessQuery {
    /// Only records of these types, with commas between them: `text.read,command.refused`.
    #[serde(rename = "type", default, deserialize_with = "some")]
    #[param(value_type = Option<String>, max_length = 1000)]
    kinds: Option<Kinds>,
    /// Only what this actor did: `key:<id>`.
    #[serde(default, deserialize_with = "some")]
    #[param(value_type = Option<String>)]
    actor: Option<Actor>,
    /// At this moment or later.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Moment>,
    /// Before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Moment>,
    /// How many items at most: 1 to 200.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// `next` of the page before; nothing for the first page.
    #[param(max_length = 200)]
    cursor: Option<String>,
    /// What comes after this place, oldest first: the `position` of an answer before, or of any record; `start` or
    /// `now`.
    #[param(max_length = 200)]
    after: Option<String>,
}

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Newest first, before this sequence, or of all.
    Before(Option<u64>),
    /// Oldest first.
    Start,
    Now,
    After(u64),
}

impl AccessQuery {
    pub fn place(&self) -> Result<Place, Problem> {
        match (&self.cursor, self.after.as_deref()) {
            (Some(_), Some(_)) => Err(Problem::invalid(
                "?cursor",
                "This does not go with `after`: what comes after a place is asked for by `position`.",
            )),
            (Some(cursor), None) => sequence(cursor, "?cursor").map(|before| Place::Before(Some(before))),
            (None, None) => Ok(Place::Before(None)),
            (None, Some("start")) => Ok(Place::Start),
            (None, Some("now")) => Ok(Place::Now),
            (None, Some(after)) => sequence(after, "?after").map(Place::After),
        }
    }

    pub fn choice(self, about: Option<OrganizationId>) -> Choice {
        Choice {
            about,
            kinds: self.kinds.map(|Kinds(kinds)| kinds).unwrap_or_default(),
            actor: self.actor,
            since: self.since.map(|Moment(at)| at),
            until: self.until.map(|Moment(at)| at),
        }
    }
}

fn sequence(text: &str, field: &str) -> Result<u64, Problem> {
    let sequence: Option<u64> = text.parse().ok();
    sequence
        .filter(|it| it.to_string() == text)
        .ok_or_else(|| Problem::invalid(field, "Send back exactly what an answer gave you."))
}

/// A parameter that was sent, from its text.
fn some<'de, T: FromStr<Err: fmt::Display>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(serde::de::Error::custom)
}

#[derive(Debug)]
struct Kinds(Vec<Kind>);

impl FromStr for Kinds {
    type Err = String;

    /// A type that nobody writes would show nothing, as if nothing had been tried.
    fn from_str(text: &str) -> Result<Self, String> {
        let kind = |name: &str| {
            Kind::named(name.trim()).ok_or_else(|| {
                let shown: String = name.chars().take(64).collect();
                let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
                format!("`{shown}` is no type of record: {}", known.join(", "))
            })
        };
        text.split(',').map(kind).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(cursor: Option<&str>, after: Option<&str>) -> Option<Place> {
        let query = AccessQuery {
            kinds: None,
            actor: None,
            since: None,
            until: None,
            limit: Limit::default(),
            cursor: cursor.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        query.place().ok()
    }

    #[test]
    fn a_place_is_what_an_answer_gave() {
        assert_eq!(place(None, None), Some(Place::Before(None)));
        assert_eq!(place(Some("17"), None), Some(Place::Before(Some(17))));
        assert_eq!(place(None, Some("start")), Some(Place::Start));
        assert_eq!(place(None, Some("now")), Some(Place::Now));
        assert_eq!(place(None, Some("17")), Some(Place::After(17)));
        for (cursor, after) in [(Some("017"), None), (None, Some("-1")), (Some("1"), Some("1"))] {
            assert_eq!(place(cursor, after), None);
        }
    }

    #[test]
    fn types_are_those_that_are_written() {
        let kinds = |text: &str| text.parse::<Kinds>().map(|Kinds(kinds)| kinds);
        assert_eq!(kinds("text.read, command.refused").unwrap(), [Kind::TextRead, Kind::CommandRefused]);
        for text in ["", "text", "text.read,", "text.sung"] {
            kinds(text).unwrap_err();
        }
    }
}
