//! Which organization, server or key a command is about: ids, or slugs that the API is asked for.

use clap::Args;
use domain::key::secret::ParsedKey;
use events::KeyId;
use serde_json::Value;
use uuid::Uuid;

use super::complete;
use super::connection::Session;
use super::error::CliError;
use crate::api::RESOLVE;
use crate::problem::Kind;

/// Whose servers or keys.
#[derive(Debug, Args)]
pub struct OfOrganization {
    /// The organization, by slug or id; without it that of the admin key
    #[arg(long, value_name = "ORGANIZATION", add = complete::organizations())]
    organization: Option<String>,
}

/// Whose keys, webhooks, issuers or clients.
#[derive(Debug, Args)]
pub struct OfOwner {
    #[command(flatten)]
    of: OfOrganization,
    /// The installation's own
    #[arg(long, conflicts_with = "organization")]
    installation: bool,
}

/// Which key.
#[derive(Debug, Args)]
pub struct OfKey {
    /// The key's id
    #[arg(add = complete::keys())]
    key: String,
    #[command(flatten)]
    of: OfOwner,
}

impl OfKey {
    /// The key's path in the API.
    pub async fn path(&self, session: &Session<'_>) -> Result<String, CliError> {
        let key = self.key.parse::<KeyId>().map_err(|_| no_key_id(&self.key))?;
        Ok(format!("{}/{key}", self.of.keys(session).await?))
    }
}

/// Somebody may have pasted the key itself: it is not said again.
fn no_key_id(text: &str) -> CliError {
    let said = if ParsedKey::parse(text).is_ok() {
        "this is a key itself, and no key's id".to_owned()
    } else {
        let shown: String = text.chars().take(64).collect();
        format!("`{shown}` is no key id")
    };
    CliError::Usage(format!(
        "{said}: a key is named by its id, such as 0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b; `keyledger keys list` shows them"
    ))
}

impl OfOrganization {
    /// The organization's path in the API.
    pub async fn path(&self, session: &Session<'_>) -> Result<String, CliError> {
        let id = match &self.organization {
            Some(organization) => organization_id(session, organization).await?,
            None => own_organization(session).await?,
        };
        Ok(format!("/api/v1/organizations/{id}"))
    }
}

impl OfOwner {
    /// As a command line that is still being written says it.
    pub fn written(organization: Option<String>, installation: bool) -> Self {
        Self { of: OfOrganization { organization }, installation }
    }

    /// The servers' path in the API.
    pub async fn servers(&self, session: &Session<'_>) -> Result<String, CliError> {
        Ok(format!("{}/servers", self.of.path(session).await?))
    }

    /// The keys' path in the API.
    pub async fn keys(&self, session: &Session<'_>) -> Result<String, CliError> {
        if self.installation {
            return Ok("/api/v1/installation/keys".to_owned());
        }
        Ok(format!("{}/keys", self.of.path(session).await?))
    }

    /// The webhooks' path in the API.
    pub async fn webhooks(&self, session: &Session<'_>) -> Result<String, CliError> {
        if self.installation {
            return Ok("/api/v1/installation/webhooks".to_owned());
        }
        Ok(format!("{}/webhooks", self.of.path(session).await?))
    }
}

impl OfOwner {
    /// The clients' path in the API.
    pub async fn clients(&self, session: &Session<'_>) -> Result<String, CliError> {
        if self.installation {
            return Ok("/api/v1/clients".to_owned());
        }
        Ok(format!("{}/clients", self.of.path(session).await?))
    }

    /// The issuers' path in the API.
    pub async fn issuers(&self, session: &Session<'_>) -> Result<String, CliError> {
        if self.installation {
            return Ok("/api/v1/installation/issuers".to_owned());
        }
        Ok(format!("{}/issuers", self.of.path(session).await?))
    }
}

/// A slug or an id.
pub async fn organization_id(session: &Session<'_>, named: &str) -> Result<String, CliError> {
    if is_id(named) {
        return Ok(named.to_owned());
    }
    let names = [("organization", named.to_owned())];
    resolve(session, &names, "organization")
        .await?
        .ok_or_else(|| CliError::Refused(format!("there is no organization `{named}` that this key may see")))
}

/// A slug or an id of a server of the organization at `path`.
pub async fn server_id(session: &Session<'_>, path: &str, named: &str) -> Result<String, CliError> {
    if is_id(named) {
        return Ok(named.to_owned());
    }
    let organization = path.rsplit('/').next().unwrap_or_default().to_owned();
    let names = [("organization", organization), ("server", named.to_owned())];
    resolve(session, &names, "server")
        .await?
        .ok_or_else(|| CliError::Refused(format!("there is no server `{named}` in this organization")))
}

/// The id of what is named. `None`: there is nothing of that name.
async fn resolve(
    session: &Session<'_>,
    names: &[(&str, String)],
    what: &str,
) -> Result<Option<String>, CliError> {
    match session.client.get(RESOLVE, names).await {
        Ok(found) => Ok(found.get(what).and_then(Value::as_str).map(str::to_owned)),
        Err(CliError::Problem(problem)) if problem.is(Kind::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn own_organization(session: &Session<'_>) -> Result<String, CliError> {
    let caller = session.client.get("/api/v1/caller", &[]).await?;
    match caller.get("organization").and_then(Value::as_str) {
        Some(id) => Ok(id.to_owned()),
        None => Err(CliError::Usage(
            "this admin key belongs to the installation: name the organization with --organization"
                .to_owned(),
        )),
    }
}

pub fn is_id(text: &str) -> bool {
    Uuid::try_parse(text).is_ok_and(|id| id.to_string() == text)
}
