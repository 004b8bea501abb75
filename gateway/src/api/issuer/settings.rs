//! An issuer's settings as requests say them. Their shapes are the events' own: what is taken here is what is written.

use domain::issuer::SettingsChange;
use events::Owner;
use events::issuer::{
    Algorithm, Algorithms, Authentication, Authority, ClaimRule, ClaimRules, Domains, IssuerClientId,
    IssuerSettings, IssuerUrl, Overage, Protocol, Required, Restrictions, SignInScopes, Tenants,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::api::body::present;
use crate::problem::Problem;

/// Who issues.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum SetProtocol {
    /// OpenID Connect, by discovery.
    OpenId {
        /// Its identifier, to the letter as its own discovery document says it.
        #[schema(value_type = String, format = "uri", example = "https://accounts.google.com", max_length = 1024)]
        issuer: IssuerUrl,
    },
    /// Microsoft Entra ID.
    Entra {
        /// National clouds have others.
        #[serde(default = "public_cloud")]
        #[schema(value_type = String, format = "uri", default = "https://login.microsoftonline.com")]
        authority: Authority,
        /// Whose people may sign in.
        #[schema(value_type = Vec<uuid::Uuid>, min_items = 1, max_items = 100)]
        tenants: Tenants,
        /// Whether guests of these tenants may, who belong to others.
        #[serde(default)]
        guests: bool,
    },
}

#[expect(clippy::expect_used, reason = "it is written here")]
fn public_cloud() -> Authority {
    "https://login.microsoftonline.com".parse().expect("an authority")
}

impl From<SetProtocol> for Protocol {
    fn from(said: SetProtocol) -> Self {
        match said {
            SetProtocol::OpenId { issuer } => Self::OpenId { issuer },
            SetProtocol::Entra { authority, tenants, guests } => Self::Entra { authority, tenants, guests },
        }
    }
}

/// Who may sign in of those whom the issuer knows.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRestrictions {
    /// Whose e-mail address is of one of these domains, and vouched for by the issuer. Empty: anybody.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 100, example = json!(["example.com"]))]
    domains: Vec<events::issuer::Domain>,
    /// Of whom each of these claims is one of its values, or a list with one: such as a group.
    #[serde(default)]
    #[schema(value_type = Vec<serde_json::Value>, max_items = 10, example = json!([{"claim": "groups", "any_of": ["5f0a…"]}]))]
    required: Vec<Required>,
}

impl SetRestrictions {
    fn restrictions(self) -> Result<Restrictions, Problem> {
        let domains = Domains::try_from(self.domains);
        let domains =
            domains.map_err(|error| Problem::invalid("restrictions.domains", format!("{error}.")))?;
        Ok(Restrictions { domains, required: self.required })
    }
}

/// How people sign in. What is absent stays as it is; of a new issuer, it is what the description says.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSettings {
    /// As what the issuer knows the gateway.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, max_length = 255)]
    pub client_id: Option<IssuerClientId>,
    /// `none`, `client_secret_basic` (of a new issuer), `client_secret_post` or `private_key_jwt`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub authentication: Option<Authentication>,
    /// What the issuer is asked for; of a new issuer `openid`, `profile` and `email`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<String>, required = false, min_items = 1, max_items = 20)]
    pub scopes: Option<SignInScopes>,
    /// Which signatures of the issuer count; of a new issuer `RS256`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<String>, required = false, min_items = 1, example = json!(["RS256"]))]
    pub algorithms: Option<Algorithms>,
    /// Whose claim says so has this role, or these scopes: `{claim, value, organization?, role?, scopes?}`. The first rule
    /// that gives a role says it, scopes are put together. `claim` is a name, or a JSON Pointer into another claim.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<serde_json::Value>, required = false, max_items = 100)]
    pub rules: Option<ClaimRules>,
    /// Where somebody is in more groups than the issuer tells: `refuse` (of a new issuer) or `graph`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub overage: Option<Overage>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub restrictions: Option<SetRestrictions>,
}

impl SetSettings {
    pub fn is_empty(&self) -> bool {
        let Self { client_id, authentication, scopes, algorithms, rules, overage, restrictions } = self;
        client_id.is_none()
            && authentication.is_none()
            && scopes.is_none()
            && algorithms.is_none()
            && rules.is_none()
            && overage.is_none()
            && restrictions.is_none()
    }

    /// The change that it asks for, of an owner's issuer.
    pub fn change(self, owner: Owner, protocol: Option<SetProtocol>) -> Result<SettingsChange, Problem> {
        if let Some(rules) = &self.rules {
            rules.iter().try_for_each(|rule| is_of(owner, rule))?;
        }
        let Self { client_id, authentication, scopes, algorithms, rules, overage, restrictions } = self;
        Ok(SettingsChange {
            protocol: protocol.map(Protocol::from),
            client_id,
            authentication,
            scopes,
            algorithms,
            rules,
            overage,
            restrictions: restrictions.map(SetRestrictions::restrictions).transpose()?,
        })
    }

    /// All settings of a new issuer.
    pub fn settings(self, owner: Owner, protocol: SetProtocol) -> Result<IssuerSettings, Problem> {
        let client_id = self.client_id.clone();
        let client_id = client_id.ok_or_else(|| Problem::invalid("settings.client_id", "It is needed."))?;
        let defaults = IssuerSettings {
            protocol: protocol.into(),
            client_id,
            authentication: Authentication::ClientSecretBasic,
            scopes: listed(["openid", "profile", "email"])?,
            algorithms: vec![Algorithm::Rs256].try_into().map_err(|_| Problem::internal())?,
            rules: ClaimRules::default(),
            overage: Overage::Refuse,
            restrictions: SetRestrictions::default().restrictions()?,
        };
        Ok(self.change(owner, None)?.of(&defaults))
    }
}

fn listed(scopes: [&str; 3]) -> Result<SignInScopes, Problem> {
    serde_json::from_value(json!(scopes)).map_err(|_| Problem::internal())
}

/// A rule gives something in the issuer's own organization; one of the installation's names which.
fn is_of(owner: Owner, rule: &ClaimRule) -> Result<(), Problem> {
    let told = match (owner, rule.organization) {
        (Owner::Installation, Some(_)) => return Ok(()),
        (Owner::Organization(_), None) => return Ok(()),
        (Owner::Organization(own), Some(said)) if own == said => return Ok(()),
        (Owner::Installation, None) => "Each rule of the installation's issuer names an `organization`.",
        (Owner::Organization(_), Some(_)) => {
            "An organization's issuer says nothing of another organization: leave `organization` out."
        }
    };
    Err(Problem::invalid("settings.rules", told))
}
