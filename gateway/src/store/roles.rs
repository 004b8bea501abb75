//! What each role's NATS user may do: the one place where it is written.
//!
//! Whoever can store events can mint keys, so only control and worker may publish to the log. Each role hears
//! answers under an inbox prefix of its own: none can read another's. Permissions alone do not hold against a
//! request whose reply subject lies inside the log; accounts of their own will (decision 5).

use std::fmt::Write;

use events::log::jetstream::STREAM;
use events::subject::ALL_EVENTS;

use super::transfer::DELIVERED;
use super::{FLEET, SNAPSHOTS, VAULT_CONTROL, VAULT_NODE, VAULT_PEOPLE};
use crate::config::NatsRole;

/// Subjects that may be published and subscribed to.
#[derive(Debug, Clone, Default)]
pub struct Permissions {
    pub publish: Subjects,
    pub subscribe: Subjects,
}

/// What is in `allow` and not in `deny`.
#[derive(Debug, Clone, Default)]
pub struct Subjects {
    pub allow: Vec<String>,
    pub deny: Vec<String>,
}

/// Every role that speaks to NATS.
pub const ALL: [NatsRole; 5] =
    [NatsRole::Admin, NatsRole::Control, NatsRole::Worker, NatsRole::Node, NatsRole::Auditor];

/// Where the role hears answers, such as `_INBOX_node`.
pub fn inbox_prefix(role: NatsRole) -> String {
    format!("_INBOX_{}", role.as_str())
}

pub fn permissions(role: NatsRole) -> Permissions {
    let publish = match role {
        // Streams and buckets are set up, copied and put back as a whole, and never written.
        NatsRole::Admin => [
            ["INFO", "STREAM.INFO.*", "STREAM.CREATE.*", "STREAM.SNAPSHOT.*", "STREAM.RESTORE.*"]
                .map(api)
                .to_vec(),
            ["$JS.SNAPSHOT.ACK.>", "$JS.SNAPSHOT.RESTORE.>"].map(str::to_owned).to_vec(),
        ]
        .concat(),
        NatsRole::Control => [
            vec![ALL_EVENTS.to_owned()],
            read_log(),
            write_bucket(VAULT_NODE),
            write_bucket(VAULT_CONTROL),
            write_bucket(VAULT_PEOPLE),
            read_bucket(FLEET),
            vec![format!("$KV.{FLEET}.member.*")],
            read_snapshots(),
        ]
        .concat(),
        NatsRole::Worker => [
            vec![ALL_EVENTS.to_owned()],
            read_log(),
            write_bucket(VAULT_PEOPLE),
            write_bucket(FLEET),
            read_snapshots(),
            write_snapshots(),
        ]
        .concat(),
        NatsRole::Node => [
            read_log(),
            read_bucket(VAULT_NODE),
            // Its own membership, and no more: who else is there is nothing to it.
            vec![api(&format!("STREAM.MSG.GET.KV_{FLEET}")), format!("$KV.{FLEET}.member.*")],
            read_snapshots(),
        ]
        .concat(),
        NatsRole::Auditor => read_log(),
    };
    let mut subscribe = vec![format!("{}.>", inbox_prefix(role))];
    if role == NatsRole::Admin {
        subscribe.push(format!("{DELIVERED}.*"));
    }
    Permissions {
        publish: Subjects { allow: publish, deny: vec![] },
        subscribe: Subjects { allow: subscribe, deny: vec![] },
    }
}

fn api(subject: &str) -> String {
    format!("$JS.API.{subject}")
}

/// To read and follow the log. A consumer's name is one token, drawn by the follower.
fn read_log() -> Vec<String> {
    [
        format!("STREAM.INFO.{STREAM}"),
        format!("STREAM.MSG.GET.{STREAM}"),
        format!("DIRECT.GET.{STREAM}"),
        format!("CONSUMER.CREATE.{STREAM}.*"),
        format!("CONSUMER.MSG.NEXT.{STREAM}.*"),
    ]
    .iter()
    .map(|subject| api(subject))
    .collect()
}

/// To read, list and watch a bucket.
fn read_bucket(bucket: &str) -> Vec<String> {
    let stream = format!("KV_{bucket}");
    let mut subjects: Vec<String> = [
        format!("STREAM.INFO.{stream}"),
        format!("STREAM.MSG.GET.{stream}"),
        format!("DIRECT.GET.{stream}"),
        format!("DIRECT.GET.{stream}.>"),
        format!("CONSUMER.CREATE.{stream}"),
        format!("CONSUMER.CREATE.{stream}.>"),
        format!("CONSUMER.MSG.NEXT.{stream}.*"),
        format!("CONSUMER.INFO.{stream}.*"),
        format!("CONSUMER.DELETE.{stream}.*"),
    ]
    .iter()
    .map(|subject| api(subject))
    .collect();
    // Flow control of what is listed.
    subjects.push(format!("$JS.FC.{stream}.>"));
    subjects
}

fn write_bucket(bucket: &str) -> Vec<String> {
    let mut subjects = read_bucket(bucket);
    subjects.push(format!("$KV.{bucket}.>"));
    subjects
}

/// To read snapshots: their list and one message after the other.
fn read_snapshots() -> Vec<String> {
    let stream = format!("OBJ_{SNAPSHOTS}");
    [
        format!("STREAM.INFO.{stream}"),
        format!("STREAM.MSG.GET.{stream}"),
        format!("DIRECT.GET.{stream}"),
        format!("DIRECT.GET.{stream}.>"),
    ]
    .iter()
    .map(|subject| api(subject))
    .collect()
}

/// To write snapshots, and to let old ones go.
fn write_snapshots() -> Vec<String> {
    vec![
        format!("$O.{SNAPSHOTS}.C.>"),
        format!("$O.{SNAPSHOTS}.M.>"),
        api(&format!("STREAM.PURGE.OBJ_{SNAPSHOTS}")),
    ]
}

/// The users as nats-server's configuration has them, for production. Each password is taken from the server's
/// environment (`$KEYLEDGER_NATS_NODE_PASSWORD`); a bcrypt hash may stand there.
pub fn configuration() -> String {
    let mut text = String::from("authorization {\n  users = [\n");
    for role in ALL {
        let Permissions { publish, subscribe } = permissions(role);
        let name = role.as_str();
        // Writing into a String can't fail.
        let _ = write!(
            text,
            "    {{\n      user: \"keyledger-{name}\"\n      password: $KEYLEDGER_NATS_{}_PASSWORD\n      \
             permissions {{\n        publish {{ allow = [\n{}        ] }}\n        subscribe {{ allow = [\n{}        ] }}\n      \
             }}\n    }}\n",
            name.to_uppercase(),
            lines(&publish.allow),
            lines(&subscribe.allow),
        );
    }
    text.push_str("  ]\n}\n");
    text
}

fn lines(subjects: &[String]) -> String {
    subjects.iter().fold(String::new(), |mut text, subject| {
        let _ = writeln!(text, "          \"{subject}\"");
        text
    })
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

    fn may_publish(role: NatsRole, subject: &str) -> bool {
        permissions(role).publish.allow.iter().any(|pattern| covers(pattern, subject))
    }

    #[test]
    fn only_control_and_worker_may_write_to_the_log() {
        let subject = "kl.events.0._.key.0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b";
        let writers: Vec<_> = ALL.into_iter().filter(|role| may_publish(*role, subject)).collect();
        assert_eq!(writers, [NatsRole::Control, NatsRole::Worker]);
    }

    #[test]
    fn only_the_admin_may_create_a_stream_and_nobody_may_change_or_delete_one() {
        for role in ALL {
            let may_create = may_publish(role, "$JS.API.STREAM.CREATE.KL_EVENTS_0");
            assert_eq!(may_create, role == NatsRole::Admin, "{role:?}");
            for verb in ["UPDATE", "DELETE", "PURGE", "MSG.DELETE", "SNAPSHOT", "RESTORE"] {
                assert!(!may_publish(role, &format!("$JS.API.STREAM.{verb}.KL_EVENTS_0")), "{role:?} {verb}");
            }
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
            let may = |subject: &str| -> Vec<_> {
                ALL.into_iter().filter(|role| may_publish(*role, subject)).collect()
            };
            assert_eq!(may(&format!("$JS.API.DIRECT.GET.KV_{bucket}.$KV.{bucket}.a")), readers, "{bucket}");
            assert_eq!(may(&format!("$JS.API.STREAM.MSG.GET.KV_{bucket}")), readers, "{bucket}");
            assert_eq!(may(&format!("$KV.{bucket}.a")), writers, "{bucket}");
        }
    }

    #[test]
    fn nobody_hears_another_roles_answers() {
        for role in ALL {
            for other in ALL {
                let subject = format!("{}.abc.1", inbox_prefix(other));
                let hears = permissions(role).subscribe.allow.iter().any(|pattern| covers(pattern, &subject));
                assert_eq!(hears, role == other, "{role:?} {other:?}");
            }
        }
    }
}
