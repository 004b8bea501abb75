//! `POST /api/v1/people/{person}/suspend`, `/resume`, `/sign-out` and `/forget`

use axum::Json;
use domain::person::Command;
use events::Owner;
use events::sealed::Field;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::PersonPath;
use crate::api::body::{Body, OptionalBody};
use crate::api::command::Asked;
use crate::api::guard::{Allowed, PeopleWrite};
use crate::api::text::{GiveReason, Reason};
use crate::api::written::Written;
use crate::problem::Problem;

/// Suspend a person
///
/// Nothing of theirs works until they are resumed: no session, no grant, no key that speaks for them.
#[utoipa::path(
    post,
    path = "/api/v1/people/{person}/suspend",
    operation_id = "people_suspend",
    tag = "people",
    params(PersonPath),
    request_body = Option<GiveReason>,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn suspend(
    asked: Asked<Allowed<PeopleWrite, PersonPath>>,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("people.suspend", &request).await?;
    let reason = order.seal_some(Field::Reason, request.reason.as_ref().map(Reason::as_str))?;
    order.carry_out(Command::Suspend { reason }).await
}

/// Resume a person
#[utoipa::path(
    post,
    path = "/api/v1/people/{person}/resume",
    operation_id = "people_resume",
    tag = "people",
    params(PersonPath),
    request_body = Option<GiveReason>,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn resume(
    asked: Asked<Allowed<PeopleWrite, PersonPath>>,
    OptionalBody(request): OptionalBody<GiveReason>,
) -> Result<Json<Written>, Problem> {
    let order = asked.order("people.resume", &request).await?;
    let reason = order.seal_some(Field::Reason, request.reason.as_ref().map(Reason::as_str))?;
    order.carry_out(Command::Resume { reason }).await
}

/// Sign a person out
///
/// Every session that began before ends. Grants and keys go on.
#[utoipa::path(
    post,
    path = "/api/v1/people/{person}/sign-out",
    operation_id = "people_sign_out",
    tag = "people",
    params(PersonPath),
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn sign_out(asked: Asked<Allowed<PeopleWrite, PersonPath>>) -> Result<Json<Written>, Problem> {
    asked.order("people.sign_out", &()).await?.carry_out(Command::SignOut).await
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForgetPerson {
    /// The person's id once more: nothing brings back what is forgotten.
    pub id: Uuid,
}

/// Forget a person
///
/// For ever: e-mail address, name, picture and reasons are erased from the read models, and the key that sealed them in the
/// log is deleted. The events stay, and their proofs. The person must be ended before.
#[utoipa::path(
    post,
    path = "/api/v1/people/{person}/forget",
    operation_id = "people_forget",
    tag = "people",
    params(PersonPath),
    request_body = ForgetPerson,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn forget(
    asked: Asked<Allowed<PeopleWrite, PersonPath>>,
    Body(request): Body<ForgetPerson>,
) -> Result<Json<Written>, Problem> {
    if request.id != asked.by.at.person.uuid() {
        return Err(Problem::invalid("id", "This is another person's id: send that of the one to forget."));
    }
    // The person's own key can't vouch for a command that deletes it: a retry would find none.
    let order = asked.order_of(Owner::Installation, "people.forget", &request).await?;
    order.carry_out(Command::Forget).await
}
