//! How a client is named: by the URL of its metadata document, or by the id that it was given.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::{Host, Url};
use uuid::Uuid;

/// `client_id` as a request has it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ClientName {
    Document(DocumentUrl),
    /// Registered with us, by itself or by an admin.
    Given(Uuid),
}

/// The URL of a Client ID Metadata Document (draft-ietf-oauth-client-id-metadata-document §3): https, with a path, with
/// one way to read it. It is compared as a text.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DocumentUrl {
    text: String,
    url: Url,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ClientNameFault(&'static str);

/// At most so long, in bytes.
const LONGEST: usize = 1_024;

impl ClientName {
    /// `plain`: http is taken on loopback (`dev` and the tests).
    pub fn parse(text: &str, plain: bool) -> Result<Self, ClientNameFault> {
        if text.contains(':') {
            return DocumentUrl::parse(text, plain).map(Self::Document);
        }
        let id = Uuid::try_parse(text).ok().filter(|id| id.as_hyphenated().to_string() == text);
        id.map(Self::Given).ok_or(ClientNameFault(
            "it is neither an id that this server gave nor the https URL of a client's metadata document",
        ))
    }
}

impl DocumentUrl {
    pub fn parse(text: &str, plain: bool) -> Result<Self, ClientNameFault> {
        let refuse = |why| Err(ClientNameFault(why));
        if text.len() > LONGEST {
            return refuse("the URL is longer than 1024 bytes");
        }
        if !text.bytes().all(|b| matches!(b, b'!'..=b'~') && !b"\\\"<>^`{|}".contains(&b)) {
            return refuse("the URL holds something else than the ASCII characters of a URI");
        }
        let Ok(url) = Url::parse(text) else { return refuse("it is no URL") };
        // `..`, `//HOST`, a default port, upper case: what a parser changes has another text.
        if url.as_str() != text {
            return refuse(
                "the URL is not in its normal form: lower-case host, no default port, no `.` or `..`",
            );
        }
        let is_local = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(_)) | None => false,
        };
        match url.scheme() {
            "https" => {}
            "http" if plain && is_local => {}
            _ => return refuse("the URL of a client's metadata document is https"),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("the URL holds a user or a password");
        }
        if url.fragment().is_some() {
            return refuse("the URL has a fragment");
        }
        if url.path() == "/" {
            return refuse("the URL has no path: it names a document");
        }
        let path = url.path().to_ascii_lowercase();
        if ["%2e", "%2f", "%5c"].iter().any(|escape| path.contains(escape)) {
            return refuse("the URL's path has encoded slashes or dots");
        }
        Ok(Self { text: text.to_owned(), url })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Who vouches for the document: the first thing that a consent page shows.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }
}

impl TryFrom<String> for DocumentUrl {
    type Error = ClientNameFault;

    /// As it was judged before.
    fn try_from(text: String) -> Result<Self, ClientNameFault> {
        Self::parse(&text, true)
    }
}

impl From<DocumentUrl> for String {
    fn from(url: DocumentUrl) -> Self {
        url.text
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(url) => f.write_str(&url.text),
            Self::Given(id) => write!(f, "{}", id.as_hyphenated()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_named_in_one_way() {
        for text in [
            "https://claude.ai/oauth/mcp-oauth-client-metadata",
            "https://vscode.dev/oauth/client-metadata.json",
            "https://a.example:8443/c?v=1",
            "0190f1a8-0000-7000-8000-000000000001",
        ] {
            assert_eq!(ClientName::parse(text, false).unwrap().to_string(), text);
        }
        for text in [
            "",
            "mcp-client",
            "0190F1A8-0000-7000-8000-000000000001",
            "0190f1a8000070008000000000000001",
            "https://a.example",
            "https://a.example/",
            "http://a.example/c",
            "http://127.0.0.1:9/c",
            "https://user@a.example/c",
            "https://a.example/c#x",
            "https://a.example/x/../c",
            "https://a.example/./c",
            "https://a.example/%2e%2e/c",
            "https://a.example/x%2fc",
            "https://A.example/c",
            "https://a.example:443/c",
            "https://2130706433/c",
            "https://a.example\\c",
            "https://\u{430}.example/c",
            "javascript:alert(1)",
            "data:application/json,{}",
            "urn:example:client",
            &format!("https://a.example/{}", "x".repeat(1_024)),
        ] {
            assert!(ClientName::parse(text, false).is_err(), "{text}");
        }
        assert!(ClientName::parse("http://127.0.0.1:9/c", true).is_ok());
        assert!(ClientName::parse("http://a.example/c", true).is_err());
    }
}
