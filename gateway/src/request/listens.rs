//! Clients that listen for changes of lists are told when their own scopes change: what they see is then another list,
//! though the upstream's is the same.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use super::keepalive::Place;
use crate::mcp::Message;
use crate::mcp::message::ListChanges;

/// Who listens, and for what.
pub struct Listens {
    to: ListChanges,
    /// By which a notification names its subscription: the request's id (2026-07-28, "Subscriptions").
    subscription: Option<Box<RawValue>>,
    /// They have changed, and it was not told yet.
    changed: bool,
}

#[derive(Serialize)]
struct Notification<'a> {
    jsonrpc: &'static str,
    method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<Params<'a>>,
}

#[derive(Serialize)]
struct Params<'a> {
    #[serde(rename = "_meta")]
    meta: Meta<'a>,
}

#[derive(Serialize)]
struct Meta<'a> {
    #[serde(rename = "io.modelcontextprotocol/subscriptionId")]
    subscription: &'a RawValue,
}

impl Listens {
    /// A client is told of what it asked for, and of nothing else.
    pub fn asked_for(message: &Message<'_>) -> Option<Self> {
        let to = message.params.filter.lists;
        let listens = message.method == "subscriptions/listen" && to != ListChanges::default();
        let subscription = message.id.filter(|_| listens)?;
        Some(Self { to, subscription: Some(subscription.to_owned()), changed: false })
    }

    /// A session's own stream is for all that the server tells (2025-11-25 and earlier).
    pub fn of_stream() -> Self {
        let to = ListChanges { tools: true, prompts: true, resources: true };
        Self { to, subscription: None, changed: false }
    }

    /// What its lists show has changed.
    pub fn change(&mut self) {
        self.changed = true;
    }

    /// What tells it, if it may be told now: between two events, and not before the upstream has acknowledged the
    /// subscription.
    pub fn due(&mut self, place: &Place) -> Option<Bytes> {
        let may_be_told = place.is_between_events() && (place.has_begun() || self.subscription.is_none());
        (may_be_told && std::mem::take(&mut self.changed)).then(|| self.events())
    }

    fn events(&self) -> Bytes {
        let ListChanges { tools, prompts, resources } = self.to;
        let mut events = String::new();
        for (wanted, method) in [
            (tools, "notifications/tools/list_changed"),
            (prompts, "notifications/prompts/list_changed"),
            (resources, "notifications/resources/list_changed"),
        ] {
            if !wanted {
                continue;
            }
            let params =
                self.subscription.as_deref().map(|subscription| Params { meta: Meta { subscription } });
            // Text alone: it can't fail.
            let json = serde_json::to_string(&Notification { jsonrpc: "2.0", method, params });
            events.extend(["data: ", &json.unwrap_or_default(), "\n\n"]);
        }
        events.into()
    }
}
