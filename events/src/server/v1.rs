//! Version 1 of a server's events: it knew no settings of a server's own. What has none is still written so, and a
//! process of before reads it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{UpstreamSettings, UpstreamUrl};
use crate::sealed::SealedText;
use crate::slug::Slug;
use crate::token::{spelt, spelt_if_any};

/// `server.registered` version 1: an MCP server behind the gateway, under its organization's and its own slug.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Registered {
    slug: Slug,
    #[serde(deserialize_with = "spelt")]
    upstream: UpstreamUrl,
    enabled: bool,
    name: SealedText,
}

/// `server.changed` version 1: what is absent stays as it was.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "spelt_if_any")]
    upstream: Option<UpstreamUrl>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<SealedText>,
}

impl From<Registered> for super::Registered {
    fn from(Registered { slug, upstream, enabled, name }: Registered) -> Self {
        Self { slug, upstream, enabled, name, settings: UpstreamSettings::default() }
    }
}

impl From<Changed> for super::Changed {
    fn from(Changed { upstream, enabled, name }: Changed) -> Self {
        Self { upstream, enabled, name, settings: None }
    }
}
