//! How each server does, in metrics. Their labels are slugs, of so many servers; the others share one name.

use std::collections::HashMap;
use std::sync::Arc;

use events::ServerId;
use metrics::{Counter, Histogram, SharedString};
use projections::directory::{Directory, OrganizationEntry, ServerEntry, ServerState};

use super::Record;

/// Servers that have series of their own.
const MOST: usize = 256;
const OTHERS: &str = "_others";

/// Beyond so many servers, those that were removed among them, nobody looks for those that were not called yet.
const LOOKED_AT: usize = 4_096;

/// What a server's fault is called: each begins at 0 with its server's series, since what begins with a fault would not be
/// seen to rise.
pub const FAULTS: &[&str] = &[
    "upstream_unreachable",
    "upstream_address_refused",
    "upstream_plain_http",
    "upstream_untrusted",
    "upstream_timeout",
    "upstream_broken",
    "upstream_redirected",
    "upstream_wants_credentials",
    "upstream_failed",
    "upstream_bad_list",
    "upstream_bad_answer",
    "upstream_no_answer",
    "upstream_mislabelled",
    "upstream_silent",
    "upstream_cut",
    "upstream_error",
];

#[derive(Default)]
pub struct Servers {
    known: HashMap<ServerId, Server>,
    others: Option<Server>,
    gateway: Option<Histogram>,
}

struct Server {
    organization: SharedString,
    server: SharedString,
    waited: Histogram,
    failures: HashMap<&'static str, Counter>,
}

impl Servers {
    /// Begins the series of the servers that may be called, before they are. Where those are more than have series of
    /// their own, the first that are called have them.
    pub fn begin(&mut self, directory: &Directory) {
        let mut servers = directory.few_servers(LOOKED_AT).unwrap_or_default();
        servers.retain(|server| server.state == ServerState::Enabled && !self.known.contains_key(&server.id));
        if self.known.len() + servers.len() > MOST {
            self.others();
            return;
        }
        for server in servers {
            let organization = directory.organization(server.organization);
            self.known.insert(server.id, Server::of(organization.as_ref(), &server));
        }
    }

    fn others(&mut self) -> &mut Server {
        self.others.get_or_insert_with(|| Server::new(OTHERS.into(), OTHERS.into()))
    }

    pub fn measure(&mut self, record: &Record) {
        let Some(upstream) = record.upstream else { return };
        if record.status.is_some() {
            let gateway =
                self.gateway.get_or_insert_with(|| metrics::histogram!("keyledger_gateway_seconds"));
            gateway.record(record.head.saturating_sub(upstream).as_secs_f64());
        }
        let Some(server) = &record.server else { return };
        let organization = record.organization.as_ref();
        let full = self.known.len() >= MOST && !self.known.contains_key(&server.id);
        let server = if full {
            self.others()
        } else {
            self.known.entry(server.id).or_insert_with(|| Server::of(organization, server))
        };
        server.waited.record(upstream.as_secs_f64());
        if record.is_upstreams_fault() {
            server.failed(record.outcome);
        }
    }
}

impl Server {
    fn of(organization: Option<&Arc<OrganizationEntry>>, server: &ServerEntry) -> Self {
        let organization = organization.map_or_else(String::new, |it| it.slug.to_string());
        Self::new(organization.into(), server.slug.to_string().into())
    }

    fn new(organization: SharedString, server: SharedString) -> Self {
        let labels = [("organization", organization.clone()), ("server", server.clone())];
        let waited = metrics::histogram!("keyledger_upstream_seconds", &labels);
        let mut new = Self { organization, server, waited, failures: HashMap::new() };
        FAULTS.iter().for_each(|kind| new.failures(kind).absolute(0));
        new
    }

    fn failed(&mut self, kind: &'static str) {
        self.failures(kind).increment(1);
    }

    fn failures(&mut self, kind: &'static str) -> &Counter {
        let labels = || {
            [
                ("organization", self.organization.clone()),
                ("server", self.server.clone()),
                ("kind", SharedString::const_str(kind)),
            ]
        };
        let counter = || metrics::counter!("keyledger_upstream_failures_total", &labels());
        self.failures.entry(kind).or_insert_with(counter)
    }
}
