//! `POST …/issuers`

use axum::Json;
use axum::response::Response;
use domain::issuer::{Command, Issuer, Register};
use events::sealed::Field;
use events::{IssuerId, Slug, Subject};
use projections::directory::IssuerState;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::IssuersPath;
use super::credential::{SetCredential, purge};
use super::settings::{SetProtocol, SetSettings};
use crate::api::body::Body;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, IssuersWrite, OwnedPath};
use crate::api::text::Name;
use crate::api::written::{Written, created};
use crate::problem::{Kind, Problem};

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterIssuer {
    /// Names it among its owner's, for ever: 1 to 63 lower-case letters, digits and single hyphens between them.
    #[schema(value_type = String, example = "entra", max_length = 63)]
    slug: Slug,
    name: Name,
    protocol: SetProtocol,
    settings: SetSettings,
    /// Whether people may sign in at it.
    #[serde(default = "yes")]
    #[schema(default = true)]
    enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    credential: Option<SetCredential>,
}

fn yes() -> bool {
    true
}

/// Register an issuer
///
/// From this event on people may sign in at it, where it is enabled. `…/test` tells whether it works.
#[utoipa::path(
    post,
    path = "/issuers",
    operation_id = "issuers_register",
    tag = "issuers",
    request_body = RegisterIssuer,
    responses(
        (status = 201, description = "Registered", body = Written),
        (status = 200, description = "Registered before, under the same Idempotency-Key", body = Written)
    )
)]
pub async fn register(
    asked: Asked<Allowed<IssuersWrite, IssuersPath>>,
    Body(request): Body<RegisterIssuer>,
) -> Result<Response, Problem> {
    let (api, owner, address) = (asked.api.clone(), asked.by.at.owner(), asked.by.at.address());
    let held = api.directory.issuers_of(owner);
    let held = held.iter().filter(|entry| entry.state != IssuerState::Removed).count();
    let max = api.settings.max_issuers;
    if held >= max {
        return Err(Problem::new(
            Kind::IssuersFull,
            format!(
                "There are {held} issuers here, and there may be {max}. Remove one that nobody needs; whoever runs the \
                 installation can raise `issuers.max`."
            ),
        ));
    }
    let order = asked
        .order_new::<Issuer, _>("issuers.register", &request, |id| Subject::issuer(owner, IssuerId::new(id)))
        .await?;
    let address = format!("{address}/{}", order.id());
    let name = order.seal(Field::Name, request.name.as_str())?;
    let settings = request.settings.settings(owner, request.protocol)?;
    let credential = request.credential.map(SetCredential::checked).transpose()?;
    let credential = match credential {
        Some(checked) => Some(checked.keep(&api).await?),
        None => None,
    };
    let register = Register { slug: request.slug, name, settings, enabled: request.enabled, credential };
    let executed = order.execute(Command::Register(Box::new(register))).await?;
    if executed.written.replayed {
        purge(&api, credential.map(|(id, _)| id)).await;
    }
    Ok(created(executed.written.replayed, &address, Json(executed.written)))
}
