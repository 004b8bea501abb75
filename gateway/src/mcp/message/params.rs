//! A message's `params`: what names a thing, and what tells the era.

use std::borrow::Cow;

use events::scope::Thing;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::member::{Member, Members, Text};
use crate::mcp::task;

/// What is read of `params`; empty when they are absent or null.
#[derive(Debug, Default)]
pub struct Params<'a> {
    /// `tools/call`, `prompts/get`.
    pub name: Member<'a>,
    /// `resources/read`, `resources/subscribe`, `resources/unsubscribe`.
    pub uri: Member<'a>,
    /// `completion/complete`.
    pub reference: Reference<'a>,
    /// `subscriptions/listen`.
    pub filter: Filter<'a>,
    /// `tasks/get`, `tasks/result`, `tasks/update`, `tasks/cancel`, and notifications about a task.
    pub task_id: Member<'a>,
    /// It asks for a task (2025-11-25).
    task: bool,
    pub meta: Meta<'a>,
}

/// `_meta`.
#[derive(Debug, Default)]
pub struct Meta<'a> {
    /// `io.modelcontextprotocol/protocolVersion`.
    pub version: Member<'a>,
    /// `io.modelcontextprotocol/related-task`: the task that the message is about.
    pub related: Related<'a>,
    capabilities: Capabilities,
}

#[derive(Debug, Default)]
pub struct Related<'a> {
    pub task_id: Member<'a>,
}

/// A response's `result`: the client's own, but for the task that it may be about.
#[derive(Debug, Default)]
pub struct Outcome<'a> {
    pub meta: Meta<'a>,
}

/// `io.modelcontextprotocol/clientCapabilities`.
#[derive(Debug, Default)]
struct Capabilities {
    extensions: Extensions,
}

/// The protocol's extensions that the client knows.
#[derive(Debug, Default)]
struct Extensions {
    tasks: bool,
}

impl Params<'_> {
    /// Whether the answer to a call may be a task.
    pub fn makes_task(&self) -> bool {
        self.task || self.meta.capabilities.extensions.tasks
    }
}

/// `ref`: what a completion is for.
#[derive(Debug, Default)]
pub struct Reference<'a> {
    /// `ref/prompt` or `ref/resource`.
    pub kind: Member<'a>,
    pub name: Member<'a>,
    pub uri: Member<'a>,
}

/// `notifications`: what a client wants to be told of (2026-07-28).
#[derive(Debug, Default)]
pub struct Filter<'a> {
    /// Of changes of these lists.
    pub lists: ListChanges,
    pub resources: Vec<Cow<'a, str>>,
    /// It asks for something that we don't know.
    pub other: bool,
}

/// The lists of whose changes a client is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListChanges {
    pub tools: bool,
    pub prompts: bool,
    /// And of their templates.
    pub resources: bool,
}

/// A filter names at most this many resources, in so many bytes: they are asked for again while it is open.
const MAX_RESOURCES: usize = 1_000;
const MAX_RESOURCES_BYTES: usize = 256 * 1_024;

/// Where a 2026-07-28 request carries its protocol version.
pub const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
/// And what its client can do.
const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";

/// An object that a part of the message is read from, member by member. Null is an empty one.
trait Part<'de>: Default {
    const NAME: &'static str;
    const KNOWN: &'static [&'static str];

    /// Reads the value of a member.
    fn read<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;
}

struct PartVisitor<P>(P);

impl<'de, P: Part<'de>> Visitor<'de> for PartVisitor<P> {
    type Value = P;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to be an object", P::NAME)
    }

    fn visit_unit<E: Error>(self) -> Result<P, E> {
        Ok(self.0)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<P, A::Error> {
        let mut members = Members::new(P::KNOWN);
        while let Some(Text(key)) = map.next_key()? {
            self.0.read(&key, &mut map)?;
            members.meet(key).map_err(A::Error::custom)?;
        }
        Ok(self.0)
    }
}

impl<'de> Part<'de> for Params<'de> {
    const NAME: &'static str = "params";
    const KNOWN: &'static [&'static str] =
        &["name", "uri", "ref", "notifications", "taskId", "task", "_meta"];

    fn read<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "name" => self.name = map.next_value()?,
            "uri" => self.uri = map.next_value()?,
            "ref" => self.reference = map.next_value()?,
            "notifications" => self.filter = map.next_value()?,
            "taskId" => self.task_id = map.next_value()?,
            "task" => {
                map.next_value::<IgnoredAny>()?;
                self.task = true;
            }
            "_meta" => self.meta = map.next_value()?,
            _ => {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de> Part<'de> for Reference<'de> {
    const NAME: &'static str = "ref";
    const KNOWN: &'static [&'static str] = &["type", "name", "uri"];

    fn read<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = map.next_value()?,
            "name" => self.name = map.next_value()?,
            "uri" => self.uri = map.next_value()?,
            _ => {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de> Part<'de> for Filter<'de> {
    const NAME: &'static str = "notifications";
    const KNOWN: &'static [&'static str] =
        &["toolsListChanged", "promptsListChanged", "resourcesListChanged", "resourceSubscriptions"];

    fn read<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "toolsListChanged" => self.lists.tools = is_true(map)?,
            "promptsListChanged" => self.lists.prompts = is_true(map)?,
            "resourcesListChanged" => self.lists.resources = is_true(map)?,
            "resourceSubscriptions" => self.resources = map.next_value::<Resources<'de>>()?.0,
            _ => {
                map.next_value::<IgnoredAny>()?;
                self.other = true;
            }
        }
        Ok(())
    }
}

/// What is neither true nor false is the upstream's to judge.
fn is_true<'de, A: MapAccess<'de>>(map: &mut A) -> Result<bool, A::Error> {
    Ok(map.next_value::<&RawValue>()?.get() == "true")
}

impl<'de> Part<'de> for Meta<'de> {
    const NAME: &'static str = "_meta";
    const KNOWN: &'static [&'static str] = &[VERSION_KEY, CAPABILITIES_KEY, task::RELATED];

    fn read<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            VERSION_KEY => self.version = map.next_value()?,
            CAPABILITIES_KEY => self.capabilities = map.next_value()?,
            task::RELATED => self.related = map.next_value()?,
            _ => {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de> Part<'de> for Related<'de> {
    const NAME: &'static str = "related-task";
    const KNOWN: &'static [&'static str] = &["taskId"];

    fn read<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        if key == "taskId" {
            self.task_id = map.next_value()?;
        } else {
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

impl<'de> Part<'de> for Outcome<'de> {
    const NAME: &'static str = "result";
    const KNOWN: &'static [&'static str] = &["_meta"];

    fn read<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        if key == "_meta" {
            self.meta = map.next_value()?;
        } else {
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

impl<'de> Part<'de> for Capabilities {
    const NAME: &'static str = "clientCapabilities";
    const KNOWN: &'static [&'static str] = &["extensions"];

    fn read<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        if key == "extensions" {
            self.extensions = map.next_value()?;
        } else {
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

impl<'de> Part<'de> for Extensions {
    const NAME: &'static str = "extensions";
    const KNOWN: &'static [&'static str] = &[task::EXTENSION];

    fn read<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        map.next_value::<IgnoredAny>()?;
        self.tasks |= key == task::EXTENSION;
        Ok(())
    }
}

macro_rules! deserialize_part {
    ($($part:ty),*) => {$(
        impl<'de> Deserialize<'de> for $part {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(PartVisitor(Self::default()))
            }
        }
    )*};
}
deserialize_part!(
    Params<'de>,
    Outcome<'de>,
    Reference<'de>,
    Filter<'de>,
    Meta<'de>,
    Related<'de>,
    Capabilities,
    Extensions
);

/// URIs; null is none.
struct Resources<'a>(Vec<Cow<'a, str>>);

impl<'de> Deserialize<'de> for Resources<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ResourcesVisitor)
    }
}

struct ResourcesVisitor;

impl<'de> Visitor<'de> for ResourcesVisitor {
    type Value = Resources<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("resourceSubscriptions to be a list of URIs")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Resources(Vec::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let (mut resources, mut bytes) = (Vec::new(), 0);
        while let Some(Text(uri)) = items.next_element()? {
            bytes += uri.len();
            if resources.len() == MAX_RESOURCES || bytes > MAX_RESOURCES_BYTES {
                return Err(A::Error::custom("a filter names at most 1,000 resources in 256 KiB"));
            }
            if uri.len() > Thing::MAX_NAME {
                return Err(A::Error::custom("a resource's URI has at most 8,192 bytes"));
            }
            resources.push(uri);
        }
        Ok(Resources(resources))
    }
}
