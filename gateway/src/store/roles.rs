//! What each role may do in NATS: the one place where it is written.
//!
//! Only control may publish to the log: whoever can store events closes what they are about, though nobody without a
//! writer's key can make one that is believed. A permission to
//! publish says nothing of a request's reply subject: inside the log, it would have the answer stored. So the
//! streams live in an account without users, and each role in one of its own, which imports these services of it.

use events::log::jetstream::{STREAM, api, data};
use events::subject::ALL_EVENTS;

use super::accounts::IMPORTED;
use super::transfer::{self, DELIVERED};
use super::{
    ACCESS, ATTEMPTS, CHECKPOINTS, FLEET, OAUTH, SNAPSHOTS, VAULT_CONTROL, VAULT_NODE, VAULT_PEOPLE, setup,
};
use super::{access, attempts, checkpoints};
use crate::config::NatsRole;

/// Every role that has an account of its own.
pub const ALL: [NatsRole; 5] =
    [NatsRole::Admin, NatsRole::Control, NatsRole::Worker, NatsRole::Node, NatsRole::Auditor];

/// Something of the log's account that another account imports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// A question to JetStream's API, such as `STREAM.INFO.KL_EVENTS_0`.
    Api(String),
    /// A message to a stream, such as `kl.events.>`.
    Data(String),
    /// That a message of a consumer was taken in, or was not: `$JS.ACK.KL_EVENTS_0.>`. A message names its own reply
    /// subject, so that this one alone is imported as it is.
    Acknowledgement(String),
}

impl Service {
    /// Its subject in the log's account.
    pub fn exported(&self) -> String {
        match self {
            Self::Api(subject) => format!("$JS.API.{subject}"),
            Self::Data(subject) | Self::Acknowledgement(subject) => subject.clone(),
        }
    }

    /// Its subject in the account of a role.
    pub fn imported(&self) -> String {
        match self {
            Self::Api(subject) => api(subject),
            Self::Data(subject) => data(subject),
            Self::Acknowledgement(subject) => subject.clone(),
        }
    }

    /// Whether one request has many answers.
    pub fn has_many_answers(&self) -> bool {
        match self {
            Self::Api(subject) => {
                subject.starts_with("CONSUMER.MSG.NEXT.") || subject.starts_with("DIRECT.GET.")
            }
            Self::Data(_) | Self::Acknowledgement(_) => false,
        }
    }
}

/// Where the role hears answers, such as `_INBOX_node`.
pub fn inbox_prefix(role: NatsRole) -> String {
    format!("_INBOX_{}", role.as_str())
}

/// All that the role may use.
pub fn services(role: NatsRole) -> Vec<Service> {
    match role {
        // Streams and buckets are set up and copied as a whole, and never written.
        NatsRole::Admin => [
            setup::names()
                .flat_map(|stream| questions(&stream, &["STREAM.INFO.{}", "STREAM.CREATE.{}"]))
                .collect(),
            transfer::streams()
                .iter()
                .flat_map(|stream| questions(stream, &["STREAM.SNAPSHOT.{}"]))
                .collect(),
            vec![Service::Data("$JS.SNAPSHOT.ACK.>".to_owned())],
        ]
        .concat(),
        NatsRole::Control => [
            [ALL_EVENTS, checkpoints::ALL, access::ALL].map(|all| Service::Data(all.to_owned())).to_vec(),
            read_log(),
            vec![Service::Data(attempts::Side::Control.subject().to_owned())],
            read_attempts(),
            read_access(),
            write_bucket(VAULT_NODE),
            write_bucket(VAULT_CONTROL),
            write_bucket(VAULT_PEOPLE),
            write_bucket(OAUTH),
            [VAULT_NODE, VAULT_CONTROL, VAULT_PEOPLE].into_iter().flat_map(erase_in_vault).collect(),
            read_fleet(),
            vec![Service::Data(format!("$KV.{FLEET}.member.*"))],
            read_snapshots(),
        ]
        .concat(),
        NatsRole::Worker => [
            read_log(),
            write_bucket(VAULT_PEOPLE),
            read_fleet(),
            vec![Service::Data(format!("$KV.{FLEET}.>"))],
            read_snapshots(),
            write_snapshots(),
        ]
        .concat(),
        NatsRole::Node => [
            read_log(),
            read_bucket(VAULT_NODE),
            // Its own membership. It can read every record and lease, one sequence at a time, for a question by
            // subject can't be told from one by sequence; none of them is a secret.
            vec![
                Service::Api(format!("STREAM.MSG.GET.KV_{FLEET}")),
                Service::Data(format!("$KV.{FLEET}.member.*")),
                // What it saw of clients that try to get in; what others saw it can neither read nor write.
                Service::Data(attempts::Side::Node.subject().to_owned()),
            ],
            read_snapshots(),
        ]
        .concat(),
        NatsRole::Auditor => [read_log(), read_log_by_libraries(), read_access()].concat(),
        NatsRole::Restore => vec![],
    }
}

/// What the role may publish.
pub fn publishes(role: NatsRole) -> Vec<String> {
    let acknowledgements = services(role).into_iter().filter_map(|service| match service {
        Service::Acknowledgement(subject) => Some(subject),
        Service::Api(_) | Service::Data(_) => None,
    });
    std::iter::once(IMPORTED.to_owned()).chain(acknowledgements).collect()
}

/// What of the log's account the role hears without asking for each message: the parts of a snapshot.
pub fn heard(role: NatsRole) -> Option<String> {
    match role {
        NatsRole::Admin => Some(format!("{DELIVERED}.*")),
        NatsRole::Control | NatsRole::Worker | NatsRole::Node | NatsRole::Auditor | NatsRole::Restore => None,
    }
}

/// What the restoring user may publish, which stands in the log's account itself: nats-server takes back a stream
/// from there alone.
pub fn restoring() -> Vec<String> {
    let mut subjects: Vec<_> =
        transfer::streams().iter().map(|stream| format!("$JS.API.STREAM.RESTORE.{stream}")).collect();
    subjects.push("$JS.SNAPSHOT.RESTORE.>".to_owned());
    subjects
}

/// To read and follow the log, and to check it. A consumer's name is one token, drawn by the follower.
fn read_log() -> Vec<Service> {
    let mut services = questions(
        STREAM,
        &[
            "STREAM.INFO.{}",
            "STREAM.MSG.GET.{}",
            "DIRECT.GET.{}",
            "CONSUMER.CREATE.{}.*",
            "CONSUMER.MSG.NEXT.{}.*",
        ],
    );
    services.extend(read_checkpoints());
    services
}

/// To read checkpoints, one at a time.
fn read_checkpoints() -> Vec<Service> {
    questions(CHECKPOINTS, &["STREAM.INFO.{}", "STREAM.MSG.GET.{}"])
}

/// To read what was read and tried, many records at a time.
fn read_access() -> Vec<Service> {
    questions(ACCESS, &["STREAM.INFO.{}", "STREAM.MSG.GET.{}", "DIRECT.GET.{}"])
}

/// To read how clients get in, many steps at a time.
fn read_attempts() -> Vec<Service> {
    questions(ATTEMPTS, &["STREAM.INFO.{}", "STREAM.MSG.GET.{}", "DIRECT.GET.{}"])
}

/// What clients' libraries ask beside, as they do by themselves: which stream a subject is in, how a consumer stands, one
/// with a filter; and acknowledgements, without which a consumer stands still after its first 1,000 messages. None of it
/// changes what is in the log; no consumer is deleted, for it may be another's.
fn read_log_by_libraries() -> Vec<Service> {
    let mut services = questions(
        STREAM,
        &[
            "CONSUMER.CREATE.{}",
            "CONSUMER.CREATE.{}.*.>",
            "CONSUMER.DURABLE.CREATE.{}.*",
            "CONSUMER.INFO.{}.*",
            "DIRECT.GET.{}.>",
        ],
    );
    services.extend(["STREAM.NAMES", "INFO"].map(|subject| Service::Api(subject.to_owned())));
    services.push(Service::Acknowledgement(format!("$JS.ACK.{STREAM}.>")));
    services
}

/// To read single entries, from the bucket's leader.
fn read_bucket(bucket: &str) -> Vec<Service> {
    questions(&format!("KV_{bucket}"), &["STREAM.INFO.{}", "STREAM.MSG.GET.{}"])
}

fn write_bucket(bucket: &str) -> Vec<Service> {
    let mut services = read_bucket(bucket);
    services.push(Service::Data(format!("$KV.{bucket}.>")));
    services
}

/// To write over a secret that ends, where it lies on the servers' disks.
fn erase_in_vault(bucket: &str) -> Vec<Service> {
    questions(&format!("KV_{bucket}"), &["STREAM.MSG.DELETE.{}"])
}

/// To read single entries and to follow the bucket.
fn read_fleet() -> Vec<Service> {
    questions(
        &format!("KV_{FLEET}"),
        &[
            "STREAM.INFO.{}",
            "STREAM.MSG.GET.{}",
            "DIRECT.GET.{}",
            "CONSUMER.CREATE.{}.>",
            "CONSUMER.MSG.NEXT.{}.*",
        ],
    )
}

/// To read snapshots: their list and one message after the other.
fn read_snapshots() -> Vec<Service> {
    questions(
        &format!("OBJ_{SNAPSHOTS}"),
        &["STREAM.INFO.{}", "STREAM.MSG.GET.{}", "DIRECT.GET.{}", "DIRECT.GET.{}.>"],
    )
}

/// To write snapshots, and to let old ones go.
fn write_snapshots() -> Vec<Service> {
    vec![
        Service::Data(format!("$O.{SNAPSHOTS}.C.>")),
        Service::Data(format!("$O.{SNAPSHOTS}.M.>")),
        Service::Api(format!("STREAM.PURGE.OBJ_{SNAPSHOTS}")),
    ]
}

/// Questions of the API, each with the stream's name in it.
fn questions(stream: &str, subjects: &[&str]) -> Vec<Service> {
    subjects.iter().map(|subject| Service::Api(subject.replace("{}", stream))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NATS's rule: `*` is one token, `>` the rest.
    fn covers(pattern: &str, subject: &str) -> bool {
        let mut subject = subject.split('.');
        for token in pattern.split('.') {
            match (token, subject.next()) {
                (">", Some(_)) => return true,
                ("*", Some(_)) => {}
                (token, Some(other)) if token == other => {}
                _ => return false,
            }
        }
        subject.next().is_none()
    }

    fn who_may(subject: &str) -> Vec<NatsRole> {
        let may =
            |role: &NatsRole| services(*role).iter().any(|service| covers(&service.exported(), subject));
        ALL.into_iter().filter(may).collect()
    }

    #[test]
    fn only_control_may_write_to_the_log() {
        let writers = who_may("kl.events.0._.key.0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b");
        assert_eq!(writers, [NatsRole::Control]);
    }

    #[test]
    fn only_the_admin_may_create_our_streams_and_nobody_may_change_or_delete_one() {
        assert_eq!(who_may("$JS.API.STREAM.CREATE.KL_EVENTS_0"), [NatsRole::Admin]);
        assert_eq!(who_may("$JS.API.STREAM.CREATE.ANOTHER"), []);
        for verb in ["UPDATE", "DELETE", "PURGE", "MSG.DELETE"] {
            assert_eq!(who_may(&format!("$JS.API.STREAM.{verb}.KL_EVENTS_0")), [], "{verb}");
        }
    }

    #[test]
    fn checkpoints_are_control_s_to_write_and_everybody_s_to_read() {
        use NatsRole::{Auditor, Control, Node, Worker};
        assert_eq!(who_may("kl.checkpoints.0"), [Control]);
        assert_eq!(
            who_may(&format!("$JS.API.STREAM.MSG.GET.{CHECKPOINTS}")),
            [Control, Worker, Node, Auditor]
        );
        for verb in ["UPDATE", "DELETE", "PURGE", "MSG.DELETE"] {
            assert_eq!(who_may(&format!("$JS.API.STREAM.{verb}.{CHECKPOINTS}")), [], "{verb}");
        }
    }

    #[test]
    fn records_of_access_are_control_s_to_write_and_nobody_s_to_change() {
        use NatsRole::{Auditor, Control};
        assert_eq!(who_may("kl.access._"), [Control]);
        assert_eq!(who_may(&format!("$JS.API.DIRECT.GET.{ACCESS}")), [Control, Auditor]);
        for verb in ["UPDATE", "DELETE", "PURGE", "MSG.DELETE"] {
            assert_eq!(who_may(&format!("$JS.API.STREAM.{verb}.{ACCESS}")), [], "{verb}");
        }
    }

    #[test]
    fn what_nodes_and_control_saw_of_clients_is_written_apart_and_control_s_to_read() {
        use NatsRole::{Control, Node};
        assert_eq!(who_may(attempts::Side::Control.subject()), [Control]);
        assert_eq!(who_may(attempts::Side::Node.subject()), [Node]);
        assert_eq!(who_may(&format!("$JS.API.DIRECT.GET.{ATTEMPTS}")), [Control]);
        for verb in ["UPDATE", "DELETE", "PURGE", "MSG.DELETE"] {
            assert_eq!(who_may(&format!("$JS.API.STREAM.{verb}.{ATTEMPTS}")), [], "{verb}");
        }
    }

    #[test]
    fn a_vault_is_open_to_its_roles_alone() {
        use NatsRole::{Control, Node, Worker};
        for (bucket, readers, writers) in [
            (VAULT_NODE, vec![Control, Node], vec![Control]),
            (VAULT_CONTROL, vec![Control], vec![Control]),
            (VAULT_PEOPLE, vec![Control, Worker], vec![Control, Worker]),
        ] {
            assert_eq!(who_may(&format!("$JS.API.STREAM.MSG.GET.KV_{bucket}")), readers, "{bucket}");
            assert_eq!(who_may(&format!("$KV.{bucket}.a")), writers, "{bucket}");
            assert_eq!(who_may(&format!("$JS.API.STREAM.MSG.DELETE.KV_{bucket}")), [Control], "{bucket}");
            for other in ["DIRECT.GET.KV_{}", "DIRECT.GET.KV_{}.a", "CONSUMER.CREATE.KV_{}.a"] {
                assert_eq!(
                    who_may(&format!("$JS.API.{}", other.replace("{}", bucket))),
                    [],
                    "{bucket} {other}"
                );
            }
        }
    }

    #[test]
    fn what_passes_at_the_authorization_server_is_control_s_alone() {
        use NatsRole::Control;
        assert_eq!(who_may(&format!("$KV.{OAUTH}.code.a")), [Control]);
        assert_eq!(who_may(&format!("$JS.API.STREAM.MSG.GET.KV_{OAUTH}")), [Control]);
        for verb in ["UPDATE", "DELETE", "PURGE", "MSG.DELETE"] {
            assert_eq!(who_may(&format!("$JS.API.STREAM.{verb}.KV_{OAUTH}")), [], "{verb}");
        }
        for other in ["DIRECT.GET", "CONSUMER.CREATE"] {
            assert_eq!(who_may(&format!("$JS.API.{other}.KV_{OAUTH}.a")), [], "{other}");
        }
    }

    #[test]
    fn what_a_role_imports_lies_under_one_prefix() {
        for service in ALL.into_iter().flat_map(services) {
            let as_it_is = matches!(service, Service::Acknowledgement(_));
            assert_eq!(covers(IMPORTED, &service.imported()), !as_it_is, "{service:?}");
        }
    }

    #[test]
    fn only_readers_acknowledge_and_nobody_deletes_a_consumer() {
        assert_eq!(who_may("$JS.ACK.KL_EVENTS_0.a.1.1.1.1.0"), [NatsRole::Auditor]);
        assert_eq!(who_may("$JS.API.CONSUMER.DELETE.KL_EVENTS_0.a"), []);
    }
}
