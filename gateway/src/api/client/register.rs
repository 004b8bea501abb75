//! `POST …/clients`

use axum::Json;
use axum::response::Response;
use domain::Client;
use domain::client::Command;
use events::client::{Origin, Registered};
use events::sealed::Field;
use events::{ClientId, Subject};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ClientsPath;
use super::secret::WrittenSecret;
use super::settings::{SetMetadata, drawn};
use crate::api::body::Body;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, ClientsWrite, OwnedPath};
use crate::api::text::Name;
use crate::api::written::created;
use crate::problem::Problem;

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterClient {
    /// What people are shown when they are asked for their consent.
    name: Name,
    metadata: SetMetadata,
}

/// Register a client
///
/// Its id is the `client_id` that it sends. Where its method wants a secret, that is shown in this answer and never again,
/// also not to the same `Idempotency-Key`.
#[utoipa::path(
    post,
    path = "/clients",
    operation_id = "clients_register",
    tag = "clients",
    request_body = RegisterClient,
    responses(
        (status = 201, description = "Registered", body = WrittenSecret),
        (status = 200, description = "Registered before, under the same Idempotency-Key", body = WrittenSecret)
    )
)]
pub async fn register(
    asked: Asked<Allowed<ClientsWrite, ClientsPath>>,
    Body(request): Body<RegisterClient>,
) -> Result<Response, Problem> {
    let (api, owner, address) = (asked.api.clone(), asked.by.at.owner(), asked.by.at.address());
    let judged = request.metadata.judged(&api.presets)?;
    let order = asked
        .order_new::<Client, _>("clients.register", &request, |id| Subject::client(owner, ClientId::new(id)))
        .await?;
    let address = format!("{address}/{}", order.id());
    let name = order.seal(Field::Name, request.name.as_str())?;
    let drawn = if judged.has_secret { Some(drawn(&api, None)?) } else { None };
    let (plain, secret) = drawn.unzip();
    let secret_id = secret.as_ref().map(|issued| issued.secret_id);
    let registered = Box::new(Registered { origin: Origin::Given, metadata: judged.metadata, name });
    let written = order.execute(Command::Register { registered, secret }).await?.written;
    Ok(created(written.replayed, &address, Json(WrittenSecret::of(written, plain.zip(secret_id)))))
}
