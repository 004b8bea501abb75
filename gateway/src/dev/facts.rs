//! `dev.json`: what runs and how to reach it, for scripts. The owner alone can read it.

use events::log::jetstream::{API_PREFIX, STREAM};
use events::subject::ALL_EVENTS;
use serde_json::{Value, json};

use super::nodes;
use super::parts::Up;
use super::place::{self, Home};
use super::{Error, show};
use crate::config::NatsRole;
use crate::store::roles;

/// Written when everything runs, gone when it ends.
pub(super) fn write(place: &Home, up: &Up<'_>) -> Result<(), Error> {
    let Up { config, nats, postgres, nodes, admin_key, demo, provider } = up;
    let users: serde_json::Map<String, Value> = roles::ALL
        .iter()
        .filter_map(|role: &NatsRole| {
            let credentials = nats.credentials(role.as_str())?;
            Some((role.as_str().to_owned(), json!(credentials.password)))
        })
        .collect();
    let further = nodes.iter().map(|node| {
        json!({
            "name": nodes::name(node.number),
            "process": node.process_id(),
            "public_url": format!("http://{}", node.addresses.public),
            "admin_url": format!("http://{}", node.addresses.admin),
            "metrics_url": format!("http://{}/metrics", node.addresses.metrics),
            "log": node.log,
        })
    });
    place::write_json(
        &place.facts(),
        &json!({
            "process": std::process::id(),
            "data": place.root(),
            "configuration": place.configuration(),
            "public_url": show::base(config),
            "admin_url": format!("http://{}", config.listen.admin),
            "metrics_url": format!("http://{}/metrics", config.listen.metrics),
            "further_nodes": further.collect::<Vec<_>>(),
            "admin_key": admin_key,
            "demo": {
                "organization": demo.organization,
                "server": demo.server,
                "upstream": demo.upstream,
                "url": show::demo_url(config),
                "key_id": demo.key_id,
                "key": demo.key,
            },
            // Where two people sign in (`ada`, `sam`): null when its port is somebody else's.
            "provider": provider.map(|provider| json!({ "issuer": provider.issuer() })),
            "nats": {
                "url": nats.url(),
                "process": nats.process_id(),
                "passwords": users,
            },
            // What another team's program needs to follow the events.
            "events": {
                "url": nats.url(),
                "user": NatsRole::Auditor.as_str(),
                "password": users.get(NatsRole::Auditor.as_str()),
                "inbox_prefix": roles::inbox_prefix(NatsRole::Auditor),
                "api_prefix": API_PREFIX,
                "stream": STREAM,
                "subjects": ALL_EVENTS,
            },
            "postgres": {
                "url": postgres.url(),
                "address": postgres.address(),
                "process": postgres.process_id(),
            },
        }),
    )
}
