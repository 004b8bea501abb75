//! The log as an AsyncAPI 3 document: one channel, one message each version of each event.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::file;
use crate::schemas::Kind;

pub fn made() -> Vec<(PathBuf, String)> {
    vec![("schemas/asyncapi.json".into(), format!("{:#}\n", document()))]
}

fn document() -> Value {
    let mut messages = Map::new();
    let mut carried = Map::new();
    for it in Kind::all() {
        let name = format!("{}.v{}", it.kind, it.version);
        let payload = json!({
            "schemaFormat": "application/schema+json;version=2020-12",
            "schema": {
                "allOf": [{ "$ref": "envelope.json" }],
                "properties": {
                    "type": { "const": it.kind },
                    "schemaversion": { "const": it.version },
                    "data": { "$ref": file(it.kind, it.version) }
                }
            }
        });
        messages.insert(
            name.clone(),
            json!({
                "name": it.kind,
                "title": format!("{} version {}", it.kind, it.version),
                "summary": it.said(),
                "contentType": events::envelope::CONTENT_TYPE,
                "payload": payload,
            }),
        );
        carried.insert(name.clone(), json!({ "$ref": format!("#/components/messages/{name}") }));
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Keyledger's events",
            "version": "1.0.0",
            "description": "Every key, server and organization exists because an event says so. How to connect, and what a \
                reader can rely on: docs/events/README.md.",
            "license": { "name": "Apache-2.0" }
        },
        "defaultContentType": events::envelope::CONTENT_TYPE,
        "channels": {
            "events": {
                "address": "kl.events.{shard}.{organization}.{aggregatetype}.{aggregateid}",
                "description": "In the JetStream stream KL_EVENTS_0, in one order, for ever.",
                "parameters": {
                    "shard": { "description": "The number of the stream.", "enum": ["0"] },
                    "organization": { "description": "An organization's id, or _ for the installation itself." },
                    "aggregatetype": { "description": "What kind of thing it is, such as key." },
                    "aggregateid": { "description": "Which one: a UUID; of a slug, <kind>-<slug>." }
                },
                "messages": carried
            }
        },
        "operations": {
            "appendEvents": {
                "action": "send",
                "channel": { "$ref": "#/channels/events" },
                "summary": "Keyledger alone appends; others read."
            }
        },
        "components": { "messages": messages }
    })
}
