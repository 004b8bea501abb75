//! `POST …/clients/{client}/secrets`, and a secret's end

use axum::Json;
use domain::client::Command;
use domain::key::secret::PlainKey;
use events::SecretId;
use events::client::{ClientMetadata, Word};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::settings::drawn;
use super::{ClientPath, SecretPath};
use crate::api::body::{Empty, OptionalBody};
use crate::api::command::Asked;
use crate::api::guard::{Allowed, ClientsWrite, OwnedPath};
use crate::api::moment::Moment;
use crate::api::written::Written;
use crate::problem::{Kind, Problem};

#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueSecret {
    /// It proves nothing from then on; absent: it does not end by itself.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Moment>,
}

/// A command that may have given a client a secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WrittenClientSecret)]
pub struct WrittenSecret {
    #[serde(flatten)]
    written: Written,
    /// The secret itself, the `client_secret` that the client sends: shown in this one answer and kept nowhere. Absent when the
    /// command was carried out before, or the client proves itself in another way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    secret: Option<Shown>,
    /// By which it is revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    secret_id: Option<Uuid>,
    /// Why there is no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'static str>,
}

const NOTICE: &str = "This was done already, and the secret is not shown a second time: issue another one, and revoke this one.";

impl WrittenSecret {
    /// Only this very call's event holds the digest of the secret that was drawn for it.
    pub fn of(written: Written, drawn: Option<(PlainKey, SecretId)>) -> Self {
        let own = written.changed && !written.replayed;
        let notice = (drawn.is_some() && !own).then_some(NOTICE);
        let (secret, id) = drawn.filter(|_| own).unzip();
        Self { written, secret: secret.map(Shown), secret_id: id.map(SecretId::uuid), notice }
    }
}

/// The secret on its way into the one answer that shows it.
#[derive(Debug)]
struct Shown(PlainKey);

impl Serialize for Shown {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

/// Issue a further secret to a client
///
/// It is shown in this answer and never again. The others go on working, so that the client can be given this one before they
/// are revoked; a client has five at most.
#[utoipa::path(
    post,
    path = "/clients/{client}/secrets",
    operation_id = "clients_issue_secret",
    tag = "clients",
    params(ClientPath),
    request_body = Option<IssueSecret>,
    responses((status = 200, description = "Done", body = WrittenSecret))
)]
pub async fn issue(
    asked: Asked<Allowed<ClientsWrite, ClientPath>>,
    OptionalBody(request): OptionalBody<IssueSecret>,
) -> Result<Json<WrittenSecret>, Problem> {
    let (api, at) = (asked.api.clone(), asked.by.at.clone());
    let known = api.directory.client(at.client).filter(|entry| entry.owner == at.owner());
    if known.is_some_and(|entry| !takes_secrets(&entry.metadata)) {
        return Err(Problem::new(
            Kind::ClientHasNoSecrets,
            "The client proves itself in another way (`token_endpoint_auth_method`), and no secret of it would be asked for.",
        ));
    }
    let order = asked.order("clients.issue_secret", &request).await?;
    let (plain, issued) = drawn(&api, request.expires_at)?;
    let id = issued.secret_id;
    let written = order.execute(Command::IssueSecret(issued)).await?.written;
    Ok(Json(WrittenSecret::of(written, Some((plain, id)))))
}

/// RFC 7591 §2: where nothing is said, it is client_secret_basic.
fn takes_secrets(metadata: &ClientMetadata) -> bool {
    let method = metadata.token_endpoint_auth_method.as_ref().map(Word::as_str);
    method.is_none_or(|method| method.starts_with("client_secret_"))
}

/// Revoke a client's secret
///
/// It proves nothing any more. What the client was granted goes on.
#[utoipa::path(
    delete,
    path = "/clients/{client}/secrets/{secret}",
    operation_id = "clients_revoke_secret",
    tag = "clients",
    params(SecretPath),
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn revoke(
    asked: Asked<Allowed<ClientsWrite, SecretPath>>,
    OptionalBody(request): OptionalBody<Empty>,
) -> Result<Json<Written>, Problem> {
    let secret_id = asked.by.at.secret;
    let order = asked.order("clients.revoke_secret", &request).await?;
    order.carry_out(Command::RevokeSecret { secret_id }).await
}
