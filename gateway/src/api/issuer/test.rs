//! `POST …/issuers/{issuer}/test`

use axum::Json;
use axum::extract::State;

use super::IssuerPath;
use crate::api::ApiState;
use crate::api::guard::{Allowed, IssuersWrite, OwnedPath};
use crate::issuers::trial::Trial;
use crate::problem::Problem;

/// Try an issuer
///
/// Whether it is found, its keys can be used, it knows our client id and takes our credential. Nobody signs in, and no
/// event tells of it.
#[utoipa::path(
    post,
    path = "/issuers/{issuer}/test",
    operation_id = "issuers_test",
    tag = "issuers",
    params(IssuerPath),
    responses((status = 200, description = "What was found", body = Trial))
)]
pub async fn test(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<IssuersWrite, IssuerPath>,
) -> Result<Json<Trial>, Problem> {
    let own = api.directory.issuer(at.issuer).filter(|entry| entry.owner == at.owner());
    let Some(entry) = own else { return Err(Problem::not_found()) };
    let Ok(_place) = api.issuer_tests.try_acquire() else {
        return Err(Problem::busy_with_you());
    };
    match Box::pin(api.sign_in.test(entry.id)).await {
        Some(trial) => Ok(Json(trial)),
        None => Err(Problem::not_found()),
    }
}
