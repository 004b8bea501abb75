//! Which of the providers is spoken to: their paths and the issuers that they name.

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Version {
    V1,
    V2,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Realm {
    OpenId,
    Entra { tenant: String, version: Version },
}

/// The part of the path that stands for more than one tenant.
pub(crate) const SHARED: [&str; 3] = ["common", "organizations", "consumers"];

impl Realm {
    /// Of a request's path.
    pub fn of(path: &str) -> Self {
        let mut parts = path.trim_start_matches('/').split('/');
        let first = parts.next().unwrap_or_default();
        if matches!(first, ".well-known" | "authorize" | "token" | "jwks" | "userinfo") {
            return Self::OpenId;
        }
        let version = if parts.any(|part| part == "v2.0") { Version::V2 } else { Version::V1 };
        Self::Entra { tenant: first.to_owned(), version }
    }

    pub fn is_entra(&self) -> bool {
        matches!(self, Self::Entra { .. })
    }

    /// The one tenant whose people are asked for.
    pub fn tenant(&self) -> Option<&str> {
        match self {
            Self::OpenId => None,
            Self::Entra { tenant, .. } => Some(tenant.as_str()).filter(|tenant| !SHARED.contains(tenant)),
        }
    }

    /// The issuer that tokens name, for a person of this tenant; without one, as discovery has it: of the tenant in the
    /// path, or a template.
    pub fn issuer(&self, base: &str, sts: &str, person_of: Option<&str>) -> String {
        match self {
            Self::OpenId => base.to_owned(),
            Self::Entra { version, .. } => {
                let tenant = person_of.or(self.tenant()).unwrap_or("{tenantid}");
                match version {
                    Version::V1 => format!("{sts}/{tenant}/"),
                    Version::V2 => format!("{base}/{tenant}/v2.0"),
                }
            }
        }
    }

    pub fn authorization_endpoint(&self, base: &str) -> String {
        self.endpoint(base, "authorize")
    }

    pub fn token_endpoint(&self, base: &str) -> String {
        self.endpoint(base, "token")
    }

    fn endpoint(&self, base: &str, name: &str) -> String {
        match self {
            Self::OpenId => format!("{base}/{name}"),
            Self::Entra { tenant, version: Version::V1 } => format!("{base}/{tenant}/oauth2/{name}"),
            Self::Entra { tenant, version: Version::V2 } => format!("{base}/{tenant}/oauth2/v2.0/{name}"),
        }
    }

    pub fn keys(&self, base: &str) -> String {
        match self {
            Self::OpenId => format!("{base}/jwks"),
            Self::Entra { tenant, version: Version::V1 } => format!("{base}/{tenant}/discovery/keys"),
            Self::Entra { tenant, version: Version::V2 } => format!("{base}/{tenant}/discovery/v2.0/keys"),
        }
    }
}
