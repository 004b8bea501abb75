//! The page on which somebody says who they are: a form, no script.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use http::header;

use crate::authorize::{back, sign_in};
use crate::behaviour::Endpoint;
use crate::parameters::Parameters;
use crate::person::Person;
use crate::refusal::{Refusal, escape};
use crate::state::{Pending, Shared};

/// `name`: of what is pending. Who is hinted at comes first.
pub(crate) fn page(name: &str, pending: &Pending, people: &[Person], hint: Option<&str>) -> Response {
    let is_hinted = |person: &&Person| hint.is_some() && person.email.as_deref() == hint;
    let (first, others): (Vec<&Person>, Vec<&Person>) = people.iter().partition(is_hinted);
    let button = |person: &&Person| {
        let [user, name] = [&person.user, &person.name].map(|text| escape(text));
        let email = escape(person.email.as_deref().unwrap_or("no e-mail address"));
        format!("<li><button name=\"user\" value=\"{user}\">{name}<br><small>{email}</small></button></li>\n")
    };
    let buttons: String = first.iter().chain(&others).map(button).collect();
    let provider = if pending.realm.is_entra() { "Mock Entra ID" } else { "Mock OpenID provider" };
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Sign in - {provider}</title>\n<style>{STYLE}</style></head>\n\
         <body><main>\n<h1>Who are you?</h1>\n<p>{provider} signs you in for the app {app}.</p>\n\
         <form method=\"post\" action=\"/sign-in\">\n<input type=\"hidden\" name=\"request\" value=\"{name}\">\n\
         <ul>\n{buttons}</ul>\n<button name=\"cancel\" value=\"yes\">Cancel</button>\n\
         </form>\n</main></body>\n</html>\n",
        app = escape(&pending.client.id),
    );
    ([(header::CACHE_CONTROL, "no-store"), (header::X_FRAME_OPTIONS, "DENY")], Html(html)).into_response()
}

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;margin:0;color:#1a1a1a;background:#fff}\
    main{max-width:28rem;margin:0 auto;padding:1rem}ul{list-style:none;padding:0}\
    button{font:inherit;color:inherit;background:#f2f2f2;border:1px solid #595959;border-radius:.25rem;\
    padding:.5rem .75rem;margin:.25rem 0;width:100%;text-align:left}";

pub(crate) async fn chosen(State(shared): State<Arc<Shared>>, body: String) -> Response {
    let form = Parameters::parse(&body);
    if let Some(fault) = shared.meet(Endpoint::SignIn, "/sign-in", &form).await {
        return fault;
    }
    let name = form.get("request").unwrap_or_default();
    let (pending, person) = {
        let mut state = shared.state();
        let person = state.person(form.get("user").unwrap_or_default()).cloned();
        (state.pending.take(name), person)
    };
    let Some(pending) = pending else {
        return Refusal::request("this sign-in is over, or was never begun: begin anew at the app").page();
    };
    if form.get("cancel").is_some() {
        let description = "AADSTS65004: User declined to consent to access the app.";
        return back(&shared, &pending, &[("error", "access_denied"), ("error_description", description)]);
    }
    match person {
        Some(person) => sign_in(&shared, pending, &person),
        None => Refusal::request("there is no such person").page(),
    }
}
