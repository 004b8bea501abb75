//! Events of a webhook: where the events of its owner are sent to, as they happen.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::SecretId;
use crate::pattern::EventPattern;
use crate::sealed::{Field, SealedText, optional};
use crate::slug::Reservation;
use crate::timestamp::Timestamp;
use crate::token::spelt;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WebhookEvent {
    Registered(Registered),
    Changed(Changed),
    Paused(Paused),
    Resumed(Resumed),
    SecretRotated(SecretRotated),
    OverlapEnded(OverlapEnded),
    Removed(Removed),
}

impl WebhookEvent {
    pub(crate) fn sealed(&self) -> Vec<(Field, &SealedText)> {
        match self {
            Self::Registered(Registered { name, url, types: _, secret: _ }) => {
                vec![(Field::Name, name), (Field::Url, url)]
            }
            Self::Changed(Changed { name, url, types: _ }) => {
                let mut fields = optional(Field::Name, name);
                fields.extend(optional(Field::Url, url));
                fields
            }
            Self::Paused(Paused { reason }) | Self::Removed(Removed { reason }) => {
                optional(Field::Reason, reason)
            }
            Self::Resumed(Resumed {})
            | Self::SecretRotated(SecretRotated { secret: _, overlap_until: _ })
            | Self::OverlapEnded(OverlapEnded {}) => Vec::new(),
        }
    }

    pub(crate) fn reserves(&self) -> Option<Reservation> {
        match self {
            Self::Registered(_)
            | Self::Changed(_)
            | Self::Paused(_)
            | Self::Resumed(_)
            | Self::SecretRotated(_)
            | Self::OverlapEnded(_)
            | Self::Removed(_) => None,
        }
    }
}

/// `webhook.registered` version 1: from its own event on, what its owner's events tell is sent to its URL.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Registered {
    pub name: SealedText,
    /// Sealed, since many such URLs hold a token.
    pub url: SealedText,
    pub types: EventTypes,
    /// Which secret signs; the secret itself is in no event.
    pub secret: SecretId,
}

/// `webhook.changed` version 1: what is absent stays as it was.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SealedText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<SealedText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub types: Option<EventTypes>,
}

/// `webhook.paused` version 1: nothing is sent until it is resumed, and nothing is lost.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Paused {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SealedText>,
}

/// `webhook.resumed` version 1: it goes on where it stood.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Resumed {}

/// `webhook.secret_rotated` version 1: another secret signs, and the one before beside it for a while.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SecretRotated {
    pub secret: SecretId,
    /// Until when the secret before signs as well.
    #[serde(deserialize_with = "spelt")]
    pub overlap_until: Timestamp,
}

/// `webhook.overlap_ended` version 1: the newest secret signs alone, from now on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct OverlapEnded {}

/// `webhook.removed` version 1: for ever.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Removed {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SealedText>,
}

impl Changed {
    /// Nothing is changed.
    pub fn is_empty(&self) -> bool {
        let Self { name, url, types } = self;
        name.is_none() && url.is_none() && types.is_none()
    }
}

/// Which events are sent: `*` for all of them, or a list such as `key.issued`, and `key.*` for all of a key's; in
/// order and each once, so that the same choice is the same text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<EventPattern>")]
#[schemars(extend("minItems" = 1, "maxItems" = 50))]
pub struct EventTypes(Vec<EventPattern>);

/// The list chooses no events, or is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("1 to {} types of events, or `*` for all", EventTypes::MAX)]
pub struct EventTypesError;

impl EventTypes {
    pub const MAX: usize = 50;

    pub fn all() -> Self {
        Self(vec![EventPattern::all()])
    }

    pub fn matches(&self, kind: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(kind))
    }

    /// Every event.
    pub fn is_all(&self) -> bool {
        self.0.iter().any(EventPattern::is_all)
    }

    pub fn iter(&self) -> impl Iterator<Item = &EventPattern> {
        self.0.iter()
    }
}

impl TryFrom<Vec<EventPattern>> for EventTypes {
    type Error = EventTypesError;

    fn try_from(mut patterns: Vec<EventPattern>) -> Result<Self, EventTypesError> {
        if patterns.is_empty() || patterns.len() > Self::MAX {
            return Err(EventTypesError);
        }
        patterns.sort_unstable();
        patterns.dedup();
        Ok(Self(patterns))
    }
}

/// Where events are sent to: an absolute `http` or `https` URL without user or fragment, at most 2,048 bytes. It may hold
/// a token, so it is sealed in events and said in no log line.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(url::Url);

/// The text is not a webhook's URL; says why, and not what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a webhook's URL: {reason}")]
pub struct WebhookUrlError {
    pub reason: &'static str,
}

impl WebhookUrl {
    pub const MAX_BYTES: usize = 2_048;

    pub fn url(&self) -> &url::Url {
        &self.0
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// What may be told of it.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookUrl({})", self.host())
    }
}

impl FromStr for WebhookUrl {
    type Err = WebhookUrlError;

    fn from_str(text: &str) -> Result<Self, WebhookUrlError> {
        let refuse = |reason| Err(WebhookUrlError { reason });
        let Ok(url) = url::Url::parse(text) else {
            return refuse("it is an absolute URL such as https://hooks.example.com/keyledger");
        };
        if text.len() > Self::MAX_BYTES || url.as_str().len() > Self::MAX_BYTES {
            return refuse("longer than 2,048 bytes");
        }
        if !matches!(url.scheme(), "http" | "https") {
            return refuse("its scheme is http or https");
        }
        if url.host_str().is_none_or(str::is_empty) {
            return refuse("it needs a host");
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return refuse("it holds no user, password or fragment");
        }
        Ok(Self(url))
    }
}

impl Serialize for WebhookUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for WebhookUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(list: &[&str]) -> Result<EventTypes, EventTypesError> {
        list.iter().map(|text| text.parse().unwrap()).collect::<Vec<EventPattern>>().try_into()
    }

    #[test]
    fn types_choose_events() {
        let chosen = types(&["key.*", "server.removed"]).unwrap();
        for (kind, is_chosen) in [
            ("key.issued", true),
            ("server.removed", true),
            ("server.changed", false),
            ("keys.issued", false),
        ] {
            assert_eq!(chosen.matches(kind), is_chosen, "{kind}");
        }
        assert!(EventTypes::all().matches("key.issued"));
        assert_eq!(types(&["b.c", "a.b", "b.c"]), types(&["a.b", "b.c"]));
        assert_eq!(types(&[]), Err(EventTypesError));
    }

    #[test]
    fn a_url_may_hold_a_token_and_never_shows_it() {
        let url: WebhookUrl = "https://hooks.example.com/T0/secret?token=secret".parse().unwrap();
        assert_eq!(url.as_str(), "https://hooks.example.com/T0/secret?token=secret");
        assert!(!format!("{url:?}").contains("secret"));
        for bad in ["", "/x", "ftp://a.example/", "https://u:secret@a.example/", "https://a.example/#secret"]
        {
            let told = bad.parse::<WebhookUrl>().unwrap_err();
            assert!(!told.to_string().contains("secret"), "{bad}");
        }
    }
}
