//! Which management keys worked when.

use std::collections::HashMap;

use events::key::KeyEvent;
use events::{Actor, KeyId, Owner, ScopeSet, Subject, Timestamp};

use super::{Period, words};

#[derive(Default)]
pub(super) struct Admins(HashMap<KeyId, Admin>);

/// A management key's life so far.
pub(super) struct Admin {
    pub subject: Subject,
    pub owner: Owner,
    pub scopes: ScopeSet,
    pub issued_at: Timestamp,
    pub issued_by: Actor,
    not_before: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    /// Stretches in which nothing but its expiry kept it from working; the last may be open.
    stretches: Vec<(Timestamp, Option<Timestamp>)>,
    revoked: bool,
}

impl Admins {
    /// Takes an event of a key; answers what stood before what it changes, for people.
    pub fn take(
        &mut self,
        id: KeyId,
        event: &KeyEvent,
        subject: &Subject,
        actor: &Actor,
        at: Timestamp,
    ) -> Option<String> {
        if let KeyEvent::Issued(issued) = event {
            if !issued.scopes.is_mcp() {
                self.0.entry(id).or_insert_with(|| Admin {
                    subject: subject.clone(),
                    owner: subject.owner,
                    scopes: issued.scopes.clone(),
                    issued_at: at,
                    issued_by: actor.clone(),
                    not_before: issued.not_before,
                    expires_at: issued.expires_at,
                    stretches: vec![(issued.not_before.map_or(at, |from| from.max(at)), None)],
                    revoked: false,
                });
            }
            return None;
        }
        self.0.get_mut(&id)?.take(event, at)
    }

    /// Those that worked within the period, oldest first.
    pub fn within(&self, period: &Period) -> Vec<(KeyId, &Admin, Stretches)> {
        let mut found: Vec<_> = self
            .0
            .iter()
            .map(|(id, admin)| (*id, admin, admin.worked(period)))
            .filter(|(.., worked)| !worked.is_empty())
            .collect();
        found.sort_unstable_by_key(|(id, admin, _)| (admin.issued_at, *id));
        found
    }
}

/// From when to when a key worked; `None`: it still does.
type Stretches = Vec<(Timestamp, Option<Timestamp>)>;

impl Admin {
    fn take(&mut self, event: &KeyEvent, at: Timestamp) -> Option<String> {
        match event {
            KeyEvent::Revoked(_) => {
                self.stop(at);
                self.revoked = true;
            }
            KeyEvent::Disabled(_) => self.stop(at),
            KeyEvent::Enabled(_) if !self.revoked => self.begin(at),
            KeyEvent::ExpiryChanged(changed) => {
                let before = self.expires_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
                let open = self.is_open();
                // What had expired ended then, and works again from now on.
                if let Some(expired) = self.expires_at.filter(|expires| *expires < at) {
                    self.stop(expired);
                    if open {
                        self.begin(at);
                    }
                }
                self.expires_at = changed.expires_at;
                return Some(before);
            }
            KeyEvent::ScopesChanged(changed) => {
                let before = words(self.scopes.iter());
                self.scopes = changed.scopes.clone();
                return Some(before);
            }
            KeyEvent::Issued(_)
            | KeyEvent::Enabled(_)
            | KeyEvent::Renamed(_)
            | KeyEvent::MetadataChanged(_) => {}
        }
        None
    }

    fn is_open(&self) -> bool {
        self.stretches.last().is_some_and(|(_, end)| end.is_none())
    }

    fn begin(&mut self, at: Timestamp) {
        if !self.is_open() {
            self.stretches.push((self.not_before.map_or(at, |from| from.max(at)), None));
        }
    }

    /// Its expiry may have come before.
    fn stop(&mut self, at: Timestamp) {
        let expires_at = self.expires_at;
        if let Some((_, end @ None)) = self.stretches.last_mut() {
            *end = Some(expires_at.map_or(at, |expires| expires.min(at)));
        }
    }

    fn worked(&self, period: &Period) -> Vec<(Timestamp, Option<Timestamp>)> {
        let within = |(start, end): &(Timestamp, Option<Timestamp>)| {
            // An open one ends with the key.
            let end = end.or(self.expires_at);
            let start = (*start).max(period.from);
            let end = end.filter(|end| *end < period.to);
            (start < period.to && end.is_none_or(|end| start < end)).then_some((start, end))
        };
        self.stretches.iter().filter_map(within).collect()
    }
}
