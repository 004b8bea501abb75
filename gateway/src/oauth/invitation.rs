//! `/invitations/accept`: somebody who was sent an invitation's link signs in, and joins.
//!
//! The link's secret stands after `#` where a browser keeps it, and so no server's log has it: the page asks for it in a
//! field, into which the person pastes the link, for there is no script that could.

use axum::extract::{RawQuery, Request as HttpRequest, State};
use axum::response::{IntoResponse, Response};
use events::Holder;
use http::{HeaderMap, StatusCode};

use super::authorize::unavailable_page;
use super::form;
use super::pages::{self, Invitation};
use super::people;
use super::session::Use;
use super::sign_in::Next;
use super::state::Accounts;
use super::web::{self, Page};

/// `GET /invitations/accept`
pub async fn page(State(accounts): State<Accounts>, RawQuery(_): RawQuery, headers: HeaderMap) -> Response {
    let active = match accounts.session(&headers).await {
        Ok(Some(active)) => active,
        Ok(None) => return web::see_other(&Next::Invitation.sign_in()),
        Err(error) => return unavailable_page(&error).into_response(),
    };
    let page = Invitation {
        holder: &people::holder_name(&accounts, active.session.holder).await,
        token: &accounts.form_token(active.secret(), Use::Invitation, ""),
    };
    Page::ok(pages::render(&page)).into_response()
}

/// `POST /invitations/accept`
pub async fn accept(State(accounts): State<Accounts>, request: HttpRequest) -> Response {
    let (headers, parameters) = match form::read(&accounts, request).await {
        Ok(read) => read,
        Err(error) => return refused(error.description()),
    };
    let active = match accounts.session(&headers).await {
        Ok(Some(active)) => active,
        Ok(None) => return web::see_other(&Next::Invitation.sign_in()),
        Err(error) => return unavailable_page(&error).into_response(),
    };
    let is_ours = accounts.is_form_token(parameters.get("token"), active.secret(), Use::Invitation, "");
    if !is_ours || web::is_cross_site(&headers) {
        return refused("The form was not sent by the page that you were shown. Go back, and send it again.");
    }
    let Holder::Person { id } = active.session.holder else {
        return refused("Whoever holds a key joins nothing: sign in as yourself.");
    };
    let link = parameters.get("invitation").unwrap_or_default();
    match accounts.commands.accept(&accounts.directory, &accounts.peppers, id, link).await {
        Ok(accepted) => {
            Page::told(StatusCode::OK, "You have joined", &format!("You are {} now.", accepted.role), None)
                .into_response()
        }
        Err(error) => refused(&error.to_string()),
    }
}

fn refused(detail: &str) -> Response {
    Page::told(StatusCode::BAD_REQUEST, "You have not joined", detail, None).into_response()
}
