//! Resource indicators (RFC 8707): which server a token is for.
//!
//! The canonical form is `{public_url}/mcp/{organization}/{server}`, and it alone becomes a token's audience. Scheme and
//! host may come in upper case (RFC 3986 §6.2.2.1), the server with the slash at its end that the door takes too. An
//! origin names no server: where there is only one, or `mcp.default_server` is configured, that is meant.

use url::Url;

use crate::request::resource::Address;

/// What `resource` says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Resource {
    Server(Address),
    /// The origin alone, or nothing: one is implied, or it is an error.
    Implied,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "`resource` names no MCP server here: it is the server's URL, {{public_url}}/mcp/{{organization}}/{{server}}"
)]
pub struct ResourceFault;

/// At most so long, in bytes.
const LONGEST: usize = 2_048;

impl Resource {
    /// `public_url`: an origin.
    pub fn parse(text: Option<&str>, public_url: &Url) -> Result<Self, ResourceFault> {
        let Some(text) = text else { return Ok(Self::Implied) };
        let is_plain = |b: u8| matches!(b, b'!'..=b'~') && !b"\\%?#@".contains(&b);
        if text.len() > LONGEST || !text.bytes().all(is_plain) {
            return Err(ResourceFault);
        }
        let (scheme, rest) = text.split_once("://").ok_or(ResourceFault)?;
        let end = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        // Parsed, so that the default port and a host's case mean what they mean; a number is no host's name.
        let origin = Url::parse(&format!("{scheme}://{authority}/")).map_err(|_| ResourceFault)?;
        let has_host = |url: &Url| url.host_str().is_some_and(|host| authority_names(authority, host));
        if origin.origin() != public_url.origin() || !has_host(&origin) {
            return Err(ResourceFault);
        }
        match path {
            "" | "/" => Ok(Self::Implied),
            _ => Address::of_path(path).map(Self::Server).ok_or(ResourceFault),
        }
    }
}

fn authority_names(authority: &str, host: &str) -> bool {
    let start = authority.get(..host.len()).unwrap_or_default();
    let port = authority.get(host.len()..).unwrap_or_default();
    start.eq_ignore_ascii_case(host) && (port.is_empty() || port.starts_with(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<String> {
        let public = Url::parse("https://mcp.example.com").unwrap();
        match Resource::parse(Some(text), &public) {
            Ok(Resource::Server(server)) => Some(server.identifier("https://mcp.example.com")),
            Ok(Resource::Implied) => Some("implied".to_owned()),
            Err(ResourceFault) => None,
        }
    }

    #[test]
    fn the_spellings_that_clients_send_have_one_canonical_form() {
        for text in [
            "https://mcp.example.com/mcp/acme/docs",
            "https://mcp.example.com/mcp/acme/docs/",
            "HTTPS://MCP.Example.COM/mcp/acme/docs",
            "https://mcp.example.com:443/mcp/acme/docs",
        ] {
            assert_eq!(parse(text).as_deref(), Some("https://mcp.example.com/mcp/acme/docs"), "{text}");
        }
        for text in ["https://mcp.example.com", "https://mcp.example.com/", "https://MCP.example.com"] {
            assert_eq!(parse(text).as_deref(), Some("implied"), "{text}");
        }
        let public = Url::parse("https://mcp.example.com").unwrap();
        assert_eq!(Resource::parse(None, &public), Ok(Resource::Implied));
    }

    #[test]
    fn nothing_else_names_a_server() {
        for text in [
            "",
            "mcp.example.com/mcp/acme/docs",
            "http://mcp.example.com/mcp/acme/docs",
            "https://mcp.example.com:8443/mcp/acme/docs",
            "https://evil.example/mcp/acme/docs",
            "https://mcp.example.com.evil.example/mcp/acme/docs",
            "https://user@mcp.example.com/mcp/acme/docs",
            "https://mcp.example.com/mcp/acme/docs?x",
            "https://mcp.example.com/mcp/acme/docs#x",
            "https://mcp.example.com/mcp/acme/docs//",
            "https://mcp.example.com/mcp/acme/%64ocs",
            "https://mcp.example.com/mcp/acme/../docs",
            "https://mcp.example.com/MCP/acme/docs",
            "https://mcp.example.com/mcp/ACME/docs",
            "https://mcp.example.com/mcp/acme",
            "https://mcp.example.com/other",
            "https://mcp.example.com\\mcp/acme/docs",
            "urn:keyledger:server:1",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        let local = Url::parse("http://127.0.0.1:8080").unwrap();
        assert!(Resource::parse(Some("http://2130706433:8080/mcp/acme/docs"), &local).is_err());
        assert!(Resource::parse(Some("http://127.0.0.1:8080/mcp/acme/docs"), &local).is_ok());
    }
}
