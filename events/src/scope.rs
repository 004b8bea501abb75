//! Scopes: what a key may do. RFC 6749 §3.3 scope tokens.
//!
//! - `mcp:<server slug>`: all of a server; `mcp:*`: all of every server of the organization.
//! - `mcp:<server slug>:<tools|prompts|resources>:<name>`: one thing; the name may end in `*`, and `*` alone
//!   is every name; the server may be `*`. `resources:<prefix>*` matches no URI with a `.` or `..` segment,
//!   however it is spelled.
//! - `admin:<resource>:<read|write>`: management; both may be `*`. `keys:verify`: ask whether a key is good.
//!
//! In a name `:`, `*`, `%` and what a scope token can't hold (space, `"`, `\`, controls, all but ASCII) are
//! percent-encoded.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::slug::Slug;
use crate::token::text_serde;

mod meet;
mod set;
mod uri;

pub use set::{ScopeListError, ScopeSet, ScopeSetError};

const NAME_ESCAPES: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'\\').add(b':').add(b'*').add(b'%');

/// One scope.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Scope {
    Mcp(McpScope),
    Admin { resource: ResourcePattern, access: AccessPattern },
    KeysVerify,
}

/// What of which MCP server.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct McpScope {
    pub server: ServerPattern,
    /// `None`: the whole server.
    pub thing: Option<(Thing, NamePattern)>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ServerPattern {
    Any,
    Slug(Slug),
}

crate::named! {
    /// The named things of an MCP server.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
    pub enum Thing {
        Tool = "tools",
        Prompt = "prompts",
        Resource = "resources",
    }
}

/// Names as the server says them, decoded.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NamePattern {
    Any,
    Exact(Box<str>),
    /// `get_*`
    Prefix(Box<str>),
}

crate::named! {
    /// What management works on.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
    pub enum Resource {
        Organizations = "organizations",
        Servers = "servers",
        Keys = "keys",
        Events = "events",
        Status = "status",
        Signers = "signers",
        /// What was read and tried through the admin API.
        Access = "access",
        Webhooks = "webhooks",
        People = "people",
        Members = "members",
        Invitations = "invitations",
        /// Identity providers that people sign in at.
        Issuers = "issuers",
        /// OAuth clients, their secrets, and which of them organizations approve of.
        Clients = "clients",
        /// What people let clients do for them: grants and consents.
        Grants = "grants",
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ResourcePattern {
    Any,
    One(Resource),
}

crate::named! {
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
    pub enum Access {
        Read = "read",
        Write = "write",
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AccessPattern {
    Any,
    One(Access),
}

/// The text is not a scope; says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{scope}` is not a scope: {reason}")]
pub struct ScopeError {
    pub scope: String,
    pub reason: &'static str,
}

impl Scope {
    /// A scope is at most this long, in bytes.
    pub const MAX_BYTES: usize = 512;

    pub fn is_mcp(&self) -> bool {
        match self {
            Self::Mcp(_) => true,
            Self::Admin { .. } | Self::KeysVerify => false,
        }
    }
}

impl Scope {
    /// The one server that it names.
    pub fn server(&self) -> Option<&Slug> {
        match self {
            Self::Mcp(McpScope { server: ServerPattern::Slug(slug), .. }) => Some(slug),
            Self::Mcp(McpScope { server: ServerPattern::Any, .. })
            | Self::Admin { .. }
            | Self::KeysVerify => None,
        }
    }
}

impl McpScope {
    pub(crate) fn covers_server(&self, slug: &Slug) -> bool {
        match &self.server {
            ServerPattern::Any => true,
            ServerPattern::Slug(own) => own == slug,
        }
    }

    /// Whether this grants what is named on the server.
    fn allows(&self, server: &Slug, named: &Named<'_>) -> bool {
        self.covers_server(server)
            && self.thing.as_ref().is_none_or(|(own, pattern)| *own == named.thing && pattern.matches(named))
    }
}

/// A thing by its name, which is looked at once, however many patterns ask.
struct Named<'a> {
    thing: Thing,
    name: &'a str,
    leads_elsewhere: OnceCell<bool>,
}

impl<'a> Named<'a> {
    fn new(thing: Thing, name: &'a str) -> Self {
        Self { thing, name, leads_elsewhere: OnceCell::new() }
    }

    /// Whether a prefix of the name says nothing of the thing: it is a URI that may lead anywhere.
    fn escapes_prefixes(&self) -> bool {
        self.thing == Thing::Resource
            && *self.leads_elsewhere.get_or_init(|| uri::may_lead_elsewhere(self.name))
    }
}

impl Thing {
    /// A thing's name is at most this long, in bytes: none that is longer is granted, or looked at.
    pub const MAX_NAME: usize = 8 * 1024;
}

impl NamePattern {
    /// A prefix of a resource's URI matches no URI with a dot segment: that one may lead anywhere.
    fn matches(&self, named: &Named<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => **exact == *named.name,
            Self::Prefix(prefix) => named.name.starts_with(&**prefix) && !named.escapes_prefixes(),
        }
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let (text, prefix) = text.strip_suffix('*').map_or((text, false), |rest| (rest, true));
        if text.is_empty() {
            return Err("the name is empty");
        }
        if text.contains('*') {
            return Err("`*` may be a whole name or its last character; write a literal one as %2A");
        }
        if !text.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
            return Err("percent-encode what a scope token can't hold: space, \", \\ and all but ASCII");
        }
        let bytes = text.as_bytes();
        for (at, _) in text.match_indices('%') {
            if !(bytes.get(at + 1).is_some_and(u8::is_ascii_hexdigit)
                && bytes.get(at + 2).is_some_and(u8::is_ascii_hexdigit))
            {
                return Err("`%` starts two hexadecimal digits; write a literal one as %25");
            }
        }
        let name = percent_decode_str(text).decode_utf8().map_err(|_| "the name is not UTF-8")?;
        let name: Box<str> = match name {
            Cow::Borrowed(name) => name.into(),
            Cow::Owned(name) => name.into(),
        };
        Ok(if prefix { Self::Prefix(name) } else { Self::Exact(name) })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeysVerify => f.write_str("keys:verify"),
            Self::Admin { resource, access } => {
                let resource = match resource {
                    ResourcePattern::Any => "*",
                    ResourcePattern::One(resource) => resource.as_str(),
                };
                let access = match access {
                    AccessPattern::Any => "*",
                    AccessPattern::One(access) => access.as_str(),
                };
                write!(f, "admin:{resource}:{access}")
            }
            Self::Mcp(McpScope { server, thing }) => {
                match server {
                    ServerPattern::Any => f.write_str("mcp:*")?,
                    ServerPattern::Slug(slug) => write!(f, "mcp:{slug}")?,
                }
                let Some((thing, name)) = thing else { return Ok(()) };
                write!(f, ":{}:", thing.as_str())?;
                match name {
                    NamePattern::Any => f.write_str("*"),
                    NamePattern::Exact(name) => write!(f, "{}", utf8_percent_encode(name, NAME_ESCAPES)),
                    NamePattern::Prefix(name) => write!(f, "{}*", utf8_percent_encode(name, NAME_ESCAPES)),
                }
            }
        }
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        parse(text).map_err(|reason| ScopeError { scope: text.chars().take(120).collect(), reason })
    }
}

fn parse(text: &str) -> Result<Scope, &'static str> {
    if text.len() > Scope::MAX_BYTES {
        return Err("longer than 512 bytes");
    }
    if text == "keys:verify" {
        return Ok(Scope::KeysVerify);
    }
    let (family, rest) = text.split_once(':').ok_or("it starts with mcp:, admin: or is keys:verify")?;
    match family {
        "mcp" => parse_mcp(rest),
        "admin" => parse_admin(rest),
        _ => Err("it starts with mcp:, admin: or is keys:verify"),
    }
}

fn parse_mcp(rest: &str) -> Result<Scope, &'static str> {
    let mut segments = rest.split(':');
    let server = match segments.next() {
        Some("*") => ServerPattern::Any,
        Some(slug) => ServerPattern::Slug(slug.parse().map_err(|_| "the server is a slug or *")?),
        None => return Err("the server is a slug or *"),
    };
    let thing = match (segments.next(), segments.next(), segments.next()) {
        (None, _, _) => None,
        (Some(thing), Some(name), None) => {
            let thing = match thing {
                "tools" => Thing::Tool,
                "prompts" => Thing::Prompt,
                "resources" => Thing::Resource,
                _ => return Err("after the server comes tools, prompts or resources"),
            };
            Some((thing, NamePattern::parse(name)?))
        }
        (Some(_), None, _) => return Err("tools, prompts or resources need a name; * is every name"),
        (Some(_), Some(_), Some(_)) => return Err("a `:` in a name is written %3A"),
    };
    Ok(Scope::Mcp(McpScope { server, thing }))
}

fn parse_admin(rest: &str) -> Result<Scope, &'static str> {
    let (resource, access) = rest.split_once(':').ok_or("admin:<resource>:<read|write>")?;
    let resource = match resource {
        "*" => ResourcePattern::Any,
        name => {
            ResourcePattern::One(Resource::ALL.into_iter().find(|resource| resource.as_str() == name).ok_or(
                "the resource is organizations, servers, keys, events, status, signers, access, webhooks, people, members, \
                 invitations, issuers, clients, grants or *",
            )?)
        }
    };
    let access = match access {
        "*" => AccessPattern::Any,
        "read" => AccessPattern::One(Access::Read),
        "write" => AccessPattern::One(Access::Write),
        _ => return Err("the access is read, write or *"),
    };
    Ok(Scope::Admin { resource, access })
}

/// The grammar above as a schema's pattern. What a name encodes is UTF-8 (RFC 3629 §4).
fn pattern() -> String {
    const HEX: &str = "[0-9A-Fa-f]";
    let more = format!("%[89ABab]{HEX}");
    let encoded = [
        format!("%[0-7]{HEX}"),
        format!("%(?:[Cc][2-9A-Fa-f]|[Dd]{HEX}){more}"),
        format!("%[Ee](?:0%[ABab]{HEX}|[1-9A-CEFa-cef]{more}|[Dd]%[89]{HEX}){more}"),
        format!("%[Ff](?:0%[9ABab]{HEX}|[1-3]{more}|4%8{HEX}){more}{more}"),
    ]
    .join("|");
    let name = format!(r"(?:\*|(?:[!#$&-)+-9;-\[\]-~]|{encoded})+\*?)");
    let things = Thing::ALL.map(Thing::as_str).join("|");
    let server = r"(?:\*|(?=[a-z0-9-]{1,63}(?::|$))[a-z0-9]+(?:-[a-z0-9]+)*)";
    let resources = Resource::ALL.map(Resource::as_str).join("|");
    let accesses = Access::ALL.map(Access::as_str).join("|");
    format!(
        r"^(?:keys:verify|admin:(?:\*|{resources}):(?:\*|{accesses})|mcp:{server}(?::(?:{things}):{name})?)$"
    )
}

text_serde!(Scope, "Scope", "a scope token, such as mcp:docs:tools:search or admin:keys:read", {
    "pattern": pattern(),
    "maxLength": Scope::MAX_BYTES,
});
