//! Token introspection (RFC 7662), for services of the organization: by a key that may verify, or by a client with a secret
//! or keys. What is another organization's is not active, as what is none.

use axum::extract::{Request as HttpRequest, State};
use axum::response::{IntoResponse, Response};
use events::OrganizationId;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::error::{Code, OauthError};
use super::parameters::Parameters;
use super::state::Accounts;
use super::{client_auth, form, standing, web};

/// `POST /oauth/introspect`
pub async fn introspect(State(accounts): State<Accounts>, request: HttpRequest) -> Response {
    match answered(&accounts, request).await {
        Ok(json) => web::json(StatusCode::OK, json),
        Err(error) => error.into_response(),
    }
}

async fn answered(accounts: &Accounts, request: HttpRequest) -> Result<String, OauthError> {
    let (headers, parameters) = form::read(accounts, request).await?;
    let asker = asker(accounts, &headers, &parameters).await?;
    let text = parameters.get("token").ok_or_else(|| OauthError::invalid_request("`token` is missing"))?;
    let inactive = json!({"active": false}).to_string();
    let Some(judged) = standing::judged(accounts, text) else { return Ok(inactive) };
    let claims = &judged.claims;
    if asker != claims.organization || standing::standing(accounts, claims.grant).is_none() {
        return Ok(inactive);
    }
    let told = json!({
        "active": true,
        "iss": claims.iss,
        "sub": claims.sub,
        "aud": claims.aud,
        "client_id": claims.client_id,
        "scope": claims.scope,
        "iat": claims.iat,
        "exp": claims.exp,
        "jti": claims.jti,
        "token_type": "Bearer",
    });
    Ok(told.to_string())
}

/// Of which organization the service is that asks (§2.1: nobody asks unknown).
async fn asker(
    accounts: &Accounts,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<OrganizationId, OauthError> {
    let refused = |problem: &str| OauthError::new(Code::InvalidClient, problem);
    if let Ok(principal) = accounts.authenticator.authenticate(headers) {
        let may = principal.scopes().allows_verify();
        let organization = principal.owner().organization().filter(|_| may);
        return organization
            .ok_or_else(|| refused("the key is no organization's, or has not the scope keys:verify"));
    }
    let client = client_auth::authenticate(accounts, headers, parameters, false).await?;
    let own = client.organization().filter(|_| !client.is_public());
    own.ok_or_else(|| {
        refused(
            "tokens are looked into by an organization's own clients, with a secret or keys, and by its keys",
        )
    })
}
