//! `POST /api/v1/keys/verify`: its shapes and its place in the document. It is served on the public listener
//! by the request path, from memory.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyKey {
    /// The key in question, as its holder sent it.
    #[schema(max_length = 200)]
    pub key: String,
    /// What it should be good for, such as `mcp:docs:tools:search`; absent: anything.
    #[serde(default)]
    #[schema(max_length = 512)]
    pub scope: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct VerifyAnswer {
    /// Whether the key is good for the scope now.
    pub good: bool,
}

/// Verify a key
///
/// Whether a key is good for a scope, answered from memory by any node, on the **public** listener. The asking
/// key needs the scope `keys:verify`, and learns of keys of its own organization only: the answer for any
/// other key is the same as for one that does not exist.
#[utoipa::path(
    post,
    path = "/api/v1/keys/verify",
    operation_id = "keys_verify",
    tag = "verify",
    request_body = VerifyKey,
    responses((status = 200, description = "The answer", body = VerifyAnswer))
)]
#[expect(dead_code, reason = "its document only: the public listener serves it")]
pub fn verify() {}
