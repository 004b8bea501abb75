//! What is sent: the event as a CloudEvent in JSON, as the log has it, with its texts open and its place.

use bytes::Bytes;
use events::{Position, Shard};
use projections::postgres::delivery::Delivery;
use serde_json::{Map, Value, json};

/// `None`: the history has no such event any more.
pub fn body(delivery: &Delivery) -> Option<Bytes> {
    let mut message = match (&delivery.event, delivery.sequence) {
        (Some(event), Some(sequence)) => {
            let mut data = event.data.clone();
            data.extend(event.texts.clone());
            let position = Position { log: delivery.log, shard: Shard::ZERO, sequence };
            json!({
                "time": event.time,
                "subject": format!("kl.events.0.{}.{}.{}", event.owner, event.aggregate_type, event.aggregate_id),
                "schemaversion": event.schema_version,
                "organization": event.owner,
                "aggregatetype": event.aggregate_type,
                "aggregateid": event.aggregate_id,
                "previousid": event.previous,
                "actor": event.actor,
                "commandid": event.command,
                "causationid": event.causation,
                // It sorts as text does.
                "sequence": format!("{sequence:020}"),
                "position": position,
                "data": data,
            })
        }
        (None, None) => json!({
            "time": delivery.queued_at,
            "subject": format!("webhook:{}", delivery.webhook),
            "organization": delivery.owner,
            "data": { "webhook": delivery.webhook },
        }),
        (Some(_), None) | (None, Some(_)) => return None,
    };
    let members = message.as_object_mut()?;
    members.insert("specversion".to_owned(), "1.0".into());
    members.insert("id".to_owned(), delivery.message.to_string().into());
    members.insert("source".to_owned(), format!("urn:keyledger:log:{}", delivery.log).into());
    members.insert("type".to_owned(), delivery.kind.clone().into());
    members.insert("datacontenttype".to_owned(), "application/json".into());
    if delivery.lane != 0 && delivery.sequence.is_some() {
        members.insert("replay".to_owned(), true.into());
    }
    without_null(members);
    serde_json::to_vec(&message).ok().map(Bytes::from)
}

/// An attribute that has no value is left out (CloudEvents JSON format §2.2).
fn without_null(members: &mut Map<String, Value>) {
    members.retain(|_, value| !value.is_null());
}
