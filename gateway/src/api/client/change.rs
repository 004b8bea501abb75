//! `PATCH …/clients/{client}`

use axum::Json;
use domain::client::Command;
use events::client::Origin;
use events::sealed::Field;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ClientPath;
use super::settings::SetMetadata;
use crate::api::body::{Body, present};
use crate::api::command::Asked;
use crate::api::guard::{Allowed, ClientsWrite, OwnedPath};
use crate::api::text::Name;
use crate::api::written::Written;
use crate::problem::{Kind, Problem};

/// What is absent stays as it is.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeClient {
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    name: Option<Name>,
    /// All of it, in place of what it was.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    metadata: Option<SetMetadata>,
}

/// Change a client
///
/// One that was registered by an operator or an admin. What it was granted goes on; answers go to its new addresses alone.
#[utoipa::path(
    patch,
    path = "/clients/{client}",
    operation_id = "clients_change",
    tag = "clients",
    params(ClientPath),
    request_body = ChangeClient,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn change(
    asked: Asked<Allowed<ClientsWrite, ClientPath>>,
    Body(request): Body<ChangeClient>,
) -> Result<Json<Written>, Problem> {
    if request.name.is_none() && request.metadata.is_none() {
        return Err(Problem::invalid("body", "Send at least one of name and metadata."));
    }
    let (api, at) = (asked.api.clone(), asked.by.at.clone());
    let known = api.directory.client(at.client).filter(|entry| entry.owner == at.owner());
    if known.is_some_and(|entry| entry.origin != Origin::Given) {
        return Err(Problem::new(
            Kind::ClientSpeaksForItself,
            "The client says itself what it may, by its metadata document or its registration. It can be disabled or removed.",
        ));
    }
    let judged = request.metadata.as_ref().map(|metadata| metadata.judged(&api.presets)).transpose()?;
    let order = asked.order("clients.change", &request).await?;
    let name = order.seal_some(Field::Name, request.name.as_ref().map(Name::as_str))?;
    let metadata = judged.map(|judged| Box::new(judged.metadata));
    order.carry_out(Command::Change { metadata, name }).await
}
