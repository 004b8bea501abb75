//! The token endpoint: a code or a refresh token for tokens.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, Uri, header};
use serde_json::{Value, json};

use crate::authorize::resource;
use crate::behaviour::Endpoint;
use crate::client::{Client, authenticate};
use crate::id_token;
use crate::parameters::Parameters;
use crate::realm::{Realm, Version};
use crate::refusal::Refusal;
use crate::scopes;
use crate::state::{self, Given, Shared};

pub(crate) async fn token(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    uri: Uri,
    body: String,
) -> Response {
    let form = Parameters::parse(&body);
    if let Some(fault) = shared.meet(Endpoint::Token, uri.path(), &form).await {
        return fault;
    }
    match exchange(&shared, &Realm::of(uri.path()), &headers, &form) {
        Ok(answer) => ([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response(),
        Err(refusal) => refusal.json(),
    }
}

fn exchange(
    shared: &Shared,
    realm: &Realm,
    headers: &HeaderMap,
    form: &Parameters,
) -> Result<Value, Refusal> {
    if let Some(twice) = &form.twice {
        return Err(Refusal::request(format!("{twice} came more than once")));
    }
    let mut state = shared.state();
    let state = &mut *state;
    let client = authenticate(shared, state, realm, headers, form)?;
    let mut given = match form.get("grant_type") {
        Some("authorization_code") => by_code(shared, state, realm, &client, form)?,
        Some("refresh_token") => by_refresh(shared, state, realm, &client, form)?,
        Some(_) => {
            return Err(Refusal::entra(
                "unsupported_grant_type",
                "AADSTS70003",
                "The grant type is not supported.",
            ));
        }
        None => return Err(Refusal::missing("grant_type")),
    };
    if matches!(realm, Realm::Entra { version: Version::V2, .. }) {
        if let Some(asked) = form.get("scope") {
            given.asked.scopes = scopes::entra(Some(asked), &client, &state.clients)?;
        }
        resource(realm, form, &given.asked.scopes, state.behaviour.refuses_every_resource)?;
    }
    let lifetime = state.behaviour.lifetime_seconds;
    let scopes = given.asked.scopes.clone();
    let access = shared.draw();
    let mut answer = json!({
        "token_type": "Bearer",
        "scope": scopes.told(),
        "expires_in": lifetime,
        "access_token": access,
    });
    if scopes.has("openid") {
        let claims = id_token::claims(shared, state, &given);
        let algorithm = shared.algorithm(&given.asked.realm);
        answer["id_token"] = state.keys.token(algorithm, &state.behaviour, &claims).into();
    }
    if scopes.has("offline_access") {
        let refresh = shared.draw();
        answer["refresh_token"] = refresh.clone().into();
        let until = shared.now() + 90 * 24 * 3600;
        state.refresh.insert(refresh, Given { until, ..given.clone() });
    }
    given.until = shared.now() + lifetime;
    state.access.insert(access, given);
    Ok(answer)
}

fn by_code(
    shared: &Shared,
    state: &mut state::State,
    realm: &Realm,
    client: &Client,
    form: &Parameters,
) -> Result<Given, Refusal> {
    let code = form.get("code").ok_or_else(|| Refusal::missing("code"))?;
    // Used once, whatever comes of it.
    let used =
        || Refusal::grant("AADSTS54005", "OAuth2 Authorization code was already redeemed, or is none.");
    let given = state.codes.take(code).ok_or_else(used)?;
    if given.until < shared.now() {
        return Err(Refusal::grant("AADSTS70008", "The provided authorization code has expired."));
    }
    is_same(&given, realm, client)?;
    if form.get("redirect_uri") != Some(&given.asked.redirect) {
        let description =
            "The reply address does not match the reply address provided when requesting the code.";
        return Err(Refusal::grant("AADSTS500112", description));
    }
    let verifier = form.get("code_verifier");
    let shown = verifier.map(|verifier| URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())));
    if shown != given.asked.challenge {
        let description =
            "The Code_Verifier does not match the code_challenge supplied in the authorization request.";
        return Err(Refusal::grant("AADSTS501481", description));
    }
    Ok(given)
}

fn by_refresh(
    shared: &Shared,
    state: &mut state::State,
    realm: &Realm,
    client: &Client,
    form: &Parameters,
) -> Result<Given, Refusal> {
    let refresh = form.get("refresh_token").ok_or_else(|| Refusal::missing("refresh_token"))?;
    // Entra ID's can be used again.
    let once = state.behaviour.rotates_refresh && !realm.is_entra();
    let given = if once { state.refresh.take(refresh) } else { state.refresh.get(refresh).cloned() };
    let given = given.filter(|given| given.until >= shared.now());
    let gone = "The refresh token has expired due to inactivity, was revoked, or is none.";
    let mut given = given.ok_or_else(|| Refusal::grant("AADSTS700082", gone))?;
    is_same(&given, realm, client)?;
    // The person as they are now; a nonce is of the sign-in alone (OpenID Connect Core §12.2).
    if let Some(person) = state.person(&given.person.user) {
        given.person = person.clone();
    }
    given.asked.nonce = None;
    Ok(given)
}

fn is_same(given: &Given, realm: &Realm, client: &Client) -> Result<(), Refusal> {
    if given.asked.client.id != client.id || given.asked.realm != *realm {
        return Err(Refusal::grant("AADSTS70002", "The grant was given to another client, or elsewhere."));
    }
    Ok(())
}
