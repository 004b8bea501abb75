//! `POST /api/v1/people/{person}/end`

use axum::Json;
use domain::person::Command;
use events::sealed::Field;
use events::{Role, UserId};
use projections::directory::MemberState;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::PersonPath;
use super::held::Held;
use crate::api::ApiState;
use crate::api::body::OptionalBody;
use crate::api::command::{Asked, told};
use crate::api::guard::{Allowed, PeopleWrite};
use crate::api::text::Reason;
use crate::api::written::Written;
use crate::problem::{Kind, Problem};

#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndPerson {
    /// Kept in the history, sealed.
    #[serde(default)]
    reason: Option<Reason>,
    /// Also where an organization has no other owner.
    #[serde(default)]
    leave_without_owner: bool,
}

/// A person who was ended, and what fell with them.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndedPerson {
    #[serde(flatten)]
    written: Written,
    /// What the person held when the command was carried out: none of it works from this event on.
    fell: Held,
}

/// End a person
///
/// For ever. With the person fall, by this one event, their sessions, their grants, the keys that speak for them and what
/// they are in organizations; with `?wait=fleet` the answer tells of each node that it refuses them. The last owner of an
/// organization is ended only where that is asked for.
#[utoipa::path(
    post,
    path = "/api/v1/people/{person}/end",
    operation_id = "people_end",
    tag = "people",
    params(PersonPath),
    request_body = Option<EndPerson>,
    responses((status = 200, description = "Done", body = EndedPerson))
)]
pub async fn end(
    asked: Asked<Allowed<PeopleWrite, PersonPath>>,
    OptionalBody(request): OptionalBody<EndPerson>,
) -> Result<Json<EndedPerson>, Problem> {
    let (api, person) = (asked.api.clone(), asked.by.at.person);
    if !request.leave_without_owner {
        is_no_last_owner(&api, person).await?;
    }
    let order = asked.order("people.end", &request).await?;
    let reason = order.seal_some(Field::Reason, request.reason.as_ref().map(Reason::as_str))?;
    let fell = Held::of(&api, person).await;
    let written = order.execute(Command::End { reason }).await?.written;
    Ok(Json(EndedPerson { written, fell }))
}

/// By the word of the log's leader of each other owner that is known here.
async fn is_no_last_owner(api: &ApiState, person: UserId) -> Result<(), Problem> {
    let mut alone = Vec::new();
    for member in api.directory.memberships_of(person) {
        if member.state == MemberState::Removed || member.role != Role::Owner {
            continue;
        }
        let others = api.commands.has_owner_beside(member.organization, person).await;
        if !others.map_err(told::<domain::person::Refusal>)? {
            let slug = api.organization_slug(member.organization);
            alone.push(slug.unwrap_or_else(|| member.organization.to_string()));
        }
    }
    if alone.is_empty() {
        return Ok(());
    }
    Err(Problem::new(
        Kind::LastOwner,
        format!(
            "The person is the last owner of {}. Make somebody else an owner there first, or send \
             `leave_without_owner` (`--leave-without-owner`).",
            alone.join(", ")
        ),
    ))
}
