//! What comes with a command: when, who, and which command it is. Everything in it is drawn by the caller.

use std::collections::HashMap;
use std::str::FromStr;

use events::envelope::Fingerprint;
use events::{Actor, CommandId, EventId, Timestamp};

/// The circumstances of one command, as its events' envelopes tell them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Context {
    pub now: Timestamp,
    pub actor: Actor,
    pub command: CommandId,
    pub fingerprint: Fingerprint,
    /// The id of the command's first event. Drawn before the command's texts are sealed, since they are
    /// sealed to it, and anew for each call: it tells this call's event from an earlier call's.
    pub event: EventId,
    /// The event that made a reactor send the command.
    pub causation: Option<EventId>,
}

/// cqrs-es's metadata holds no context of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the metadata has no valid `{0}`")]
pub struct MetadataError(pub &'static str);

impl Context {
    /// As cqrs-es carries it from a command to the store.
    pub fn to_metadata(&self) -> HashMap<String, String> {
        let mut metadata = HashMap::from([
            ("time".to_owned(), self.now.to_string()),
            ("actor".to_owned(), self.actor.to_string()),
            ("command".to_owned(), self.command.to_string()),
            ("fingerprint".to_owned(), self.fingerprint.to_string()),
            ("event".to_owned(), self.event.to_string()),
        ]);
        if let Some(causation) = self.causation {
            metadata.insert("causation".to_owned(), causation.to_string());
        }
        metadata
    }

    pub fn from_metadata(metadata: &HashMap<String, String>) -> Result<Self, MetadataError> {
        Ok(Self {
            now: parse(metadata, "time")?.ok_or(MetadataError("time"))?,
            actor: parse(metadata, "actor")?.ok_or(MetadataError("actor"))?,
            command: parse(metadata, "command")?.ok_or(MetadataError("command"))?,
            fingerprint: parse(metadata, "fingerprint")?.ok_or(MetadataError("fingerprint"))?,
            event: parse(metadata, "event")?.ok_or(MetadataError("event"))?,
            causation: parse(metadata, "causation")?,
        })
    }
}

fn parse<T: FromStr>(
    metadata: &HashMap<String, String>,
    name: &'static str,
) -> Result<Option<T>, MetadataError> {
    metadata.get(name).map(|text| text.parse().map_err(|_| MetadataError(name))).transpose()
}
