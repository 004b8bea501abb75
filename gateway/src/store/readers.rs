//! Readers of single teams: what each may do in NATS, which is to read what it may read, and nothing else.
//!
//! Each has an account of its own, so that it is revoked alone, and consumers under names of its own, so that it comes
//! near nobody else's. What a consumer delivers stands in the subject by which it is created, and nats-server refuses a
//! request that says another. Nothing is imported that reads by number, or tells what subjects there are: neither can
//! be narrowed (decision 0022).

use aws_lc_rs::digest::{SHA256, digest};
use events::log::jetstream::STREAM;
use events::subject::Owner;
use events::{AggregateType, Shard};

use super::roles::Service;
use crate::config::{self, ReaderName};

/// Consumers that a reader may have at once.
const CONSUMERS: u8 = 8;

/// A reader and what it may read.
#[derive(Debug, Clone)]
pub struct Reader {
    name: ReaderName,
    /// Subjects, each of which a consumer may have as its filter, or a narrower one.
    filters: Vec<String>,
}

impl Reader {
    pub fn new(name: ReaderName, may: &config::Reader) -> Self {
        let shard = Shard::ZERO;
        let of =
            |owner: &str, kind: &AggregateType, id: &str| format!("kl.events.{shard}.{owner}.{kind}.{id}");
        let installation = Owner::Installation.to_string();
        let itself = |id: &str| of(&installation, &AggregateType::Organization, id);
        let filters = match (may.organization.map(|id| id.to_string()), may.types.as_slice()) {
            (None, []) => vec![format!("kl.events.{shard}.>")],
            (Some(id), []) => vec![format!("kl.events.{shard}.{id}.>"), itself(&id)],
            (organization, types) => {
                let mut filters: Vec<_> = types
                    .iter()
                    .map(|kind| match (kind, &organization) {
                        (AggregateType::Organization, Some(id)) => itself(id),
                        (_, Some(id)) => of(id, kind, "*"),
                        (_, None) => of("*", kind, "*"),
                    })
                    .collect();
                filters.sort();
                filters.dedup();
                filters
            }
        };
        Self { name, filters }
    }

    pub fn name(&self) -> &ReaderName {
        &self.name
    }

    pub fn filters(&self) -> &[String] {
        &self.filters
    }

    /// Its account, such as `KEYLEDGER_READER_BILLING`.
    pub fn account(&self) -> String {
        format!("{}_READER_{}", super::accounts::LOG, self.upper())
    }

    /// Its user, such as `keyledger-reader-billing`.
    pub fn user(&self) -> String {
        format!("keyledger-reader-{}", self.name)
    }

    /// By what nats-server knows its password, where there is no hash of it.
    pub fn variable(&self) -> String {
        format!("KEYLEDGER_NATS_READER_{}_PASSWORD", self.upper())
    }

    fn upper(&self) -> String {
        self.name.as_str().to_uppercase().replace('-', "_")
    }

    /// What its consumers' names begin with. It changes with what may be read: a consumer that was made while more might
    /// be read is not this reader's any more.
    pub fn prefix(&self) -> String {
        let digest = digest(&SHA256, self.filters.join("\n").as_bytes());
        let tag: String = digest.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{tag}", self.name)
    }

    /// The names that its consumers may have.
    pub fn consumers(&self) -> Vec<String> {
        let prefix = self.prefix();
        (1..=CONSUMERS).map(|number| format!("{prefix}_{number}")).collect()
    }

    /// All that it may use.
    pub fn services(&self) -> Vec<Service> {
        let of = |name: String| {
            let api = |verb: &str| Service::Api(format!("{verb}.{STREAM}.{name}"));
            let create = |filter| Service::Api(format!("CONSUMER.CREATE.{STREAM}.{name}.{filter}"));
            let mut services: Vec<_> = self.filters.iter().map(create).collect();
            services.extend(["CONSUMER.INFO", "CONSUMER.MSG.NEXT", "CONSUMER.DELETE"].map(api));
            services.push(Service::Acknowledgement(format!("$JS.ACK.{STREAM}.{name}.>")));
            services
        };
        self.consumers().into_iter().flat_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(organization: Option<&str>, types: &[&str]) -> Reader {
        let may = config::Reader {
            organization: organization.map(|id| id.parse().unwrap()),
            types: types.iter().map(|name| name.parse().unwrap()).collect(),
            password_hash: None,
        };
        may.check().unwrap();
        Reader::new("team-a".parse().unwrap(), &may)
    }

    const ID: &str = "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b";

    #[test]
    fn filters_are_what_it_may_read_and_no_more() {
        for (organization, types, filters) in [
            (None, &[][..], vec!["kl.events.0.>".to_owned()]),
            (None, &["key"], vec!["kl.events.0.*.key.*".to_owned()]),
            (Some(ID), &[], vec![format!("kl.events.0.{ID}.>"), format!("kl.events.0._.organization.{ID}")]),
            (
                Some(ID),
                &["organization", "key", "key"],
                vec![format!("kl.events.0.{ID}.key.*"), format!("kl.events.0._.organization.{ID}")],
            ),
        ] {
            let mut found = reader(organization, types).filters().to_vec();
            let mut filters = filters;
            found.sort();
            filters.sort();
            assert_eq!(found, filters);
        }
    }

    #[test]
    fn whoever_may_read_less_than_before_has_other_consumers() {
        let (wide, narrow) = (reader(None, &["key", "server"]), reader(None, &["key"]));
        assert!(wide.consumers().iter().all(|name| !narrow.consumers().contains(name)));
        assert_eq!(narrow.consumers(), reader(None, &["key"]).consumers());
        assert_eq!(narrow.account(), "KEYLEDGER_READER_TEAM_A");
        assert_eq!(narrow.variable(), "KEYLEDGER_NATS_READER_TEAM_A_PASSWORD");
    }
}
