//! `DELETE …/issuers/{issuer}`

use axum::Json;
use domain::issuer::Command;
use events::sealed::Field;

use super::IssuerPath;
use super::credential::purge;
use crate::api::body::OptionalBody;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, IssuersWrite};
use crate::api::text::{GiveReason, Reason};
use crate::api::written::Written;
use crate::problem::Problem;

/// Remove an issuer
///
/// For ever. Nobody signs in at it any more, and its credential is deleted.
#[utoipa::path(
    delete,
    path = "/issuers/{issuer}",
    operation_id = "issuers_remove",
    tag = "issuers",
    params(IssuerPath),
    request_body = Option<GiveReason>,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn remove(
    asked: Asked<Allowed<IssuersWrite, IssuerPath>>,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    let api = asked.api.clone();
    let order = asked.order("issuers.remove", &request).await?;
    let reason = order.seal_some(Field::Reason, request.reason.as_ref().map(Reason::as_str))?;
    let executed = order.execute(Command::Remove { reason }).await?;
    let credential = executed.state.known().and_then(|known| known.credential);
    purge(&api, credential.map(|(id, _)| id)).await;
    Ok(Json(executed.written))
}
