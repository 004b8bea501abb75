//! Reads records back, in the stream's order or against it. One read looks at a bounded number of them, whatever it finds:
//! who asks for few among many gets short pages, and goes on.

use events::{Actor, OrganizationId, Owner, Timestamp};

use super::record::{Kind, Record};
use crate::store::access::AccessRecords;
use crate::store::stream::StreamError;
use crate::store::tail::Stored;
use crate::vault::{SealingKeys, VaultError};

/// Records that are read at once,
const AT_ONCE: u64 = 500;
/// and that one page looks at.
const LOOKED_AT: u64 = 10_000;

/// Which records.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Those that this organization may read; `None`: all.
    pub about: Option<OrganizationId>,
    /// Empty: of any kind.
    pub kinds: Vec<Kind>,
    pub actor: Option<Actor>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// Some of them, each with its sequence.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub items: Vec<(u64, Record)>,
    /// The last sequence that was looked at; whether there are more beyond it.
    pub at: u64,
    pub more: bool,
}

#[derive(Clone)]
pub struct Reader {
    pub records: AccessRecords,
    pub sealing: SealingKeys,
}

impl Choice {
    fn takes(&self, record: &Record) -> bool {
        self.about.is_none_or(|about| record.organization == Some(about))
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind.as_str() == record.kind))
            && self.actor.as_ref().is_none_or(|actor| record.actor.as_ref() == Some(actor))
            && self.since.is_none_or(|since| record.time >= since)
            && self.until.is_none_or(|until| record.time < until)
    }

    fn of(&self, stored: &Stored) -> Option<(u64, Record)> {
        // What nobody of ours wrote is not passed on.
        let record = serde_json::from_slice(&stored.payload).ok()?;
        self.takes(&record).then_some((stored.sequence, record))
    }
}

impl Reader {
    /// The newest before this sequence, or of all, the newest first.
    pub async fn before(
        &self,
        before: Option<u64>,
        limit: usize,
        choice: &Choice,
    ) -> Result<Page, StreamError> {
        let ends = self.records.ends().await?;
        let mut next = before.unwrap_or(u64::MAX).min(ends.last.saturating_add(1));
        let lowest = ends.first.max(next.saturating_sub(LOOKED_AT));
        let mut page = Page { at: next, ..Page::default() };
        while next > lowest {
            let from = lowest.max(next.saturating_sub(AT_ONCE));
            let stored = self.records.range(from, next - from).await?;
            for stored in stored.iter().rev() {
                if page.items.len() == limit {
                    page.more = true;
                    return Ok(page);
                }
                page.at = stored.sequence;
                page.items.extend(choice.of(stored));
            }
            (next, page.at) = (from, from);
        }
        page.more = page.at > ends.first;
        Ok(page)
    }

    /// What comes after this sequence, the oldest first. `None`: there is no such place.
    pub async fn after(
        &self,
        after: u64,
        limit: usize,
        choice: &Choice,
    ) -> Result<Option<Page>, StreamError> {
        let ends = self.records.ends().await?;
        if after > ends.last {
            return Ok(None);
        }
        let mut page = Page { at: after.max(ends.first.saturating_sub(1)), ..Page::default() };
        let highest = ends.last.min(page.at.saturating_add(LOOKED_AT));
        while page.at < highest {
            let count = AT_ONCE.min(highest - page.at);
            let (from, to) = (page.at + 1, page.at + count);
            for stored in &self.records.range(from, count).await? {
                if page.items.len() == limit {
                    page.more = true;
                    return Ok(Some(page));
                }
                page.at = stored.sequence;
                page.items.extend(choice.of(stored));
            }
            page.at = to;
        }
        page.more = page.at < ends.last;
        Ok(Some(page))
    }

    /// The newest's sequence.
    pub async fn newest(&self) -> Result<u64, StreamError> {
        Ok(self.records.ends().await?.last)
    }

    /// From where it was asked. `None`: that is not known, was forgotten, or is another's to read.
    pub async fn address(
        &self,
        record: &Record,
        reader: Option<OrganizationId>,
    ) -> Result<Option<String>, VaultError> {
        let Some(sealed) = &record.address else { return Ok(None) };
        if reader.is_some_and(|reader| sealed.owner != Owner::Organization(reader)) {
            return Ok(None);
        }
        let Some(field) = Record::field(record.id, sealed.owner) else { return Ok(None) };
        match self.sealing.open(&field, &sealed.text).await {
            Ok(text) => Ok(text.map(|text| text.as_str().to_owned())),
            Err(VaultError::Text { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
