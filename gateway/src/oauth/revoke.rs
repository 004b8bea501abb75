//! Token revocation (RFC 7009): a client gives back what it was granted. The whole grant ends, whichever of its tokens comes.

use axum::extract::{Request as HttpRequest, State};
use axum::response::{IntoResponse, Response};
use events::grant::EndCause;
use events::{GrantId, Holder, OrganizationId};
use http::StatusCode;

use super::acts;
use super::code::Family;
use super::error::OauthError;
use super::refresh::RefreshToken;
use super::state::Accounts;
use super::{client_auth, form, standing, web};

/// `POST /oauth/revoke`
pub async fn revoke(State(accounts): State<Accounts>, request: HttpRequest) -> Response {
    web::readable(match revoked(&accounts, request).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => error.into_response(),
    })
}

/// §2.2: a token that is none, or another's, is as good as revoked.
async fn revoked(accounts: &Accounts, request: HttpRequest) -> Result<(), OauthError> {
    let (headers, parameters) = form::read(accounts, request).await?;
    let text = parameters.get("token").ok_or_else(|| OauthError::invalid_request("`token` is missing"))?;
    let refresh = RefreshToken::parse(text, &accounts.passing.keys());
    let family = match refresh {
        Some(token) => accounts
            .passing
            .get::<Family>(&token.family.to_string())
            .await
            .map_err(OauthError::unavailable)?
            .map(|held| held.value),
        None => None,
    };
    let was_public = family.as_ref().is_some_and(|family| family.was_public);
    let client =
        client_auth::authenticate(accounts, &headers, &parameters, was_public).await?.name.to_string();
    let own: Option<(GrantId, OrganizationId, Holder)> = match family {
        Some(family) => {
            (family.client == client).then_some((family.grant, family.organization, family.holder))
        }
        None => {
            let judged = standing::judged(accounts, text).filter(|judged| judged.claims.client_id == client);
            let entry = judged.and_then(|judged| accounts.directory.grant(judged.claims.grant));
            entry.map(|entry| (entry.id, entry.organization, entry.holder))
        }
    };
    let Some((grant, organization, holder)) = own else { return Ok(()) };
    acts::end_grant(accounts, organization, grant, holder, EndCause::ClientRevoked)
        .await
        .map_err(OauthError::unavailable)
}
