//! How people sign in at an issuer.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::words::{set_type, text_type};
use super::{
    Algorithm, Algorithms, Authentication, ClaimName, ClaimRules, ClaimValue, IssuerClientId, Protocol,
};
use crate::token::object;

/// All that an issuer is told and asked by. Each of these can refuse somebody; whoever does not know one of them must
/// not let anybody in, so a further one is a new version of the events.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, JsonSchema)]
pub struct IssuerSettings {
    pub protocol: Protocol,
    pub client_id: IssuerClientId,
    pub authentication: Authentication,
    pub scopes: SignInScopes,
    pub algorithms: Algorithms,
    pub rules: ClaimRules,
    pub overage: Overage,
    pub restrictions: Restrictions,
}

impl<'de> Deserialize<'de> for IssuerSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Members {
            #[serde(deserialize_with = "object")]
            protocol: Protocol,
            client_id: IssuerClientId,
            authentication: Authentication,
            scopes: SignInScopes,
            algorithms: Algorithms,
            rules: ClaimRules,
            overage: Overage,
            restrictions: Restrictions,
        }
        let Members { protocol, client_id, authentication, scopes, algorithms, rules, overage, restrictions } =
            object(deserializer)?;
        Ok(Self { protocol, client_id, authentication, scopes, algorithms, rules, overage, restrictions })
    }
}

text_type!(
    /// A scope of the issuer's (RFC 6749 §3.3), of which we know nothing more.
    SignInScope, SignInScopeError("a scope is 1 to 255 printable ASCII characters, without space, \" and \\"),
    |text| (1..=255).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)),
    { "pattern": r"^[!#-\[\]-~]+$", "maxLength": 255 }
);

set_type!(
    /// What the gateway asks the issuer for; `openid` is among them.
    SignInScopes of SignInScope as "Vec<SignInScope>", (1..=20), SignInScopesError("1 to 20 scopes")
);

crate::named! {
    /// What is done where the issuer does not tell a person's groups because there are too many of them.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Overage {
        /// The person can't sign in.
        Refuse = "refuse",
        /// They are read from Microsoft Graph, with the person's own token.
        Graph = "graph",
    }
}

/// Who may sign in of those whom the issuer knows: who is of one of these domains, where there are any, and meets each
/// of the requirements.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, JsonSchema)]
pub struct Restrictions {
    pub domains: Domains,
    pub required: Vec<Required>,
}

impl<'de> Deserialize<'de> for Restrictions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Members {
            domains: Domains,
            required: Vec<Required>,
        }
        let Members { domains, required } = object(deserializer)?;
        Ok(Self { domains, required })
    }
}

set_type!(
    /// Domains of e-mail addresses that the issuer vouches for; none: any, also no address.
    Domains of Domain as "Vec<Domain>", (0..=100), DomainsError("at most 100 domains")
);

text_type!(
    /// A domain name in lower case, such as `example.com`; not those below it.
    Domain, DomainError("a domain is a name in lower-case ASCII such as example.com"),
    |text| text.len() <= 253 && text.contains('.') && text.split('.').all(is_label),
    {
        "pattern": r"^[a-z0-9]+(?:-+[a-z0-9]+)*(?:\.[a-z0-9]+(?:-+[a-z0-9]+)*)+$",
        "maxLength": 253,
    }
);

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A claim that must be one of these values, or a list with one of them: such as a group.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, JsonSchema)]
pub struct Required {
    pub claim: ClaimName,
    pub any_of: Values,
}

impl<'de> Deserialize<'de> for Required {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Members {
            claim: ClaimName,
            any_of: Values,
        }
        let Members { claim, any_of } = object(deserializer)?;
        Ok(Self { claim, any_of })
    }
}

set_type!(
    /// Values of a claim, 1 to 100.
    Values of ClaimValue as "Vec<ClaimValue>", (1..=100), ValuesError("1 to 100 values")
);

/// Why settings can't stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingsProblem {
    #[error("the scopes lack `openid`, without which there is no sign-in")]
    NoOpenid,
    #[error(
        "Entra ID takes each scope but openid, profile, email and offline_access as one of Microsoft Graph unless it is \
         qualified, such as api://<id>/name"
    )]
    UnqualifiedScope,
    #[error("Entra ID refuses scopes of two resources in one sign-in")]
    TwoResources,
    #[error("Entra ID signs with RS256 alone")]
    EntraAlgorithms,
    #[error("groups are read from Graph at Entra ID alone")]
    GraphElsewhere,
    #[error("groups are read from Graph with a token for Graph, and the scopes are another resource's")]
    GraphScopes,
    #[error("a rule gives a role, or scopes that begin with mcp:")]
    RuleGivesNothing,
    #[error("at most 10 requirements")]
    ManyRequirements,
}

/// Scopes of OpenID Connect itself, of no resource.
const OF_OPENID: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// A scope's resource: what stands before the last slash.
fn resource(scope: &SignInScope) -> Option<&str> {
    scope.as_str().rsplit_once('/').map(|(resource, _)| resource).filter(|resource| resource.contains("://"))
}

impl IssuerSettings {
    /// Why these can't stand together.
    pub fn problem(&self) -> Option<SettingsProblem> {
        if !self.scopes.iter().any(|scope| scope.as_str() == "openid") {
            return Some(SettingsProblem::NoOpenid);
        }
        let gives = |rule: &super::ClaimRule| match &rule.scopes {
            Some(scopes) => scopes.is_mcp(),
            None => rule.role.is_some(),
        };
        if !self.rules.iter().all(gives) {
            return Some(SettingsProblem::RuleGivesNothing);
        }
        if self.restrictions.required.len() > 10 {
            return Some(SettingsProblem::ManyRequirements);
        }
        match &self.protocol {
            Protocol::OpenId { .. } => {
                (self.overage == Overage::Graph).then_some(SettingsProblem::GraphElsewhere)
            }
            Protocol::Entra { .. } => self.problem_at_entra(),
        }
    }

    fn problem_at_entra(&self) -> Option<SettingsProblem> {
        if self.algorithms.iter().any(|algorithm| *algorithm != Algorithm::Rs256) {
            return Some(SettingsProblem::EntraAlgorithms);
        }
        let mut resources = Vec::new();
        for scope in self.scopes.iter().filter(|scope| !OF_OPENID.contains(&scope.as_str())) {
            resources.push(match resource(scope) {
                Some(resource) => resource,
                None => return Some(SettingsProblem::UnqualifiedScope),
            });
        }
        resources.dedup();
        match resources.as_slice() {
            [] => None,
            [resource] if self.overage == Overage::Graph && !resource.contains("graph") => {
                Some(SettingsProblem::GraphScopes)
            }
            [_] => None,
            [_, ..] => Some(SettingsProblem::TwoResources),
        }
    }

    /// Whether anything is asked of this claim.
    pub fn asks_for(&self, claim: &str) -> bool {
        self.rules.iter().any(|rule| rule.claim.as_str() == claim)
            || self.restrictions.required.iter().any(|required| required.claim.as_str() == claim)
    }
}
