//! What an issuer's claims about a person give that person.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::words::{WORD, is_word, text_type};
use crate::id::OrganizationId;
use crate::role::Role;
use crate::scope::ScopeSet;
use crate::token::object;

text_type!(
    /// A claim by its name, such as `groups`; or by a JSON Pointer (RFC 6901), such as `/realm_access/roles`, where it lies in
    /// another one.
    ClaimName, ClaimNameError("a claim's name is 1 to 255 printable ASCII characters without spaces"),
    |text| is_word(text, 255), { "pattern": WORD, "maxLength": 255 }
);

text_type!(
    /// What a claim says, exactly: such as a group's id or a role's name. It stands in events for ever and unsealed, so it is
    /// nothing of a single person's.
    ClaimValue, ClaimValueError("a claim's value is 1 to 256 characters, none of them a control character"),
    |text| !text.is_empty() && text.chars().count() <= 256 && !text.chars().any(char::is_control),
    { "pattern": r"^[^\x00-\x1f\x7f-\x9f]+$", "maxLength": 256 }
);

crate::named! {
    /// A role that a claim may give. None gives that of an owner: who may change an issuer must not make owners.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum MappedRole {
        Admin = "admin",
        Developer = "developer",
        Auditor = "auditor",
        Viewer = "viewer",
    }
}

impl From<MappedRole> for Role {
    fn from(role: MappedRole) -> Self {
        match role {
            MappedRole::Admin => Self::Admin,
            MappedRole::Developer => Self::Developer,
            MappedRole::Auditor => Self::Auditor,
            MappedRole::Viewer => Self::Viewer,
        }
    }
}

/// Whose claim says so (it is this value, or a list with it) has this role, or these scopes.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, JsonSchema)]
pub struct ClaimRule {
    pub claim: ClaimName,
    pub value: ClaimValue,
    /// In which organization. Absent: in the issuer's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<MappedRole>,
    /// What of MCP servers the person may be granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<ScopeSet>,
}

impl<'de> Deserialize<'de> for ClaimRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Members {
            claim: ClaimName,
            value: ClaimValue,
            organization: Option<OrganizationId>,
            role: Option<MappedRole>,
            scopes: Option<ScopeSet>,
        }
        let Members { claim, value, organization, role, scopes } = object(deserializer)?;
        Ok(Self { claim, value, organization, role, scopes })
    }
}

/// Rules in their order, at most 100: the first that gives a role says it, and the scopes of all are put together.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<ClaimRule>")]
#[schemars(extend("maxItems" = ClaimRules::MAX))]
pub struct ClaimRules(Vec<ClaimRule>);

/// There are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at most {} rules", ClaimRules::MAX)]
pub struct ClaimRulesError;

impl ClaimRules {
    pub const MAX: usize = 100;

    pub fn iter(&self) -> impl Iterator<Item = &ClaimRule> {
        self.0.iter()
    }
}

impl TryFrom<Vec<ClaimRule>> for ClaimRules {
    type Error = ClaimRulesError;

    fn try_from(rules: Vec<ClaimRule>) -> Result<Self, ClaimRulesError> {
        if rules.len() > Self::MAX { Err(ClaimRulesError) } else { Ok(Self(rules)) }
    }
}
