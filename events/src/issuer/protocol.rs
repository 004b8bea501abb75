//! Who issues: a provider of OpenID Connect, or Entra ID for some of its tenants.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::words::set_type;
use crate::id::TenantId;
use crate::token::text_serde;

/// Who issues. It never changes: what it says of a person stands for that person.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Protocol {
    /// OpenID Connect, by discovery (OpenID Connect Discovery 1.0 §4).
    OpenId { issuer: IssuerUrl },
    /// Microsoft Entra ID.
    Entra {
        /// Where it is, such as `https://login.microsoftonline.com`; national clouds have others.
        authority: Authority,
        /// Whose people may sign in. No other tenant's do, that of private accounts included.
        tenants: Tenants,
        /// Whether guests of these tenants may, who belong to others.
        guests: bool,
    },
}

impl Protocol {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::OpenId { .. } => "openid",
            Self::Entra { .. } => "entra",
        }
    }

    /// Whether the other speaks for the same people. Tenants come and go: theirs are people of their own.
    pub fn is_same_issuer(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::OpenId { issuer }, Self::OpenId { issuer: other }) => issuer == other,
            (Self::Entra { authority, .. }, Self::Entra { authority: other, .. }) => authority == other,
            (Self::OpenId { .. }, Self::Entra { .. }) | (Self::Entra { .. }, Self::OpenId { .. }) => false,
        }
    }

    /// It is on this machine and without TLS, which only a gateway for trials calls.
    pub fn is_plain(&self) -> bool {
        let text = match self {
            Self::OpenId { issuer } => issuer.as_str(),
            Self::Entra { authority, .. } => authority.as_str(),
        };
        text.starts_with("http://")
    }
}

set_type!(
    /// Tenants of Entra ID, 1 to 100.
    Tenants of TenantId as "Vec<TenantId>", (1..=100), TenantsError("1 to 100 tenants")
);

/// An issuer's identifier, exactly as it says it itself (a slash at its end counts): an `https` URL without user, query
/// or fragment, in the one spelling of RFC 3986 §6.2, at most 1,024 bytes. `http` on this machine alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssuerUrl(Box<str>);

/// An origin as [`IssuerUrl`] is a URL: without a path, also without a slash.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Authority(Box<str>);

/// The text is no such URL; says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an issuer's URL: {reason}")]
pub struct IssuerUrlError {
    pub reason: &'static str,
}

const MAX_BYTES: usize = 1_024;

impl IssuerUrl {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Authority {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a connection to this URL without TLS stays on this machine.
fn is_on_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn checked(text: &str) -> Result<Url, IssuerUrlError> {
    let refuse = |reason| Err(IssuerUrlError { reason });
    if text.len() > MAX_BYTES {
        return refuse("longer than 1,024 bytes");
    }
    let Ok(url) = Url::parse(text) else {
        return refuse("it is an absolute URL such as https://login.example.com/realms/acme");
    };
    if url.host_str().is_none_or(str::is_empty) {
        return refuse("it needs a host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("it holds no user and no password");
    }
    if text.contains(['?', '#']) {
        return refuse("it has no query and no fragment");
    }
    match url.scheme() {
        "https" => {}
        "http" if is_on_this_machine(&url) => {}
        "http" => return refuse("off this machine its scheme is https"),
        _ => return refuse("its scheme is https"),
    }
    let written = url.as_str();
    if written != text && written.strip_suffix('/') != Some(text) {
        return refuse("write it in lower case, without a default port and without `..`");
    }
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/[]%!$&'()*+,;=@".contains(&byte)) {
        return refuse("it holds a character that no URL has");
    }
    Ok(url)
}

impl FromStr for IssuerUrl {
    type Err = IssuerUrlError;

    fn from_str(text: &str) -> Result<Self, IssuerUrlError> {
        checked(text).map(|_| Self(text.into()))
    }
}

impl FromStr for Authority {
    type Err = IssuerUrlError;

    fn from_str(text: &str) -> Result<Self, IssuerUrlError> {
        let url = checked(text)?;
        if url.path() != "/" || text.ends_with('/') {
            return Err(IssuerUrlError { reason: "an authority is an origin, without a path and a slash" });
        }
        Ok(Self(text.into()))
    }
}

macro_rules! shown {
    ($($type:ident),*) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($type), self.0)
            }
        }
    )*};
}
shown!(IssuerUrl, Authority);

/// Its origin as a schema's pattern.
const ORIGIN: &str = r"(?:https://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])|http://(?:localhost|127\.[0-9]+\.[0-9]+\.[0-9]+|\[::1\]))(?::[1-9][0-9]{0,4})?";

text_serde!(IssuerUrl, "IssuerUrl", "an https URL without user, query or fragment", {
    "format": "uri",
    "pattern": format!(r"^{ORIGIN}(?:/[A-Za-z0-9._~:\[\]%!$&'()*+,;=@/-]*)?$"),
    "maxLength": MAX_BYTES,
});
text_serde!(Authority, "Authority", "an https origin without a slash at its end", {
    "format": "uri",
    "pattern": format!("^{ORIGIN}$"),
    "maxLength": MAX_BYTES,
});
