//! Which consents a list shows.

use events::{ClientId, Position, ServerId, UserId};
use projections::postgres::PageQuery;
use projections::postgres::granted::GrantedFilter;
use serde::Deserialize;
use utoipa::IntoParams;

use super::view::ConsentState;
use crate::api::query::{Limit, ListQuery};
use crate::problem::Problem;

/// What is not said lets everything through.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConsentsQuery {
    /// Only this client's.
    #[param(value_type = Option<uuid::Uuid>)]
    client: Option<ClientId>,
    /// Only what this person gave.
    #[param(value_type = Option<uuid::Uuid>)]
    person: Option<UserId>,
    /// Only on this server.
    #[param(value_type = Option<uuid::Uuid>)]
    server: Option<ServerId>,
    /// Only what stands so.
    #[param(inline)]
    state: Option<ConsentState>,
    /// How many items at most: 1 to 200.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// `next` of the page before; nothing for the first page.
    #[param(max_length = 200)]
    cursor: Option<String>,
    /// The `position` of an earlier write: the answer waits, a bounded time, until it includes it.
    #[param(value_type = Option<String>)]
    pub at_least: Option<Position>,
}

impl ConsentsQuery {
    pub fn filter(&self) -> GrantedFilter<projections::postgres::consent::ConsentState> {
        GrantedFilter {
            client: self.client,
            person: self.person,
            server: self.server,
            state: self.state.map(Into::into),
        }
    }

    pub fn page(self) -> Result<PageQuery, Problem> {
        let Self { limit, cursor, at_least, .. } = self;
        ListQuery { limit, cursor, at_least }.page()
    }
}
