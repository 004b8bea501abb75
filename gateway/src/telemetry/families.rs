//! Every metric that a process may have: its name, what it is, and what it tells. `/metrics` has these words as HELP, and
//! docs/reference/metrics.md is written from them; a test holds the list against the sources.

use metrics::Unit;

use super::calls::CLIENT_GAVE_UP;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A metric with all its labels.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub help: &'static str,
    /// Values of its one label that are known before anything happens: series of 0 from the start.
    pub known: &'static [&'static str],
    /// The same of several labels: a value of each, in their order.
    pub begun: &'static [&'static [&'static str]],
}

const fn family(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family { name, kind, labels, help, known: &[], begun: &[] }
}

const fn known(
    name: &'static str,
    label: &'static [&'static str],
    known: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family { name, kind: Kind::Counter, labels: label, help, known, begun: &[] }
}

const fn begun(
    name: &'static str,
    labels: &'static [&'static str],
    begun: &'static [&'static [&'static str]],
    help: &'static str,
) -> Family {
    Family { name, kind: Kind::Counter, labels, help, known: &[], begun }
}

/// Clients that gave up, before an answer and in one that brings no message.
const GIVEN_UP: &[&[&str]] = &[
    &["mcp", "none", CLIENT_GAVE_UP],
    &["mcp", "2xx", CLIENT_GAVE_UP],
    &["mcp", "4xx", CLIENT_GAVE_UP],
    &["mcp", "5xx", CLIENT_GAVE_UP],
];

use Kind::{Counter, Gauge, Histogram};

/// In the order of the reference.
#[rustfmt::skip]
pub const FAMILIES: &[Family] = &[
    family("keyledger_build_info", Gauge, &["version"], "1, with the version that runs"),
    family("keyledger_ready", Gauge, &[], "1: `/readyz` says that it is ready"),
    family("keyledger_lacks", Gauge, &[], "1: ready or not, it does not do all that its roles are for; `/readyz` says what"),
    known("keyledger_panics_total", &["place"], &["public", "admin", "metrics", "command", "webhook"], "Panics that took one request, connection or command with them: always a fault of Keyledger"),

    family("keyledger_connections", Gauge, &["listener"], "Connections that are open"),
    known("keyledger_connections_refused_total", &["listener"], &["public", "admin", "metrics"], "Connections that could not be accepted, as where there are no file descriptors left"),
    family("keyledger_connections_ended_total", Counter, &["listener", "reason"], "Connections that were ended: for their time, or to make room"),
    known("keyledger_tls_handshake_failures_total", &["listener"], &["public", "admin"], "Handshakes that failed or took too long"),
    known("keyledger_tls_reloads_total", &["outcome"], &["served", "refused"], "Changed TLS files: served, or refused for what is wrong with them"),
    family("keyledger_tls_certificate_expiry_timestamp_seconds", Gauge, &[], "When the first of the certificates that the listeners show ends, in seconds since 1970"),

    family("keyledger_master_key_file_unfit", Gauge, &["vault"], "1: the vault's master key file can't be used, and the keys before it still count; a restart would fail"),

    begun("keyledger_requests_total", &["route", "status", "outcome"], GIVEN_UP, "Requests at the public listener; a call at its end. `status` is 2xx to 5xx, or none where the client was gone before an answer"),
    family("keyledger_request_seconds", Histogram, &["route"], "Until an answer's headers"),
    family("keyledger_calls_in_flight", Gauge, &[], "Calls at /mcp under way, open streams included"),
    family("keyledger_gateway_seconds", Histogram, &[], "The gateway's own share of the time until a call's answer"),
    family("keyledger_upstream_seconds", Histogram, &["organization", "server"], "Until an upstream's headers, and the first of its body where the answer waits for that. Servers beyond 256 share `_others`"),
    family("keyledger_upstream_failures_total", Counter, &["organization", "server", "kind"], "Calls that their server spoilt"),
    family("keyledger_call_records_dropped_total", Counter, &[], "Calls that no line and no metric by server tells of, for want of room"),
    family("keyledger_log_writes_dropped_total", Counter, &[], "Writes of log lines that were dropped, since nobody reads standard error fast enough"),
    known("keyledger_upstream_ca_reloads_total", &["outcome"], &["used", "refused"], "Changed files of upstreams' authorities"),
    family("keyledger_open_streams", Gauge, &[], "Event streams that are open"),
    family("keyledger_streams_ended_total", Counter, &["reason"], "Answers that were ended since their caller lost the right to them"),
    family("keyledger_key_validations_total", Counter, &["outcome"], "Keys that were judged at /mcp and at the admin API"),
    family("keyledger_token_validations_total", Counter, &["outcome"], "Access tokens that were judged at /mcp"),
    family("keyledger_verifications_total", Counter, &["outcome"], "Answers of keys/verify"),

    family("keyledger_api_requests_total", Counter, &["method", "route", "status"], "Requests at the admin API. `status` is 2xx to 5xx"),
    family("keyledger_api_requests_in_flight", Gauge, &[], "Requests at the admin API under way"),
    family("keyledger_api_request_seconds", Histogram, &["method", "route"], "Until its answer's headers"),
    known("keyledger_api_fleet_waits_total", &["complete"], &["true", "false"], "Commands that waited for the fleet, and whether it was proven in time"),
    family("keyledger_api_read_model_failures_total", Counter, &[], "Reads that PostgreSQL did not answer"),
    family("keyledger_access_records_total", Counter, &["type"], "Records of what was read and tried, as they are stored"),
    family("keyledger_access_records_dropped_total", Counter, &[], "Records of what was read and tried that were lost for want of room or time"),
    family("keyledger_attempt_steps_dropped_total", Counter, &[], "Steps of clients that try to get in that were lost for want of room or time"),

    family("keyledger_accounts_requests_total", Counter, &["route", "status"], "Requests for sign-in and OAuth. `status` is 2xx to 5xx"),
    family("keyledger_accounts_request_seconds", Histogram, &["route"], "Until such an answer's headers"),

    family("keyledger_postgres_up", Gauge, &[], "1: PostgreSQL answers; 0: it does not, and keys are judged all the same"),
    family("keyledger_postgres_pool_in_use", Gauge, &["pool"], "Connections with PostgreSQL in use: of the API's reads, of the worker, of its webhooks"),
    family("keyledger_postgres_pool_waiting", Gauge, &["pool"], "Reads of the API that wait for a connection"),

    family("keyledger_nats_connected", Gauge, &["connection", "server"], "1: the connection is there, with this server; 0: it is not, and was with this one last"),
    family("keyledger_log_last_sequence", Gauge, &[], "The log's newest message, as its leader told it last"),
    family("keyledger_log_append_seconds", Histogram, &["outcome"], "Until the log has stored a command's events, or has not"),
    family("keyledger_log_follow_restarts_total", Counter, &[], "Followers of the log that began again where they were"),
    family("keyledger_log_server_changes_total", Counter, &[], "Times that another NATS server was asked, since the one before proved nothing"),
    family("keyledger_log_stream_differences", Gauge, &[], "What of the log's stream is configured otherwise than it must be"),

    family("keyledger_directory_events_applied_total", Counter, &[], "Messages that the directory has taken in"),
    family("keyledger_directory_events_vouched_total", Counter, &[], "Of these, taken as a signed checkpoint has judged them"),
    family("keyledger_directory_apply_delay_seconds", Histogram, &[], "From stored to applied, by the log's clock"),
    family("keyledger_directory_lag_events", Gauge, &[], "Messages that the log has beyond the directory"),
    family("keyledger_directory_lag_seconds", Gauge, &[], "How much older the newest applied message is than the newest stored one"),
    family("keyledger_freshness_age_seconds", Gauge, &[], "Since when the directory is not proven to be all of the log"),
    family("keyledger_freshness_bound_seconds", Gauge, &[], "At this age it answers for no key any more, or says that it is stale: `freshness.max_staleness_ms`"),
    family("keyledger_clock_offset_seconds", Gauge, &[], "The log's clock less this machine's"),
    family("keyledger_serving_stale", Gauge, &[], "1: it serves although it is older than it should be"),
    family("keyledger_unreadable_events_total", Counter, &[], "True events that this version can't read: each closes what it is about"),
    family("keyledger_directory_closed_objects", Gauge, &[], "Objects of which an event can't be read or may not be obeyed, those of a snapshot included"),
    family("keyledger_unsigned_events_total", Counter, &[], "Events that no writer signed, or that lie elsewhere than they were signed for: each closes what it is about, and somebody else writes to the log"),
    family("keyledger_foreign_messages_total", Counter, &[], "Messages in the log that are no events of it, passed over"),

    family("keyledger_checkpoint_size", Gauge, &[], "Messages under the newest checkpoint that this control signed or found"),
    family("keyledger_checkpoint_signed_timestamp_seconds", Gauge, &[], "When that was, in seconds since 1970"),
    family("keyledger_checkpoint_compared_size", Gauge, &[], "Messages under the newest checkpoint that this process compared with the log"),
    family("keyledger_checkpoints_refused", Gauge, &[], "1: control signs nothing, since the log contradicts what was signed before"),
    family("keyledger_checkpoints_signed_total", Counter, &[], "Checkpoints that this control signed"),
    family("keyledger_witness_state", Gauge, &["witness", "state"], "1: the witness is in this state: unasked, cosigns, away, put_back, before_a_loss, contradicts"),
    family("keyledger_witness_cosigned_size", Gauge, &["witness"], "Messages under the newest checkpoint that carries the witness's word"),
    family("keyledger_witness_cosigned_timestamp_seconds", Gauge, &["witness"], "When the witness gave it, in seconds since 1970"),

    family("keyledger_snapshot_load_seconds", Gauge, &[], "How long the snapshot took that this process started from"),
    family("keyledger_snapshot_loaded_bytes", Gauge, &[], "Its size; 0: it started by replay"),
    family("keyledger_snapshots_refused_total", Counter, &[], "Snapshots that were not taken for what they say"),
    family("keyledger_snapshots_written_total", Counter, &[], "Snapshots that this worker has written"),
    family("keyledger_snapshot_write_seconds", Histogram, &[], "How long one took"),
    family("keyledger_snapshot_write_failures_total", Counter, &[], "Snapshots that could not be written"),

    family("keyledger_fleet_members", Gauge, &["state"], "Processes by state: live, silent, fenced"),
    family("keyledger_fleet_applied_seconds", Histogram, &[], "From an acknowledged change to applied by every process that lives"),
    family("keyledger_fleet_confirmed_age_seconds", Gauge, &[], "Since when it is not known of every process how far it is"),
    family("keyledger_fleet_unproven_commands", Gauge, &[], "Changes that some process is not known to have applied"),
    family("keyledger_fleet_renewal_failures_total", Counter, &[], "Times that this process could not renew its lease"),
    family("keyledger_lease_held", Gauge, &["lease"], "1: this worker holds the lease"),

    family("keyledger_projection_running", Gauge, &["projection"], "1: this worker keeps the read model now; 0: another one does, or nobody"),
    family("keyledger_projection_last_applied_timestamp_seconds", Gauge, &["projection"], "When the log stored the newest message that is in the read model, in seconds since 1970; 0: not known"),
    family("keyledger_projection_lag_events", Gauge, &["projection"], "Messages that the log has beyond what the read model is known to have. It grows while PostgreSQL does not answer"),
    family("keyledger_projection_lag_seconds", Gauge, &["projection"], "For how long the read model has not had all that the log has"),
    family("keyledger_projection_events_applied_total", Counter, &["projection"], "Messages that the read model has taken in"),
    family("keyledger_projection_events_parked_total", Counter, &["projection"], "Events that were put aside, since this version can't read them or what came before them"),
    family("keyledger_parked_events", Gauge, &["projection"], "Events that wait now"),
    family("keyledger_read_models_diverged", Gauge, &[], "1: the read models know of events that the log has not"),
    family("keyledger_read_models_newer_schema", Gauge, &[], "1: the database is a newer version's, and this worker rests"),
    family("keyledger_damaged_texts_total", Counter, &[], "Sealed texts that can't be opened with their key"),

    family("keyledger_drain_lag_events", Gauge, &["drain"], "Messages that the log has beyond what the receiver has taken"),
    family("keyledger_drain_lag_seconds", Gauge, &["drain"], "How much older the newest message that was taken is than now, where there are newer ones"),
    family("keyledger_drain_stands_still", Gauge, &["drain"], "1: it says why it does not go on"),
    family("keyledger_drain_events_sent_total", Counter, &["drain"], "Events that the receiver has taken"),
    family("keyledger_drain_events_refused_total", Counter, &["drain"], "Times that the receiver refused an event for what it is"),
    family("keyledger_drain_events_skipped_total", Counter, &["drain"], "Events that were passed over, as the configuration says"),
    family("keyledger_drain_failures_total", Counter, &["drain"], "Times that it stopped and tried again"),
    family("keyledger_drain_delivery_seconds", Histogram, &["drain"], "Until the receiver has taken a batch"),
    family("keyledger_export_lag_events", Gauge, &["export"], "Messages that the log has beyond the newest file"),
    family("keyledger_export_lag_seconds", Gauge, &["export"], "How much older the newest message in a file is than now, where there are newer ones"),
    family("keyledger_export_stands_still", Gauge, &["export"], "1: it says why it does not go on"),
    family("keyledger_export_files_written_total", Counter, &["export"], "Files that were written, each with its proof"),
    family("keyledger_export_events_written_total", Counter, &["export"], "Messages in them"),
    family("keyledger_export_bytes_written_total", Counter, &["export"], "Bytes of them, as they are stored"),
    family("keyledger_export_failures_total", Counter, &["export"], "Times that it stopped and tried again"),
    family("keyledger_export_file_seconds", Histogram, &["export"], "To read, write and prove a file"),

    known("keyledger_webhook_deliveries_total", &["outcome"], &["delivered", "retry", "dead", "stopped"], "Attempts to send a webhook a message, by what came of them: `stopped` is 410 Gone"),
    known("keyledger_issuer_fetches_total", &["outcome"], &["fetched", "failed"], "Fetches of an identity provider's documents and keys"),
    family("keyledger_webhook_attempt_seconds", Histogram, &[], "Until a webhook's endpoint had answered, or not"),
    family("keyledger_webhook_queue_age_seconds", Gauge, &[], "How long the oldest message that waits for its webhook has been queued"),
    family("keyledger_webhook_waiting", Gauge, &[], "Messages that wait for their webhooks"),
    family("keyledger_webhook_dead", Gauge, &[], "Messages that were given up"),
];

/// Says what each is, and begins those that are known before anything happens.
pub fn describe() {
    for Family { name, kind, labels, help, known, begun } in FAMILIES.iter().copied() {
        let unit = unit(name);
        match (kind, unit) {
            (Kind::Counter, _) => metrics::describe_counter!(name, help),
            (Kind::Gauge, Some(unit)) => metrics::describe_gauge!(name, unit, help),
            (Kind::Gauge, None) => metrics::describe_gauge!(name, help),
            (Kind::Histogram, Some(unit)) => metrics::describe_histogram!(name, unit, help),
            (Kind::Histogram, None) => metrics::describe_histogram!(name, help),
        }
        match (kind, labels) {
            (Kind::Counter, []) => metrics::counter!(name).absolute(0),
            (Kind::Counter, [label]) => {
                known.iter().for_each(|value| metrics::counter!(name, *label => *value).absolute(0));
            }
            (Kind::Counter, _) => begun.iter().for_each(|values| {
                let labels: Vec<_> = labels.iter().copied().zip(values.iter().copied()).collect();
                metrics::counter!(name, &labels).absolute(0);
            }),
            (Kind::Gauge | Kind::Histogram, _) => {}
        }
    }
    metrics::gauge!("keyledger_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

fn unit(name: &str) -> Option<Unit> {
    match name.rsplit('_').next() {
        Some("seconds") => Some(Unit::Seconds),
        Some("bytes") => Some(Unit::Bytes),
        Some(_) | None => None,
    }
}

#[cfg(test)]
mod deployed;
#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write;
    use std::path::Path;

    use super::*;

    /// Every metric that the sources name, by its literal.
    fn named(folder: &Path, names: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                named(&path, names);
            } else if path.extension().is_some_and(|it| it == "rs")
                && !path.ends_with("families.rs")
                && !path.ends_with("deployed.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                let literals = text.split('"').filter(|literal| literal.starts_with("keyledger_"));
                let is_name = |literal: &&str| literal.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
                names.extend(literals.filter(is_name).map(str::to_owned));
            }
        }
    }

    #[test]
    fn every_metric_is_described_and_every_description_is_of_a_metric() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut found = BTreeSet::from(["keyledger_build_info".to_owned()]);
        for room in ["events", "domain", "projections", "gateway"] {
            named(&root.join(room).join("src"), &mut found);
        }
        let described: BTreeSet<_> = FAMILIES.iter().map(|family| family.name.to_owned()).collect();
        assert_eq!(described.len(), FAMILIES.len(), "a metric is described twice");
        assert_eq!(found, described);
    }

    #[test]
    fn names_say_what_they_count_in() {
        for Family { name, kind, known, begun, labels, help } in FAMILIES {
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert!(*kind != Kind::Histogram || name.ends_with("_seconds"), "{name}");
            assert!(known.is_empty() || labels.len() == 1, "{name}");
            assert!(begun.iter().all(|values| values.len() == labels.len()), "{name}");
            assert!(!help.ends_with('.') && !help.is_empty(), "{name}");
        }
    }

    #[test]
    fn the_committed_reference_of_metrics_is_what_the_code_says() {
        let mut text = String::from(
            "# Metrics\n\nWhat `/metrics` of a process may have (Prometheus's text format). Generated from the code by `just \
             reference`; a test keeps it true. Beside these stand `process_*`: processor time, memory, files, start.\n\n\
             | name | kind | labels | what |\n|---|---|---|---|\n",
        );
        for Family { name, kind, labels, help, .. } in FAMILIES {
            let kind = format!("{kind:?}").to_lowercase();
            let labels = labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
            writeln!(text, "| `{name}` | {kind} | {labels} | {help} |").unwrap();
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/metrics.md");
        if std::env::var_os("KEYLEDGER_WRITE_REFERENCE").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert!(
            std::fs::read_to_string(path).unwrap_or_default() == text,
            "docs/reference/metrics.md is not what the code says: run `just reference` and look at the difference"
        );
    }
}
