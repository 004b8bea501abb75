//! Lists of what a server has, as one caller is shown them: an entry is shown if what it names may be called, got or
//! read. All else of an answer stays as it is, byte by byte, but for what is said of caching, and beside an error's code and
//! message.
//!
//! An answer that can't be read, as the caller's own parser might read it, is a fault and not shown: duplicate members,
//! and such as differ from ours in case alone, as in what clients send (`message`).

use std::borrow::Cow;
use std::ops::Range;

use events::scope::Thing;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::access::{self, LongName, Needs};
use super::json::{Cursor, NotJson};
use super::message::{Member, Members, Text};

#[cfg(test)]
mod tests;

/// What a server lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    Tools,
    Prompts,
    Resources,
    Templates,
}

/// Why nothing of an answer is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListFault {
    #[error("it is longer than {MAX_BYTES} bytes")]
    TooLong,
    #[error("it is no JSON object, in UTF-8, that can be read")]
    NotJson,
    #[error("a member of it stands twice, or differs from one of the protocol's in case alone")]
    Doubtful,
    #[error("its result has no list `{0}`")]
    NoList(&'static str),
}

impl ListFault {
    /// For the log.
    pub fn cause(self) -> String {
        format!("its answer, which may hold a list, can't be shown: {self}")
    }
}

/// An answer with a list is at most this long.
pub const MAX_BYTES: usize = 8 * 1_024 * 1_024;
/// For so long a client may keep a list: what its key may see can change at any time.
const MAX_TTL_MS: u64 = 30_000;

const KNOWN: &[&str] = &["jsonrpc", "id", "method", "params", "result", "error"];
const KNOWN_IN_RESULT: &[&str] =
    &["tools", "prompts", "resources", "resourceTemplates", "ttlMs", "cacheScope"];

impl List {
    const ALL: [Self; 4] = [Self::Tools, Self::Prompts, Self::Resources, Self::Templates];

    /// The list that a method asks for.
    pub fn of_method(method: &str) -> Option<Self> {
        match method {
            "tools/list" => Some(Self::Tools),
            "prompts/list" => Some(Self::Prompts),
            "resources/list" => Some(Self::Resources),
            "resources/templates/list" => Some(Self::Templates),
            _ => None,
        }
    }

    /// Where it stands in a result.
    fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
        }
    }

    /// What the entry's use needs. A template is used by its own text: `completion/complete` names it so.
    fn needs<'a>(self, entry: &Entry<'a>) -> Result<Needs<'a>, LongName> {
        let Entry { name, uri, template, is_doubtful } = entry;
        if *is_doubtful {
            return Ok(Needs::WholeServer);
        }
        match self {
            Self::Tools => access::thing(Thing::Tool, "tools/call", "params.name", name),
            Self::Prompts => access::thing(Thing::Prompt, "prompts/get", "params.name", name),
            Self::Resources => access::thing(Thing::Resource, "resources/read", "params.uri", uri),
            Self::Templates => {
                access::thing(Thing::Resource, "completion/complete", "params.ref.uri", template)
            }
        }
    }
}

/// The answer as it is shown; `None`: as it is. `asked`: the list that it answers, or whichever it may hold.
/// `hints`: what a result says of caching is ours to say (2026-07-28, "Caching"). `may`: whether the caller may do what
/// needs this.
pub fn shown(
    answer: &str,
    asked: Option<List>,
    hints: bool,
    may: impl Fn(&Needs<'_>) -> bool,
) -> Result<Option<String>, ListFault> {
    let mut reading = Reading { asked, hints, may, edited: Edited::of(answer) };
    let mut cursor = Cursor::new(answer);
    let mut members = Members::new(KNOWN);
    cursor.object(|cursor, key| {
        let (is_result, is_error) = (key == "result", key == "error");
        meet(&mut members, key)?;
        match (is_result, is_error) {
            (true, _) => reading.result(cursor),
            (false, true) => reading.error(cursor),
            (false, false) => skip(cursor),
        }
    })?;
    cursor.end()?;
    Ok(reading.edited.finish())
}

struct Reading<'a, F> {
    asked: Option<List>,
    hints: bool,
    may: F,
    edited: Edited<'a>,
}

impl<F: Fn(&Needs<'_>) -> bool> Reading<'_, F> {
    fn result(&mut self, cursor: &mut Cursor<'_>) -> Result<(), ListFault> {
        let missing = |asked: Option<List>| asked.map_or(Ok(()), |it| Err(ListFault::NoList(it.member())));
        if cursor.peek() != Some(b'{') {
            skip(cursor)?;
            return missing(self.asked);
        }
        let mut members = Members::new(KNOWN_IN_RESULT);
        let (mut found, mut has_ttl, mut has_scope) = (None, false, false);
        cursor.object(|cursor, key| {
            let list = List::ALL.into_iter().find(|list| list.member() == key);
            let (is_ttl, is_scope) = (self.hints && key == "ttlMs", self.hints && key == "cacheScope");
            meet(&mut members, key)?;
            if let Some(list) = list {
                if self.asked.is_none_or(|asked| asked == list) {
                    found = Some(list);
                }
                return self.list(cursor, list);
            }
            has_ttl |= is_ttl;
            has_scope |= is_scope;
            if is_ttl {
                self.ttl(cursor)
            } else if is_scope {
                self.hint(cursor, |scope| (scope != "\"private\"").then_some(Cow::Borrowed("\"private\"")))
            } else {
                skip(cursor)
            }
        })?;
        if found.is_none() {
            return missing(self.asked);
        }
        if self.hints {
            // Before the brace that was just read: the object has a list, so that a comma may stand there.
            let end = cursor.at() - 1;
            let ttl = if has_ttl { "" } else { ",\"ttlMs\":0" };
            let scope = if has_scope { "" } else { ",\"cacheScope\":\"private\"" };
            self.edited.replace(end..end, &[ttl, scope].concat());
        }
        Ok(())
    }

    /// Code and message alone: what is said beside them, to an end of its own, may name what is hidden.
    fn error(&mut self, cursor: &mut Cursor<'_>) -> Result<(), ListFault> {
        if self.asked.is_none() || (self.may)(&Needs::WholeServer) || cursor.peek() == Some(b'n') {
            return skip(cursor);
        }
        if cursor.peek() != Some(b'{') {
            return Err(ListFault::NotJson);
        }
        let start = cursor.at();
        let (mut kept, mut more) = (String::from("{"), false);
        let mut members = Members::new(&["code", "message"]);
        cursor.object(|cursor, key| {
            let name = match &*key {
                "code" => "code",
                "message" => "message",
                _ => {
                    more = true;
                    meet(&mut members, key)?;
                    return skip(cursor);
                }
            };
            meet(&mut members, key)?;
            let value: &RawValue = cursor.value()?;
            let comma = if kept.len() > 1 { "," } else { "" };
            kept.push_str(&format!("{comma}\"{name}\":{value}"));
            Ok::<_, ListFault>(())
        })?;
        if more {
            kept.push('}');
            self.edited.replace(start..cursor.at(), &kept);
        }
        Ok(())
    }

    fn list(&mut self, cursor: &mut Cursor<'_>, list: List) -> Result<(), ListFault> {
        if cursor.peek() != Some(b'[') {
            return Err(ListFault::NoList(list.member()));
        }
        let start = cursor.at();
        let (mut kept, mut hidden) = (Vec::new(), false);
        cursor.array(|cursor| {
            let from = cursor.at();
            let entry = if cursor.peek() == Some(b'{') {
                cursor.value()?
            } else {
                cursor.value::<IgnoredAny>()?;
                Entry::default()
            };
            if list.needs(&entry).is_ok_and(|needs| (self.may)(&needs)) {
                kept.push(from..cursor.at());
            } else {
                hidden = true;
            }
            Ok::<_, ListFault>(())
        })?;
        if hidden {
            self.edited.keep(start..cursor.at(), &kept);
        }
        Ok(())
    }

    fn ttl(&mut self, cursor: &mut Cursor<'_>) -> Result<(), ListFault> {
        self.hint(cursor, |ttl| match ttl.parse::<u64>() {
            Ok(..=MAX_TTL_MS) => None,
            Ok(_) => Some(Cow::Owned(MAX_TTL_MS.to_string())),
            // No whole number of milliseconds: what is not understood is kept for no time.
            Err(_) => Some(Cow::Borrowed("0")),
        })
    }

    fn hint(
        &mut self,
        cursor: &mut Cursor<'_>,
        ours: impl FnOnce(&str) -> Option<Cow<'static, str>>,
    ) -> Result<(), ListFault> {
        let start = cursor.at();
        let theirs: &RawValue = cursor.value()?;
        if let Some(ours) = ours(theirs.get()) {
            self.edited.replace(start..cursor.at(), &ours);
        }
        Ok(())
    }
}

/// A text that is copied as far as it was looked at, with other text in some places.
struct Edited<'a> {
    text: &'a str,
    out: String,
    copied: usize,
}

impl<'a> Edited<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, out: String::new(), copied: 0 }
    }

    fn replace(&mut self, range: Range<usize>, with: &str) {
        if range.is_empty() && with.is_empty() {
            return;
        }
        self.copy_to(range.start);
        self.out.push_str(with);
        self.copied = range.end;
    }

    /// Of an array, these entries alone.
    fn keep(&mut self, array: Range<usize>, entries: &[Range<usize>]) {
        self.copy_to(array.start);
        self.out.push('[');
        for (number, entry) in entries.iter().enumerate() {
            if number > 0 {
                self.out.push(',');
            }
            self.out.push_str(self.text.get(entry.clone()).unwrap_or_default());
        }
        self.out.push(']');
        self.copied = array.end;
    }

    fn copy_to(&mut self, end: usize) {
        if self.copied == 0 {
            self.out.reserve(self.text.len());
        }
        self.out.push_str(self.text.get(self.copied..end).unwrap_or_default());
    }

    /// `None`: nothing was edited.
    fn finish(mut self) -> Option<String> {
        if self.copied == 0 {
            return None;
        }
        self.copy_to(self.text.len());
        Some(self.out)
    }
}

/// An entry of a list, as far as it says what it names. What is no object names nothing.
#[derive(Default)]
struct Entry<'a> {
    name: Member<'a>,
    uri: Member<'a>,
    template: Member<'a>,
    /// It may name another thing to another parser.
    is_doubtful: bool,
}

impl<'de> Deserialize<'de> for Entry<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an entry of a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry<'de>, A::Error> {
        let mut members = Members::new(&["name", "uri", "uriTemplate"]);
        let mut entry = Entry::default();
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "name" => entry.name = map.next_value()?,
                "uri" => entry.uri = map.next_value()?,
                "uriTemplate" => entry.template = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            entry.is_doubtful |= members.meet(key).is_err();
        }
        Ok(entry)
    }
}

fn meet<'a>(members: &mut Members<'a>, key: Cow<'a, str>) -> Result<(), ListFault> {
    members.meet(key).map_err(|_| ListFault::Doubtful)
}

fn skip(cursor: &mut Cursor<'_>) -> Result<(), ListFault> {
    cursor.value::<IgnoredAny>()?;
    Ok(())
}

impl From<NotJson> for ListFault {
    fn from(NotJson: NotJson) -> Self {
        Self::NotJson
    }
}
