//! As much of Microsoft Graph as tells a person's groups, and userinfo of both providers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, Uri, header};
use serde_json::{Value, json};

use crate::behaviour::Endpoint;
use crate::parameters::Parameters;
use crate::scopes::{GRAPH, Scopes};
use crate::state::{Given, Shared};

/// Groups a page.
const PAGE: usize = 100;

pub(crate) async fn userinfo(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if let Some(fault) = shared.meet(Endpoint::Userinfo, "/userinfo", &Parameters::default()).await {
        return fault;
    }
    let Some(given) = bearer(&shared, &headers) else { return refused() };
    let mut told = json!({"sub": given.person.subject(), "name": given.person.name});
    if let Some(email) = &given.person.email {
        told["email"] = email.clone().into();
        told["email_verified"] = given.person.email_verified.into();
    }
    Json(told).into_response()
}

/// `GET me/memberOf`, `me/transitiveMemberOf[/microsoft.graph.group]` and the same by `users/{id}`, in pages;
/// `POST …/getMemberGroups` and `…/getMemberObjects`.
pub(crate) async fn groups(
    State(shared): State<Arc<Shared>>,
    method: Method,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let parameters = Parameters::parse(uri.query().unwrap_or_default());
    if let Some(fault) = shared.meet(Endpoint::Graph, uri.path(), &parameters).await {
        return fault;
    }
    let Some(given) = bearer(&shared, &headers) else { return refused() };
    let path = uri.path().trim_start_matches("/graph/v1.0/");
    if path == "oidc/userinfo" {
        let subject = given.person.pairwise(&given.tenant, &given.asked.client.id);
        return Json(json!({"sub": subject, "name": given.person.name})).into_response();
    }
    if !reads_groups(&given.asked.scopes) {
        let told = "Insufficient privileges to complete the operation.";
        return error(StatusCode::FORBIDDEN, "Authorization_RequestDenied", told);
    }
    let own = [format!("users/{}", given.person.object(&given.tenant)), "me".to_owned()];
    let Some(what) =
        own.iter().find_map(|own| path.strip_prefix(own.as_str())?.strip_prefix('/').map(str::to_owned))
    else {
        return error(StatusCode::NOT_FOUND, "Request_ResourceNotFound", "There is no such object.");
    };
    let ids = &given.person.groups;
    match (method, what.as_str()) {
        (
            Method::GET,
            "memberOf"
            | "transitiveMemberOf"
            | "memberOf/microsoft.graph.group"
            | "transitiveMemberOf/microsoft.graph.group",
        ) => {
            let first: usize = parameters.get("$skiptoken").and_then(|at| at.parse().ok()).unwrap_or(0);
            let asked = parameters.get("$top").and_then(|top| top.parse().ok()).unwrap_or(PAGE);
            let size = asked.clamp(1, 999);
            let group = |id: &String| json!({"@odata.type": "#microsoft.graph.group", "id": id});
            let page: Vec<Value> = ids.iter().skip(first).take(size).map(group).collect();
            let mut answer = json!({ "value": page });
            if first + size < ids.len() {
                let next = format!("{}{}?$top={size}&$skiptoken={}", shared.base, uri.path(), first + size);
                answer["@odata.nextLink"] = next.into();
            }
            Json(answer).into_response()
        }
        (Method::POST, "getMemberGroups" | "getMemberObjects") => {
            Json(json!({ "value": ids })).into_response()
        }
        _ => error(StatusCode::BAD_REQUEST, "BadRequest", "Resource not found for the segment."),
    }
}

fn reads_groups(scopes: &Scopes) -> bool {
    let short = |scope: &String| scope.rsplit('/').next().unwrap_or_default().to_owned();
    let enough = ["User.Read", "GroupMember.Read.All", "Group.Read.All", "Directory.Read.All", ".default"];
    scopes.resource.as_deref() == Some(GRAPH)
        && scopes.all.iter().map(short).any(|scope| enough.contains(&scope.as_str()))
}

fn bearer(shared: &Shared, headers: &HeaderMap) -> Option<Given> {
    let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    let given = shared.state().access.get(token).cloned()?;
    (given.until >= shared.now()).then_some(given)
}

fn refused() -> Response {
    error(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", "Access token is empty, expired or none.")
}

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
    (status, challenge, Json(json!({"error": {"code": code, "message": message}}))).into_response()
}
