//! Which types of events somebody means: one, all of a noun's, or all.

use std::fmt;
use std::str::FromStr;

use crate::event::Event;
use crate::token::text_serde;

/// A type such as `key.issued`; `key.*` for all of a key's; `*` for all.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventPattern(Box<str>);

/// The text names no type of event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no type of event: such as `key.issued`, `key.*` for all of a key's, or `*` for all")]
pub struct EventPatternError(pub String);

/// It has the form of a type, and no event is of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownType(EventPattern);

impl EventPattern {
    pub fn all() -> Self {
        Self("*".into())
    }

    pub fn is_all(&self) -> bool {
        &*self.0 == "*"
    }

    pub fn matches(&self, kind: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some("") => true,
            Some(start) => kind.starts_with(start),
            None => *self.0 == *kind,
        }
    }

    /// The types that it chooses of those that are written: what chooses none of them would show, or send, nothing, as if
    /// nothing had happened.
    pub fn kinds(&self) -> Result<Vec<&'static str>, UnknownType> {
        let kinds: Vec<_> = kinds().filter(|kind| self.matches(kind)).collect();
        if kinds.is_empty() { Err(UnknownType(self.clone())) } else { Ok(kinds) }
    }
}

/// Each type that is written, once.
fn kinds() -> impl Iterator<Item = &'static str> {
    // Its versions stand next to each other.
    let before = std::iter::once("").chain(Event::WRITTEN.iter().map(|(kind, _)| *kind));
    Event::WRITTEN.iter().zip(before).filter(|((kind, _), before)| kind != before).map(|((kind, _), _)| *kind)
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for UnknownType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |kind: &'static str| kind.split_once('.').map_or(kind, |(noun, _)| noun);
        let noun = self.0.0.split_once('.').map_or("", |(noun, _)| noun);
        write!(f, "`{}` is no type of event; ", self.0)?;
        let near: Vec<_> = kinds().filter(|kind| of(kind) == noun).collect();
        if !near.is_empty() {
            return write!(f, "of {noun} there are {}", near.join(", "));
        }
        let mut nouns: Vec<_> = kinds().map(of).collect();
        nouns.dedup();
        let nouns: Vec<_> = nouns.iter().map(|noun| format!("{noun}.*")).collect();
        write!(f, "there are {}", nouns.join(", "))
    }
}

impl std::error::Error for UnknownType {}

impl FromStr for EventPattern {
    type Err = EventPatternError;

    fn from_str(text: &str) -> Result<Self, EventPatternError> {
        let word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        let known = match text.split_once('.') {
            None => text == "*",
            Some((noun, verb)) => text.len() <= 64 && word(noun) && (verb == "*" || word(verb)),
        };
        if known { Ok(Self(text.into())) } else { Err(EventPatternError(text.chars().take(64).collect())) }
    }
}

text_serde!(EventPattern, "EventPattern", "a type of event such as key.issued, key.* or *", {
    "pattern": r"^(?:\*|[a-z_]+\.(?:\*|[a-z_]+))$",
    "maxLength": 64,
});

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Result<Vec<&'static str>, String> {
        text.parse::<EventPattern>().unwrap().kinds().map_err(|error| error.to_string())
    }

    #[test]
    fn a_pattern_has_the_form_of_a_type() {
        for text in ["", "key", "key.", ".issued", "key.iss*", "*.issued", "Key.issued", "a.b.c"] {
            text.parse::<EventPattern>().unwrap_err();
        }
    }

    #[test]
    fn it_chooses_types_that_are_written_and_what_chooses_none_is_told_what_there_is() {
        assert_eq!(kinds("key.revoked").unwrap(), ["key.revoked"]);
        assert_eq!(kinds("server.*").unwrap(), ["server.registered", "server.changed", "server.removed"]);
        assert!(kinds("*").unwrap().len() > 20);
        assert_eq!(
            kinds("server.sung").unwrap_err(),
            "`server.sung` is no type of event; of server there are server.registered, server.changed, server.removed"
        );
        let told = kinds("keys.*").unwrap_err();
        assert!(
            told.ends_with("member.*, invitation.*, client.*, approval.*, consent.*, grant.*, issuer.*"),
            "{told}"
        );
    }
}
