//! Endpoints that an organization and the installation both have: written once, nested twice, and told apart in the
//! document.

use utoipa::IntoParams as _;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa_axum::router::OpenApiRouter;

use super::ApiState;
use super::organization::OrganizationPath;

/// The routes, below an organization and below the installation. Their paths take `organization` as an option.
pub fn by_either(routes: impl Fn() -> OpenApiRouter<ApiState>) -> OpenApiRouter<ApiState> {
    nested("/api/v1/installation", routes)
}

/// The same, the installation's being at the top.
pub fn by_either_or_at_the_top(routes: impl Fn() -> OpenApiRouter<ApiState>) -> OpenApiRouter<ApiState> {
    nested("/api/v1", routes)
}

fn nested(installation: &str, routes: impl Fn() -> OpenApiRouter<ApiState>) -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .nest("/api/v1/organizations/{organization}", documented(routes(), of_an_organization))
        .nest(installation, documented(routes(), of_the_installation))
}

fn documented(mut routes: OpenApiRouter<ApiState>, change: fn(&mut Operation)) -> OpenApiRouter<ApiState> {
    for item in routes.get_openapi_mut().paths.paths.values_mut() {
        operations(item).for_each(change);
    }
    routes
}

fn of_an_organization(operation: &mut Operation) {
    let own = operation.parameters.take().unwrap_or_default();
    let organization = OrganizationPath::into_params(|| None).into_iter().map(Into::into);
    operation.parameters = Some(organization.chain(own).collect());
}

fn of_the_installation(operation: &mut Operation) {
    let name = operation.operation_id.take().unwrap_or_default();
    operation.operation_id = Some(format!("installation_{name}"));
    for tag in operation.tags.iter_mut().flatten() {
        *tag = format!("installation {tag}");
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}
