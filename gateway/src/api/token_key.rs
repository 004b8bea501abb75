//! `/api/v1/token-keys`: the keys that sign access tokens. The log publishes their public halves; the private ones lie in the
//! control vault and are told to nobody.

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ApiState;

mod list;
mod rotate;

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list::list)).routes(routes!(rotate::rotate))
}
