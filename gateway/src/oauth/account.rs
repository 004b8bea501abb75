//! A person's own page: what they have given, and their sessions.

use axum::extract::{Request as HttpRequest, State};
use axum::response::{IntoResponse, Response};
use events::grant::EndCause;
use events::{GrantId, Holder, OrganizationId};
use http::{HeaderMap, StatusCode};

use super::acts;
use super::authorize::unavailable_page;
use super::pages::{self, Account};
use super::people;
use super::session::{Active, Use};
use super::sign_in::Next;
use super::state::Accounts;
use super::web::{self, Cookie, Page};
use super::{form, parameters::Parameters};

/// `GET /account`
pub async fn page(State(accounts): State<Accounts>, headers: HeaderMap) -> Response {
    let active = match accounts.session(&headers).await {
        Ok(Some(active)) => active,
        Ok(None) => return web::see_other(&Next::Account.sign_in()),
        Err(error) => return unavailable_page(&error).into_response(),
    };
    let holder = active.session.holder;
    let token = accounts.form_token(active.secret(), Use::Account, "");
    let page = Account {
        holder: &people::holder_name(&accounts, holder).await,
        is_person: matches!(holder, Holder::Person { .. }),
        grants: people::grants(&accounts, holder).await,
        token: &token,
        sign_out_token: &accounts.form_token(active.secret(), Use::SignOut, ""),
    };
    Page::ok(pages::render(&page)).into_response()
}

/// `POST /account/grants/end`
pub async fn end_grant(State(accounts): State<Accounts>, request: HttpRequest) -> Response {
    let (active, parameters) = match sent(&accounts, request).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let grant = parameters.get("grant").and_then(|id| id.parse::<GrantId>().ok());
    let organization = parameters.get("organization").and_then(|id| id.parse::<OrganizationId>().ok());
    let own = grant.zip(organization).filter(|(grant, organization)| {
        accounts
            .directory
            .grant(*grant)
            .is_some_and(|entry| entry.holder == active.session.holder && entry.organization == *organization)
    });
    let Some((grant, organization)) = own else { return refused("This is no grant of yours.") };
    match acts::end_grant(&accounts, organization, grant, active.session.holder, EndCause::Revoked).await {
        Ok(()) => web::see_other("/account"),
        Err(failed) => refused(&failed.to_string()),
    }
}

/// `POST /account/sessions/end`: everywhere.
pub async fn end_sessions(State(accounts): State<Accounts>, request: HttpRequest) -> Response {
    let (active, _) = match sent(&accounts, request).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let Holder::Person { id } = active.session.holder else {
        return refused("A key has no sessions elsewhere.");
    };
    match people::sign_out_everywhere(&accounts, id).await {
        Ok(()) => {
            let mut response = web::see_other(&Next::Account.sign_in());
            Cookie::SESSION.remove(&mut response);
            response
        }
        Err(failed) => refused(&failed.to_string()),
    }
}

/// Whose form it is, once that is proved.
async fn sent(accounts: &Accounts, request: HttpRequest) -> Result<(Active, Parameters), Response> {
    let (headers, parameters) =
        form::read(accounts, request).await.map_err(|error| refused(error.description()))?;
    let session =
        accounts.session(&headers).await.map_err(|error| unavailable_page(&error).into_response())?;
    let active = session.ok_or_else(|| web::see_other(&Next::Account.sign_in()))?;
    let is_ours = accounts.is_form_token(parameters.get("token"), active.secret(), Use::Account, "");
    if !is_ours || web::is_cross_site(&headers) {
        return Err(refused(
            "The form was not sent by your account's page. Go back, load it anew, and send it again.",
        ));
    }
    Ok((active, parameters))
}

fn refused(detail: &str) -> Response {
    Page::told(StatusCode::BAD_REQUEST, "Nothing was changed", detail, None).into_response()
}
