//! Which events a drain is about: by their type, and by whom they belong to, as the subject that they lie on says. What this
//! version can't read, or nobody signed, or is no event of Keyledger's, is of every type: that it is there is news.

use events::{EventPattern, Owner};

use crate::config;
use crate::record::Record;

pub(super) struct Filter {
    types: Vec<EventPattern>,
    organizations: Vec<Owner>,
}

impl Filter {
    pub fn of(config: &config::Drain) -> Self {
        Self { types: config.types.clone(), organizations: config.organizations.clone() }
    }

    pub fn passes(&self, record: &Record<'_>) -> bool {
        self.is_of_a_type(record) && self.belongs(&record.stored.subject)
    }

    fn is_of_a_type(&self, record: &Record<'_>) -> bool {
        if self.types.is_empty() || record.problem().is_some() {
            return true;
        }
        let members = record.members();
        let kind = members.text("type").unwrap_or_default();
        self.types.iter().any(|pattern| pattern.matches(kind))
    }

    /// `kl.events.<shard>.<organization>.…`
    fn belongs(&self, subject: &str) -> bool {
        let owner = subject.split('.').nth(3).and_then(|token| token.parse().ok());
        self.organizations.is_empty() || owner.is_some_and(|owner| self.organizations.contains(&owner))
    }
}

#[cfg(test)]
mod tests {
    use events::LogId;
    use events::log::Stored;

    use super::*;

    fn passes(types: &[&str], organizations: &[&str], kind: &str) -> bool {
        let log: LogId = "019aa000-0000-7000-8000-000000000100".parse().unwrap();
        let text = include_str!("../../../events/golden/key/issued.v1.json").trim();
        let payload = text.replace("key.issued", kind).into();
        let subject =
            "kl.events.0.019aa000-0000-7000-8000-000000000020.key.019aa000-0000-7000-8000-000000000040";
        let stored_at = "2026-11-24T08:00:00.456Z".parse().unwrap();
        let stored = Stored { sequence: 7, subject: subject.to_owned(), stored_at, payload };
        let read = stored.read(log);
        let filter = Filter {
            types: types.iter().map(|kind| kind.parse().unwrap()).collect(),
            organizations: organizations.iter().map(|owner| owner.parse().unwrap()).collect(),
        };
        filter.passes(&Record { log, stored: &stored, read: &read })
    }

    #[test]
    fn by_type_and_by_whom_it_belongs_to() {
        let (owner, other) = ("019aa000-0000-7000-8000-000000000020", "019aa000-0000-7000-8000-000000000021");
        for (types, organizations, expected) in [
            (&[][..], &[][..], true),
            (&["key.issued"], &[], true),
            (&["server.*", "key.*"], &[owner, "_"], true),
            (&["key.revoked", "server.*"], &[], false),
            (&["ke.*"], &[], false),
            (&[], &["_", other], false),
        ] {
            assert_eq!(passes(types, organizations, "key.issued"), expected, "{types:?} {organizations:?}");
        }
        // Of tomorrow: of every type, and of nobody else.
        assert!(passes(&["key.revoked"], &[owner], "key.transmuted"));
        assert!(!passes(&["key.revoked"], &[other], "key.transmuted"));
    }
}
