//! Members of the objects that we read: their keys, each once, and values that are text or something else.

use std::borrow::Cow;

use events::scope::Thing;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Text borrowed from the body where it holds no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
pub(in crate::mcp) struct Text<'a>(#[serde(borrow)] pub(in crate::mcp) Cow<'a, str>);

/// A member's value, as far as we care.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Member<'a> {
    #[default]
    Absent,
    Text(Cow<'a, str>),
    /// Text beyond what names anything: not kept, so that nobody looks at it.
    TooLong,
    /// A number, an object, null …
    Other,
}

impl Member<'_> {
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Absent | Self::TooLong | Self::Other => None,
        }
    }
}

/// The keys of one object so far.
pub(in crate::mcp) struct Members<'a> {
    known: &'static [&'static str],
    seen: Vec<Cow<'a, str>>,
}

/// An object that we read has at most this many members, each with a name of at most so many bytes.
const MAX_MEMBERS: usize = 128;
const MAX_KEY: usize = 1_024;

/// Why a key is refused.
#[derive(Debug, thiserror::Error)]
pub(in crate::mcp) enum MemberError {
    #[error("member `{0}` stands twice")]
    Duplicate(String),
    #[error("member `{0}` differs from `{1}` in case alone")]
    Lookalike(String, &'static str),
    #[error("an object has more than 128 members")]
    TooMany,
    #[error("a member's name has more than 1,024 bytes")]
    LongName,
}

impl<'a> Members<'a> {
    /// `known`: the keys that are read on this level.
    pub(in crate::mcp) fn new(known: &'static [&'static str]) -> Self {
        Self { known, seen: Vec::with_capacity(8) }
    }

    pub(in crate::mcp) fn meet(&mut self, key: Cow<'a, str>) -> Result<(), MemberError> {
        if self.seen.len() == MAX_MEMBERS {
            return Err(MemberError::TooMany);
        }
        if key.len() > MAX_KEY {
            return Err(MemberError::LongName);
        }
        if self.seen.contains(&key) {
            return Err(MemberError::Duplicate(shown(&key)));
        }
        if let Some(known) = self.known.iter().find(|known| **known != key && folded_equal(&key, known)) {
            return Err(MemberError::Lookalike(shown(&key), known));
        }
        self.seen.push(key);
        Ok(())
    }
}

/// Equal to a parser that folds case as Go's does: ASCII, and the two letters outside it that fold into it.
fn folded_equal(key: &str, known: &str) -> bool {
    let folded = key.chars().map(|c| match c {
        'ſ' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    });
    folded.eq(known.chars().map(|c| c.to_ascii_lowercase()))
}

fn shown(key: &str) -> String {
    key.chars().take(64).collect()
}

impl<'de> Deserialize<'de> for Member<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MemberVisitor)
    }
}

struct MemberVisitor;

impl<'de> Visitor<'de> for MemberVisitor {
    type Value = Member<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(if text.len() > Thing::MAX_NAME { Member::TooLong } else { Member::Text(Cow::Borrowed(text)) })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(if text.len() > Thing::MAX_NAME {
            Member::TooLong
        } else {
            Member::Text(Cow::Owned(text.to_owned()))
        })
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Member::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Member::Other)
    }
}
