//! Webhooks: those of an organization, at `/api/v1/organizations/{organization}/webhooks`, and the installation's own, at
//! `/api/v1/installation/webhooks`. Each endpoint is written once and serves both. Registering, changing and rotating are
//! events; tests, replays and dead letters are deliveries, of which no event tells.

use domain::webhook::Webhook;
use events::scope::{Access, Resource};
use events::webhook::{EventTypes, WebhookUrl};
use events::{OrganizationId, Owner, Subject, WebhookId};
use projections::Projection;
use projections::postgres::webhook::WebhookState;
use projections::postgres::{WebhookRow, webhook};
use serde::Deserialize;
use url::Host;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ApiState;
use super::command::Object;
use super::guard::{Admin, OwnedPath};
use super::owned;
use crate::problem::Problem;

mod change;
mod dead;
mod deliveries;
mod get;
mod list;
mod pause;
mod problem;
mod register;
mod remove;
mod replay;
mod resume;
mod retry;
mod secret;
mod test;
mod view;

pub fn routes() -> OpenApiRouter<ApiState> {
    owned::by_either(|| {
        OpenApiRouter::new()
            .routes(routes!(list::list, register::register))
            .routes(routes!(get::get, change::change, remove::remove))
            .routes(routes!(pause::pause))
            .routes(routes!(resume::resume))
            .routes(routes!(secret::rotate))
            .routes(routes!(secret::end_overlap))
            .routes(routes!(test::test))
            .routes(routes!(deliveries::deliveries))
            .routes(routes!(dead::list))
            .routes(routes!(dead::resend))
            .routes(routes!(retry::retry))
            .routes(routes!(replay::replay))
    })
}

/// Where webhooks lie: with an organization, or with the installation.
#[derive(Clone, Debug, Deserialize)]
pub struct WebhooksPath {
    /// Absent in the installation's paths.
    organization: Option<OrganizationId>,
}

/// One webhook in a path.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct WebhookPath {
    /// Absent in the installation's paths. Documented where the routes are put together.
    #[param(ignore)]
    organization: Option<OrganizationId>,
    /// The webhook's id.
    #[param(value_type = uuid::Uuid)]
    webhook: WebhookId,
}

impl WebhooksPath {
    /// The address of the webhooks there.
    fn address(&self) -> String {
        match self.organization {
            None => "/api/v1/installation/webhooks".to_owned(),
            Some(organization) => format!("/api/v1/organizations/{organization}/webhooks"),
        }
    }
}

impl OwnedPath for WebhooksPath {
    fn owner(&self) -> Owner {
        self.organization.map_or(Owner::Installation, Owner::Organization)
    }
}

impl OwnedPath for WebhookPath {
    fn owner(&self) -> Owner {
        self.organization.map_or(Owner::Installation, Owner::Organization)
    }
}

impl Object for WebhookPath {
    type Aggregate = Webhook;

    fn id(&self) -> Uuid {
        self.webhook.uuid()
    }

    fn subject(&self) -> Subject {
        Subject::webhook(self.owner(), self.webhook)
    }

    fn ids(&self) -> Vec<String> {
        vec![self.owner().to_string(), self.webhook.to_string()]
    }
}

impl WebhookPath {
    /// The webhook as the read models have it; what is not there is told so.
    async fn row(&self, api: &ApiState) -> Result<WebhookRow, Problem> {
        let (owner, id) = (self.owner(), self.webhook);
        let row = api.read(Projection::Webhooks, None, |pool| webhook::get(pool, owner, id)).await?;
        row.found.ok_or_else(Problem::not_found)
    }

    /// That something may be sent to it: one that was removed a moment ago is sent nothing, and who asks is told so.
    async fn may_be_sent_to(&self, api: &ApiState) -> Result<(), Problem> {
        api.catch_up().await;
        let (owner, id, here) = (self.owner(), self.webhook, api.gate.position());
        let row = api.read(Projection::Webhooks, here, |pool| webhook::get(pool, owner, id)).await?;
        match row.found.ok_or_else(Problem::not_found)?.state {
            WebhookState::Active | WebhookState::Paused => Ok(()),
            WebhookState::Removed => Err(domain::webhook::Refusal::Removed.into()),
        }
    }
}

/// Whoever sends events on must be one who may read them.
fn may_read_events(admin: &Admin) -> Result<(), Problem> {
    admin.may(Resource::Events, Access::Read)
}

/// A type that nobody writes would send nothing, as if nothing had happened.
fn known_types(types: &EventTypes) -> Result<(), Problem> {
    let unknown = types.iter().find_map(|pattern| pattern.kinds().err());
    unknown.map_or(Ok(()), |unknown| Err(Problem::invalid("types", format!("{unknown}."))))
}

/// Refuses a URL that could never be called: without TLS off this machine, or an address that is closed.
fn may_be_called(api: &ApiState, url: &WebhookUrl) -> Result<(), Problem> {
    let guard = api.trials.guard();
    let address = match url.url().host() {
        Some(Host::Ipv4(address)) => Some(address.into()),
        Some(Host::Ipv6(address)) => Some(address.into()),
        // Which addresses it has is seen when it is called.
        Some(Host::Domain(_)) | None => None,
    };
    let refused = match address {
        Some(address) => guard.check(address).err().map(|refused| format!("{refused}.")),
        None => None,
    };
    let refused = refused.or_else(|| {
        api.trials.refuses_plain(url.url()).then(|| {
            "Off this machine http:// would carry events in clear. Use https://, or have the operator open the \
             network in `upstreams.allow_http`."
                .to_owned()
        })
    });
    refused.map_or(Ok(()), |refused| Err(Problem::invalid("url", refused)))
}
