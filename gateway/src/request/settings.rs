//! The request path's addresses, bounds and time-outs. Configuration is mapped onto these by `serve`.

use std::time::Duration;

use url::Url;

use super::resource::Address;

use crate::config::UserAgent;
use crate::upstream::UpstreamConfig;

#[derive(Debug, Clone)]
pub struct RequestSettings {
    /// Where clients reach the gateway: an origin. The issuer of identity tokens, and an allowed origin.
    pub public_url: Url,
    /// The issuer of access tokens: the authorization server, as clients compare it.
    pub authorization_server: String,
    /// The server whose metadata is told at the root as well.
    pub default_server: Option<Address>,
    /// Origins of browser clients beside that of `public_url`; `*`: any.
    pub allowed_origins: Vec<String>,
    /// How upstreams are called.
    pub upstream: UpstreamConfig,
    /// Who calls, as the upstream is told.
    pub user_agent: UserAgent,
    /// Until an upstream's response headers, unless its server says otherwise; after it, 504.
    pub response_timeout: Duration,
    /// Between two pieces of an upstream's body that is no event stream, unless its server says otherwise.
    pub body_idle_timeout: Duration,
    /// After so much silence an event stream's client gets a comment.
    pub comment_every: Duration,
    /// A request's body, in bytes.
    pub max_body_bytes: usize,
    /// All the bodies that are held at one time, in bytes; beyond it, 503.
    pub max_held_bytes: usize,
    /// Until a request's body is there.
    pub body_timeout: Duration,
    /// How often a long answer asks whether its caller may still have it, whatever wakes it.
    pub recheck_every: Duration,
    /// Ways of principals to servers that are kept, each with its identity token.
    pub max_routes: u64,
    /// Access tokens that are known again without a look at their signature.
    pub max_tokens: u64,
}

impl RequestSettings {
    /// The defaults for a gateway at this URL.
    pub fn new(public_url: Url) -> Self {
        Self {
            authorization_server: public_url.origin().ascii_serialization(),
            default_server: None,
            public_url,
            allowed_origins: Vec::new(),
            upstream: UpstreamConfig::default(),
            user_agent: UserAgent::Gateway,
            response_timeout: Duration::from_secs(60),
            body_idle_timeout: Duration::from_secs(60),
            comment_every: Duration::from_secs(15),
            max_body_bytes: 4 * 1024 * 1024,
            max_held_bytes: 256 * 1024 * 1024,
            body_timeout: Duration::from_secs(30),
            recheck_every: Duration::from_secs(1),
            max_routes: 100_000,
            max_tokens: 100_000,
        }
    }

    /// The public URL as an origin (RFC 6454 §6.2): no slash at its end.
    pub fn issuer(&self) -> String {
        self.public_url.origin().ascii_serialization()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_has_no_slash_at_its_end() {
        let url = "https://mcp.example.com/".parse().unwrap();
        assert_eq!(RequestSettings::new(url).issuer(), "https://mcp.example.com");
    }
}
