//! Keys of an organization, and of the installation.

use super::{
    Endpoint, Foreign, endpoint, expiry, management_key, management_scopes, mcp_key, mcp_scopes, metadata,
    name, none, reason,
};

pub const TABLE: &[Endpoint] = &[
    endpoint("GET", "/api/v1/organizations/{organization}/keys", none, Foreign::NotFound),
    endpoint("POST", "/api/v1/organizations/{organization}/keys", mcp_key, Foreign::NotFound),
    endpoint("GET", "/api/v1/organizations/{organization}/keys/{key}", none, Foreign::NotFound),
    endpoint("GET", "/api/v1/organizations/{organization}/keys/{key}/history", none, Foreign::NotFound),
    endpoint("POST", "/api/v1/organizations/{organization}/keys/{key}/disable", reason, Foreign::NotFound),
    endpoint("POST", "/api/v1/organizations/{organization}/keys/{key}/enable", none, Foreign::NotFound),
    endpoint("PUT", "/api/v1/organizations/{organization}/keys/{key}/name", name, Foreign::NotFound),
    endpoint("PUT", "/api/v1/organizations/{organization}/keys/{key}/expiry", expiry, Foreign::NotFound),
    endpoint("PUT", "/api/v1/organizations/{organization}/keys/{key}/scopes", mcp_scopes, Foreign::NotFound),
    endpoint("PUT", "/api/v1/organizations/{organization}/keys/{key}/metadata", metadata, Foreign::NotFound),
    endpoint("POST", "/api/v1/organizations/{organization}/keys/{key}/revoke", reason, Foreign::NotFound),
    endpoint("GET", "/api/v1/installation/keys", none, Foreign::NotFound),
    endpoint("POST", "/api/v1/installation/keys", management_key, Foreign::NotFound),
    endpoint("GET", "/api/v1/installation/keys/{key}", none, Foreign::NotFound),
    endpoint("GET", "/api/v1/installation/keys/{key}/history", none, Foreign::NotFound),
    endpoint("POST", "/api/v1/installation/keys/{key}/disable", reason, Foreign::NotFound),
    endpoint("POST", "/api/v1/installation/keys/{key}/enable", none, Foreign::NotFound),
    endpoint("PUT", "/api/v1/installation/keys/{key}/name", name, Foreign::NotFound),
    endpoint("PUT", "/api/v1/installation/keys/{key}/expiry", expiry, Foreign::NotFound),
    endpoint("PUT", "/api/v1/installation/keys/{key}/scopes", management_scopes, Foreign::NotFound),
    endpoint("PUT", "/api/v1/installation/keys/{key}/metadata", metadata, Foreign::NotFound),
    endpoint("POST", "/api/v1/installation/keys/{key}/revoke", reason, Foreign::NotFound),
];
