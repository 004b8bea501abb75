//! Events of an MCP server behind the gateway.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::sealed::{Field, SealedText, optional};
use crate::slug::{Reservation, Slug, SlugKind};
use crate::token::{spelt, spelt_if_any, text_serde};

mod authorities;
mod settings;
pub mod v1;

pub use authorities::{Authorities, AuthoritiesError};
pub use settings::{
    Credentials, CredentialsError, IdentityHeader, TimeoutMs, TimeoutMsError, UpstreamSettings,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ServerEvent {
    Registered(Registered),
    Changed(Changed),
    Removed(Removed),
}

impl ServerEvent {
    pub(crate) fn sealed(&self) -> Vec<(Field, &SealedText)> {
        match self {
            Self::Registered(Registered { slug: _, upstream: _, enabled: _, name, settings: _ }) => {
                vec![(Field::Name, name)]
            }
            Self::Changed(Changed { upstream: _, enabled: _, name, settings: _ }) => {
                optional(Field::Name, name)
            }
            Self::Removed(Removed { reason }) => optional(Field::Reason, reason),
        }
    }

    pub(crate) fn reserves(&self) -> Option<Reservation> {
        match self {
            Self::Registered(Registered { slug, .. }) => {
                Some(Reservation { kind: SlugKind::Server, slug: slug.clone() })
            }
            Self::Changed(_) | Self::Removed(_) => None,
        }
    }
}

/// `server.registered` version 2: an MCP server behind the gateway, under its organization's and its own slug, that
/// is called in its own way. Whoever does not know the settings must not call it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Registered {
    pub slug: Slug,
    #[serde(deserialize_with = "spelt")]
    pub upstream: UpstreamUrl,
    pub enabled: bool,
    pub name: SealedText,
    #[serde(default, skip_serializing_if = "UpstreamSettings::is_default")]
    pub settings: UpstreamSettings,
}

/// `server.changed` version 2: what is absent stays as it was; settings are all of them, from now on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "spelt_if_any")]
    pub upstream: Option<UpstreamUrl>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SealedText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<UpstreamSettings>,
}

/// `server.removed` version 1: for ever; its slug names no other server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Removed {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SealedText>,
}

impl Registered {
    /// Without settings it is version 1, byte for byte.
    pub(crate) fn fits(&self, version: u32) -> bool {
        version > 1 || self.settings.is_default()
    }
}

impl Changed {
    /// Nothing is changed.
    pub fn is_empty(&self) -> bool {
        let Self { upstream, enabled, name, settings } = self;
        upstream.is_none() && enabled.is_none() && name.is_none() && settings.is_none()
    }

    /// Without settings it is version 1, byte for byte.
    pub(crate) fn fits(&self, version: u32) -> bool {
        version > 1 || self.settings.is_none()
    }
}

/// Where an MCP server answers: an absolute `http` or `https` URL without user, query or fragment, at most
/// 2,048 bytes. No part of it can hold a secret by custom, since events are for ever.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UpstreamUrl(Url);

/// The text is not an upstream URL; says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an upstream URL: {reason}")]
pub struct UpstreamUrlError {
    pub reason: &'static str,
}

impl UpstreamUrl {
    const MAX_BYTES: usize = 2_048;

    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl FromStr for UpstreamUrl {
    type Err = UpstreamUrlError;

    fn from_str(text: &str) -> Result<Self, UpstreamUrlError> {
        let refuse = |reason| Err(UpstreamUrlError { reason });
        if text.len() > Self::MAX_BYTES {
            return refuse("longer than 2,048 bytes");
        }
        let Ok(url) = Url::parse(text) else {
            return refuse("it is an absolute URL such as https://tools.example.com/mcp");
        };
        // As an event holds it, which must be read again: what is percent-encoded has grown.
        if url.as_str().len() > Self::MAX_BYTES {
            return refuse("longer than 2,048 bytes once it is percent-encoded");
        }
        if !matches!(url.scheme(), "http" | "https") {
            return refuse("its scheme is http or https");
        }
        if url.host_str().is_none_or(str::is_empty) {
            return refuse("it needs a host");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("it holds no user or password: upstream credentials are kept apart");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refuse("it has no query and no fragment");
        }
        Ok(Self(url))
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_serde!(UpstreamUrl, "UpstreamUrl", "absolute http or https URL without user, query or fragment", {
    "format": "uri",
    "pattern": r"^https?://[^/?#@\sA-Z]+/[!$-;=@-\[\]^_a-z|~]*$",
    "maxLength": UpstreamUrl::MAX_BYTES,
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstream_urls_are_absolute_and_hold_no_secret() {
        for good in ["https://tools.example.com/mcp", "http://127.0.0.1:8000/mcp", "https://[2001:db8::1]/"] {
            assert_eq!(good.parse::<UpstreamUrl>().unwrap().to_string(), good);
        }
        let long = format!("https://a.example/{}", "x".repeat(2_048));
        let grows = format!("https://a.example/{}", "é".repeat(400));
        for bad in [
            "",
            "/mcp",
            "tools.example.com/mcp",
            "ftp://a.example/",
            "file:///etc/passwd",
            "https://user@a.example/",
            "https://:secret@a.example/",
            "https://a.example/?token=secret",
            "https://a.example/#x",
            "https:///mcp?",
            &long,
            &grows,
        ] {
            let told = bad.parse::<UpstreamUrl>();
            assert!(told.is_err(), "{bad}");
            assert!(!told.unwrap_err().to_string().contains("secret"), "{bad}");
        }
    }
}
