//! `PUT …/issuers/{issuer}/credential`, and its end

use axum::Json;
use domain::issuer::Command;
use events::SecretId;
use events::clock::uuid_v7;
use events::issuer::CredentialKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::IssuerPath;
use crate::api::ApiState;
use crate::api::body::{Body, Empty, OptionalBody};
use crate::api::command::{Asked, vault};
use crate::api::guard::{Allowed, IssuersWrite};
use crate::api::written::Written;
use crate::issuers::credential::{Certified, check_secret};
use crate::problem::Problem;
use crate::vault::IssuerCredential;

/// With what the gateway shows the issuer who it is: one of the two. It is kept in the vault and never shown.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetCredential {
    /// A client secret: its value, and not its id.
    // Never part of a fingerprint.
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<String>, max_length = 1024, write_only)]
    secret: Option<Given>,
    /// PEM with a private key and its certificate, for `private_key_jwt`.
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<String>, max_length = 32768, write_only)]
    certificate: Option<Given>,
}

/// A secret as it was sent.
pub struct Given(Zeroizing<String>);

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

impl std::fmt::Debug for SetCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SetCredential")
    }
}

/// A credential that can be used, and is in no vault yet.
pub struct Checked {
    kind: CredentialKind,
    credential: IssuerCredential,
}

impl SetCredential {
    /// Refuses what could never be used: nobody would see it before the first sign-in.
    pub fn checked(self) -> Result<Checked, Problem> {
        let (kind, text) = match (self.secret, self.certificate) {
            (Some(secret), None) => {
                check_secret(&secret.0).map_err(|error| Problem::invalid("secret", format!("{error}.")))?;
                (CredentialKind::Secret, secret.0)
            }
            (None, Some(pem)) => {
                Certified::of(&pem.0)
                    .map_err(|error| Problem::invalid("certificate", format!("{error}.")))?;
                (CredentialKind::Certificate, pem.0)
            }
            (None, None) | (Some(_), Some(_)) => {
                return Err(Problem::invalid("body", "Send either `secret` or `certificate`."));
            }
        };
        Ok(Checked { kind, credential: IssuerCredential::new(text) })
    }
}

impl Checked {
    /// Puts it into the vault, before the event that names it.
    pub async fn keep(self, api: &ApiState) -> Result<(SecretId, CredentialKind), Problem> {
        let id = SecretId::new(uuid_v7(&*api.clock, &*api.random));
        let kept = api.issuer_credentials.keep(id, &self.credential, &*api.random).await;
        kept.map_err(|error| vault(&error))?;
        Ok((id, self.kind))
    }
}

/// Set an issuer's credential
///
/// From this event on the gateway shows itself by it; the one before is deleted.
#[utoipa::path(
    put,
    path = "/issuers/{issuer}/credential",
    operation_id = "issuers_set_credential",
    tag = "issuers",
    params(IssuerPath),
    request_body = SetCredential,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn set(
    asked: Asked<Allowed<IssuersWrite, IssuerPath>>,
    Body(request): Body<SetCredential>,
) -> Result<Json<Written>, Problem> {
    let (api, at) = (asked.api.clone(), asked.by.at.clone());
    let before = at.row(&api).await?.credential;
    let order = asked.order("issuers.set_credential", &request).await?;
    let (credential, kind) = request.checked()?.keep(&api).await?;
    let executed = order.execute(Command::SetCredential { credential, kind }).await;
    match &executed {
        Ok(done) if done.written.changed && !done.written.replayed => purge(&api, before).await,
        // Done before, or refused: this one is nobody's.
        Ok(_) => purge(&api, Some(credential)).await,
        // It may be the event's that is not known of.
        Err(_) => {}
    }
    Ok(Json(executed?.written))
}

/// Remove an issuer's credential
///
/// It is deleted. Who must show a credential signs nobody in any more.
#[utoipa::path(
    delete,
    path = "/issuers/{issuer}/credential",
    operation_id = "issuers_remove_credential",
    tag = "issuers",
    params(IssuerPath),
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn remove(
    asked: Asked<Allowed<IssuersWrite, IssuerPath>>,
    OptionalBody(request): OptionalBody<Empty>,
) -> Result<Json<Written>, Problem> {
    let (api, at) = (asked.api.clone(), asked.by.at.clone());
    let before = at.row(&api).await?.credential;
    let order = asked.order("issuers.remove_credential", &request).await?;
    let written = order.carry_out(Command::RemoveCredential).await?;
    if written.changed && !written.replayed {
        purge(&api, before).await;
    }
    Ok(written)
}

/// Deletes a credential that no event names any more. One that is left behind is sealed, and of no use.
pub async fn purge(api: &ApiState, id: Option<SecretId>) {
    let Some(id) = id else { return };
    if let Err(error) = api.issuer_credentials.purge(id).await {
        tracing::warn!(%error, "an issuer's credential that is not used any more was not deleted");
    }
}
