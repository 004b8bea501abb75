//! Records as they are answered.

use std::collections::BTreeMap;

use events::{OrganizationId, Owner, Timestamp};
use projections::Projection;
use projections::postgres::names::{Ids, Names};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::{Page, Reader, Record};
use crate::api::ApiState;
use crate::api::command::vault;
use crate::problem::Problem;

/// A page of a list, or of what comes after a place.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AccessPage {
    pub items: Vec<AccessRecord>,
    /// Of a list: send it as `cursor` for the next page; absent on the last one. Opaque. A page may have fewer items than
    /// were asked for, or none, and others follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// With `after`: send it as `after` for what comes next. Opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// With `after`: there may be more at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// Something that was read or tried.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AccessRecord {
    pub id: Uuid,
    /// `text.read`, `access.read`, `command.refused`, `authentication.accepted`, `authentication.refused`,
    /// `records.omitted`.
    #[serde(rename = "type")]
    pub kind: String,
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// Who: `key:<id>`; absent: it is of nobody's key, or of many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What that key is called now, if it is one of yours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_name: Option<String>,
    /// In which organization; absent: in the installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_slug: Option<String>,
    /// The `X-Request-Id` of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// As this document has it, with its placeholders; `ids` says what they stood for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub ids: BTreeMap<String, Uuid>,
    /// What they are called now, where that is yours to know and the read models answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub names: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The kind of problem that was answered, as in its `type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Why the key was not let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of how many it is, where they are not told one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// From where the connection came; absent: that is not known, was forgotten, or is another's to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Opaque.
    pub position: String,
}

pub async fn told(
    api: &ApiState,
    reader: &Reader,
    owner: Owner,
    about: Option<OrganizationId>,
    page: Page,
    is_list: bool,
) -> Result<AccessPage, Problem> {
    let Page { items: found, at, more } = page;
    let names = names(api, owner, &found).await;
    let mut items = Vec::with_capacity(found.len());
    for (sequence, record) in found {
        let address = reader.address(&record, about).await.map_err(|error| vault(&error))?;
        items.push(AccessRecord::of(api, &names, (sequence, record), address));
    }
    Ok(if is_list {
        AccessPage { items, next: more.then(|| at.to_string()), position: None, more: false }
    } else {
        AccessPage { items, next: None, position: Some(at.to_string()), more }
    })
}

/// Names beside the ids of these. Records are told without them while the read models do not answer.
async fn names(api: &ApiState, owner: Owner, found: &[(u64, Record)]) -> Names {
    let mut ids = Ids::of_actors(found.iter().filter_map(|(_, record)| record.actor.as_ref()));
    for (of, id) in found.iter().flat_map(|(_, record)| &record.ids) {
        if let Ok(of) = of.parse() {
            ids.push(&of, *id);
        }
    }
    if ids.is_empty() {
        return Names::default();
    }
    let read = api.read(Projection::Keys, None, |pool| Names::read(pool, owner, ids)).await;
    read.map(|read| read.found).unwrap_or_default()
}

impl AccessRecord {
    fn of(api: &ApiState, names: &Names, (sequence, record): (u64, Record), address: Option<String>) -> Self {
        let named = record.ids.iter().filter_map(|(of, id)| Some((of.clone(), names.of(*id)?)));
        Self {
            names: named.collect(),
            actor_name: record.actor.as_ref().and_then(|actor| names.of_actor(actor)),
            organization_slug: record.organization.and_then(|id| api.organization_slug(id)),
            id: record.id,
            kind: record.kind,
            time: record.time,
            actor: record.actor.map(|actor| actor.to_string()),
            organization: record.organization.map(|id| id.uuid()),
            request: record.request,
            method: record.method,
            route: record.route,
            ids: record.ids,
            status: record.status,
            problem: record.problem,
            reason: record.reason,
            count: record.count,
            address,
            position: sequence.to_string(),
        }
    }
}
