//! Pages: a list is read in the order of creation, and a cursor says after which row to go on. Rows that come
//! or go meanwhile shift nothing.

use std::fmt;
use std::str::FromStr;

use events::Timestamp;
use serde::Serialize;

/// At most this many rows in one answer.
pub const MAX_LIMIT: u32 = 200;

/// Which page.
#[derive(Clone, Copy, Debug)]
pub struct PageQuery {
    limit: u32,
    after: Option<Cursor>,
}

impl PageQuery {
    /// `limit` is brought into 1 to [`MAX_LIMIT`].
    pub fn new(limit: u32, after: Option<Cursor>) -> Self {
        Self { limit: limit.clamp(1, MAX_LIMIT), after }
    }

    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// One more than is shown: whether there is a next page.
    pub(super) fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    pub(super) fn after(&self, list: List) -> Result<Option<(i64, i64)>, CursorError> {
        match self.after {
            None => Ok(None),
            Some(cursor) if cursor.list == list => Ok(Some((cursor.time, cursor.sequence))),
            Some(cursor) => Err(CursorError(cursor.to_string())),
        }
    }
}

/// One page of rows.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page begins; `null`: this is the last.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    pub(super) fn of(mut rows: Vec<T>, query: &PageQuery, list: List, at: impl Fn(&T) -> (i64, i64)) -> Self {
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| {
            let (time, sequence) = at(row);
            Cursor { list, time, sequence }
        });
        Self { items: rows, next }
    }

    /// Where nothing was left out, rows may follow after this one.
    pub(super) fn or_after(self, list: List, looked_at: Option<(i64, i64)>) -> Self {
        let next = self.next.or(looked_at.map(|(time, sequence)| Cursor { list, time, sequence }));
        Self { next, ..self }
    }

    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next: self.next }
    }
}

events::named! {
    /// Which list a cursor belongs to. Its name is the cursor's first letter.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(super) enum List {
        Organizations = "o",
        Servers = "s",
        Keys = "k",
        Aggregate = "a",
        Events = "e",
        Webhooks = "w",
        Attempts = "t",
        DeadLetters = "d",
        People = "p",
        Members = "m",
        Invitations = "i",
        Issuers = "u",
        Consents = "n",
        Grants = "g",
        Clients = "c",
        Approvals = "v",
    }
}

/// After which row a page begins. Opaque: sent back as it was given, to the same list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cursor {
    list: List,
    /// Milliseconds since 1970, where the list is by time; else 0.
    time: i64,
    sequence: i64,
}

/// The text is not a cursor of this list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a cursor of this list: send one back exactly as an answer gave it")]
pub struct CursorError(pub String);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:x}-{:x}", self.list.as_str(), self.time, self.sequence)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let parse = || {
            let list = List::ALL.into_iter().find(|list| text.starts_with(list.as_str()))?;
            let (time, sequence) = text.get(1..)?.split_once('-')?;
            let time = i64::from_str_radix(time, 16).ok()?;
            let sequence = i64::from_str_radix(sequence, 16).ok()?;
            // As any row has them: PostgreSQL knows no other moments, and has no use for other sequences.
            let given = sequence >= 0 && Timestamp::from_unix_millis(time).is_some();
            Some(Self { list, time, sequence }).filter(|cursor| given && cursor.to_string() == text)
        };
        parse().ok_or_else(|| CursorError(text.chars().take(80).collect()))
    }
}

impl Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_fits_only_its_list() {
        let page = Page::of(vec![1i64, 2, 3], &PageQuery::new(2, None), List::Keys, |row| (0, *row));
        assert_eq!(page.items, [1, 2]);
        let cursor: Cursor = page.next.unwrap().to_string().parse().unwrap();
        let query = PageQuery::new(2, Some(cursor));
        assert_eq!(query.after(List::Keys), Ok(Some((0, 2))));
        assert!(query.after(List::Servers).is_err());
    }

    #[test]
    fn the_last_page_has_no_next() {
        let page = Page::of(vec![1i64, 2], &PageQuery::new(2, None), List::Keys, |row| (0, *row));
        assert_eq!(page.next, None);
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in [
            "",
            "k",
            "k0",
            "x0-1",
            "k0-01",
            "k0-1 ",
            "k0-g",
            "é0-1",
            "e7fffffffffffffff-1",
            "e8000000000000000-1",
            "k0-8000000000000000",
        ] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_page_is_never_larger_than_the_limit() {
        assert_eq!(PageQuery::new(0, None).limit(), 1);
        assert_eq!(PageQuery::new(1_000_000, None).limit(), MAX_LIMIT);
    }
}
