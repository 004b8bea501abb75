//! Each MCP server as an OAuth protected resource (RFC 9728): its identifier, where its metadata lies and what it says.
//! All of it follows from the gateway's own URLs and the path that is asked for, so that nobody learns from it
//! which servers there are.

use events::slug::Slug;
use serde::Serialize;

/// Where metadata lies (RFC 9728 §3.1): before the path of the resource.
pub const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
const MCP: &str = "/mcp/";

/// A server by the slugs that stand in its URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    pub organization: Slug,
    pub server: Slug,
}

impl Address {
    /// From what stands below `/mcp/`: `{organization}/{server}`, to the byte.
    pub fn parse(rest: &str) -> Option<Self> {
        let (organization, server) = rest.split_once('/')?;
        Some(Self { organization: organization.parse().ok()?, server: server.parse().ok()? })
    }

    /// The same from a path that clients write: OAuth's put a slash at its end as well.
    pub fn of_path(path: &str) -> Option<Self> {
        let rest = path.strip_prefix(MCP)?;
        Self::parse(rest.strip_suffix('/').unwrap_or(rest))
    }

    /// Its one name at a gateway of this origin (RFC 8707 §2): the URL that people type, and a token's audience.
    pub fn identifier(&self, origin: &str) -> String {
        let Self { organization, server } = self;
        format!("{origin}{MCP}{organization}/{server}")
    }
}

/// The resources of one gateway.
#[derive(Debug, Clone)]
pub struct Resources {
    /// The gateway's origin.
    origin: String,
    /// The issuer of access tokens.
    authorization_server: String,
    /// Whose metadata is told at the root as well (`mcp.default_server`).
    default: Option<Address>,
}

/// RFC 9728 §2. Clients take the first authorization server.
#[derive(Serialize)]
struct Metadata<'a> {
    resource: String,
    authorization_servers: [&'a str; 1],
    scopes_supported: [String; 1],
    bearer_methods_supported: [&'static str; 1],
}

/// What a challenge tells of a resource (RFC 9728 §5.1, RFC 6750 §3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    pub metadata: String,
    /// With which a client begins.
    pub scope: String,
}

impl Resources {
    pub fn new(origin: String, authorization_server: String, default: Option<Address>) -> Self {
        Self { origin, authorization_server, default }
    }

    /// The issuer of access tokens that count here.
    pub fn authorization_server(&self) -> &str {
        &self.authorization_server
    }

    /// The server whose metadata is told at the root; `None`: none is.
    pub fn default_server(&self) -> Option<&Address> {
        self.default.as_ref()
    }

    /// The server of that name, to the byte.
    pub fn named(&self, identifier: &str) -> Option<Address> {
        Address::parse(identifier.strip_prefix(&self.origin)?.strip_prefix(MCP)?)
    }

    pub fn advice(&self, address: &Address) -> Advice {
        Advice {
            metadata: address.identifier(&format!("{}{WELL_KNOWN}", self.origin)),
            scope: default_scope(&address.server),
        }
    }

    /// The metadata document, in JSON.
    pub fn metadata(&self, address: &Address) -> String {
        let metadata = Metadata {
            resource: address.identifier(&self.origin),
            authorization_servers: [&self.authorization_server],
            scopes_supported: [default_scope(&address.server)],
            bearer_methods_supported: ["header"],
        };
        // Texts alone: it can't fail.
        serde_json::to_string(&metadata).unwrap_or_default()
    }
}

/// What a client gets that asks for nothing: the whole server. Its person decides, and can give less.
pub fn default_scope(server: &Slug) -> String {
    format!("mcp:{server}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources() -> Resources {
        Resources::new("https://mcp.example.com".into(), "https://accounts.example.com".into(), None)
    }

    fn docs() -> Address {
        Address { organization: "acme".parse().unwrap(), server: "docs".parse().unwrap() }
    }

    #[test]
    fn a_resource_is_the_url_that_people_type() {
        let metadata: serde_json::Value = serde_json::from_str(&resources().metadata(&docs())).unwrap();
        assert_eq!(
            metadata,
            serde_json::json!({
                "resource": "https://mcp.example.com/mcp/acme/docs",
                "authorization_servers": ["https://accounts.example.com"],
                "scopes_supported": ["mcp:docs"],
                "bearer_methods_supported": ["header"],
            })
        );
        let Advice { metadata, scope } = resources().advice(&docs());
        assert_eq!(metadata, "https://mcp.example.com/.well-known/oauth-protected-resource/mcp/acme/docs");
        assert_eq!(scope, "mcp:docs");
    }

    /// An audience is compared as it is (RFC 3986 §6.2.1): nothing is made alike.
    #[test]
    fn a_server_has_one_name() {
        let named = |text: &str| {
            resources().named(text).map(|it| (it.organization.to_string(), it.server.to_string()))
        };
        assert_eq!(
            named(&docs().identifier("https://mcp.example.com")),
            Some(("acme".into(), "docs".into()))
        );
        for other in [
            "",
            "https://mcp.example.com",
            "https://mcp.example.com/mcp/acme",
            "https://mcp.example.com/mcp/acme/docs/",
            "https://mcp.example.com/mcp/acme/docs?x",
            "https://mcp.example.com/mcp/Acme/docs",
            "https://MCP.example.com/mcp/acme/docs",
            "http://mcp.example.com/mcp/acme/docs",
            "https://mcp.example.com:443/mcp/acme/docs",
            "https://mcp.example.com.evil.example/mcp/acme/docs",
            "https://mcp.example.com/mcp/acme/docs/more",
        ] {
            assert_eq!(named(other), None, "{other}");
        }
    }
}
