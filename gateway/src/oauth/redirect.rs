//! The one validator of the addresses that an answer may be sent to, at registration and at authorization alike.
//!
//! An address is https, or http on this machine's loopback (RFC 8252 §7.3), or of a private-use scheme that a preset
//! names whole. Its text is kept as it came, since addresses are compared as texts (OAuth 2.1 §2.3.1, RFC 9700 §2.1);
//! so it is taken only where there is no second way to read it.

use std::fmt;

use url::{Host, Url};

use super::presets::Allowed;

/// An address that was judged.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RedirectUri {
    text: String,
    kind: Kind,
}

/// What kind of address it is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Kind {
    /// With its host as people read it.
    Https { host: String },
    /// `rest`: what follows host and port.
    Loopback { host: Loopback, rest: String },
    /// `com.example.app:/callback`
    Private { scheme: String },
}

/// Each stands for itself alone: what `localhost` leads to is the machine's own matter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Loopback {
    V4,
    V6,
    Localhost,
}

/// Why no answer is sent to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedirectFault {
    #[error("it is longer than {} bytes", RedirectUri::MAX_BYTES)]
    TooLong,
    #[error(
        "it holds something else than the ASCII characters of a URI: percent-encode them, and write a host as punycode"
    )]
    Characters,
    #[error("it is no absolute URI")]
    NotAbsolute,
    #[error("it has a fragment (`#`)")]
    Fragment,
    #[error("it holds a user or a password")]
    UserInfo,
    #[error("its path has `.` or `..` segments, or encoded slashes or dots")]
    Traversal,
    #[error(
        "its host or port can be read in more than one way: write the host in lower case, and an IPv4 address as four numbers"
    )]
    Host,
    #[error("http is for this machine alone: 127.0.0.1, [::1] or localhost; use https elsewhere")]
    PlainHttp,
    #[error("a scheme of this kind is never answered to")]
    Scheme,
    #[error("an app's own scheme is answered to only where its whole address is allowed")]
    Private,
}

/// Schemes whose address is content, code, a file or a mail: no preset opens them.
const NEVER: &[&str] = &[
    "javascript",
    "data",
    "file",
    "vbscript",
    "blob",
    "filesystem",
    "about",
    "view-source",
    "jar",
    "ftp",
    "ftps",
    "ws",
    "wss",
    "mailto",
    "tel",
    "sms",
    "intent",
    "chrome",
    "resource",
    "urn",
    "ldap",
    "gopher",
    "ssh",
    "jdbc",
    "cid",
    "mid",
    "mhtml",
    "feed",
    "res",
    "shell",
    "ms-its",
    "livescript",
    "mocha",
];

impl RedirectUri {
    pub const MAX_BYTES: usize = 2_048;

    /// Judges an address. `allowed` says which private-use ones there are.
    pub fn parse(text: &str, allowed: &Allowed) -> Result<Self, RedirectFault> {
        if text.len() > Self::MAX_BYTES {
            return Err(RedirectFault::TooLong);
        }
        // RFC 3986 §2: and no `\`, which browsers take for a slash.
        let is_uri =
            |b: u8| matches!(b, b'!' | b'#'..=b';' | b'=' | b'?'..=b'[' | b']' | b'_' | b'a'..=b'z' | b'~');
        if !text.bytes().all(is_uri) || !escapes_are_whole(text) {
            return Err(RedirectFault::Characters);
        }
        let (scheme, after) = text.split_once(':').ok_or(RedirectFault::NotAbsolute)?;
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b));
        if !is_scheme {
            return Err(RedirectFault::NotAbsolute);
        }
        if after.contains('#') {
            return Err(RedirectFault::Fragment);
        }
        let kind = match scheme {
            "https" | "http" => of_web(scheme, after, text)?,
            _ if NEVER.contains(&scheme) => return Err(RedirectFault::Scheme),
            _ if allowed.names(text) => Kind::Private { scheme: scheme.to_owned() },
            _ => return Err(RedirectFault::Private),
        };
        Ok(Self { text: text.to_owned(), kind })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether an answer to `asked` may be given to a client that registered this one: the same text, but for the port
    /// of a loopback address (RFC 8252 §7.3).
    pub fn admits(&self, asked: &Self) -> bool {
        match (&self.kind, &asked.kind) {
            (Kind::Loopback { host, rest }, Kind::Loopback { host: h, rest: r }) => host == h && rest == r,
            (Kind::Https { .. } | Kind::Loopback { .. } | Kind::Private { .. }, _) => self.text == asked.text,
        }
    }

    /// Whether the answer stays on the machine of whoever asks: any program there may take it.
    pub fn is_loopback(&self) -> bool {
        match self.kind {
            Kind::Loopback { .. } => true,
            Kind::Https { .. } | Kind::Private { .. } => false,
        }
    }

    /// Whether its host is proved by the address itself. Who listens on a loopback port or claims an app's scheme may be any
    /// program of the machine (RFC 8252 §8.6).
    pub fn is_proved(&self) -> bool {
        match self.kind {
            Kind::Https { .. } => true,
            Kind::Loopback { .. } | Kind::Private { .. } => false,
        }
    }

    /// The host or the app's scheme, for people.
    pub fn shown(&self) -> &str {
        match &self.kind {
            Kind::Https { host } => host,
            Kind::Loopback { host, .. } => host.as_str(),
            Kind::Private { scheme } => scheme,
        }
    }

    /// What a Content-Security-Policy calls it (`form-action`): a consent form's answer is a redirect to here.
    pub fn source(&self) -> String {
        match &self.kind {
            Kind::Https { .. } | Kind::Loopback { .. } => {
                let end = self.text.find("://").map_or(0, |at| at + 3);
                let rest = self.text.get(end..).unwrap_or_default();
                let length = rest.find(['/', '?']).unwrap_or(rest.len());
                self.text.get(..end + length).unwrap_or_default().to_owned()
            }
            Kind::Private { scheme } => format!("{scheme}:"),
        }
    }

    /// The address with an answer's parameters added to the query that it has (RFC 6749 §4.1.2).
    pub fn with<'a>(&self, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
        let mut answer = url::form_urlencoded::Serializer::new(String::new());
        answer.extend_pairs(parameters);
        let answer = answer.finish();
        let joint = match self.text.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some((_, query)) if query.ends_with('&') => "",
            Some(_) => "&",
        };
        format!("{}{joint}{answer}", self.text)
    }
}

impl Loopback {
    fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "127.0.0.1",
            Self::V6 => "[::1]",
            Self::Localhost => "localhost",
        }
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn of_web(scheme: &str, after: &str, text: &str) -> Result<Kind, RedirectFault> {
    let after = after.strip_prefix("//").ok_or(RedirectFault::NotAbsolute)?;
    let end = after.find(['/', '?']).unwrap_or(after.len());
    let (authority, rest) = after.split_at(end);
    if authority.contains('@') {
        return Err(RedirectFault::UserInfo);
    }
    let path = rest.split('?').next().unwrap_or_default();
    let lower = path.to_ascii_lowercase();
    let hidden = ["%2e", "%2f", "%5c"].iter().any(|escape| lower.contains(escape));
    if hidden || path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(RedirectFault::Traversal);
    }
    let (host, port) = split_port(authority)?;
    let url = Url::parse(text).map_err(|_| RedirectFault::Host)?;
    // A browser must go where we read that it goes: 127.1, 0x7f.1, %6c or a trailing dot lead elsewhere than they say.
    if url.host_str() != Some(host) || host.ends_with('.') {
        return Err(RedirectFault::Host);
    }
    let meant = url.port_or_known_default();
    let default = if scheme == "https" { 443 } else { 80 };
    if meant != Some(port.unwrap_or(default)) {
        return Err(RedirectFault::Host);
    }
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) if address.octets() == [127, 0, 0, 1] => Some(Loopback::V4),
        Some(Host::Ipv6(address)) if address.is_loopback() => Some(Loopback::V6),
        Some(Host::Domain("localhost")) => Some(Loopback::Localhost),
        Some(Host::Ipv4(_) | Host::Ipv6(_) | Host::Domain(_)) => None,
        None => return Err(RedirectFault::Host),
    };
    match (scheme, loopback) {
        ("https", _) => Ok(Kind::Https { host: host.to_owned() }),
        (_, Some(host)) => Ok(Kind::Loopback { host, rest: rest.to_owned() }),
        (_, None) => Err(RedirectFault::PlainHttp),
    }
}

/// Host and port as they are written.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), RedirectFault> {
    let after_bracket = authority.rfind(']').map_or(0, |at| at + 1);
    let tail = authority.get(after_bracket..).unwrap_or_default();
    let Some(colon) = tail.find(':') else {
        return if after_bracket == 0 || tail.is_empty() {
            Ok((authority, None))
        } else {
            Err(RedirectFault::Host)
        };
    };
    let (host, port) = authority.split_at(after_bracket + colon);
    let port = port.get(1..).unwrap_or_default();
    let number: u16 = port.parse().map_err(|_| RedirectFault::Host)?;
    if number == 0 || number.to_string() != port {
        return Err(RedirectFault::Host);
    }
    Ok((host, Some(number)))
}

fn escapes_are_whole(text: &str) -> bool {
    let hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let bytes = text.as_bytes();
    text.match_indices('%').all(|(at, _)| hex(bytes.get(at + 1)) && hex(bytes.get(at + 2)))
}

#[cfg(test)]
mod tests;
