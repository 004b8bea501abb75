//! A code for tokens (OpenID Connect Core 1.0 §3.1.3).

use events::Owner;
use projections::directory::IssuerEntry;
use serde::Deserialize;
use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

use super::authorize::Kept;
use super::callback::plain;
use super::credential::Client;
use super::discovery::Provider;
use super::error::SignInError;
use super::secret_text::SecretText;
use super::web::{Answer, Web, WebError};

/// What the issuer gave.
pub(super) struct Tokens {
    pub id_token: SecretText,
    /// For the issuer's own resource, such as Microsoft Graph.
    pub access_token: Option<SecretText>,
}

#[derive(Deserialize)]
struct Given {
    id_token: Option<SecretText>,
    access_token: Option<SecretText>,
}

/// RFC 6749 §5.2.
#[derive(Deserialize)]
struct Denied {
    error: String,
    error_description: Option<String>,
}

pub(super) async fn redeem(
    web: &Web,
    entry: &IssuerEntry,
    provider: &Provider,
    client: &Client,
    code: &str,
    kept: &Kept,
) -> Result<Tokens, SignInError> {
    let answer = ask(web, entry.owner, provider, client, code, kept.verifier()).await;
    let answer = answer.map_err(SignInError::Exchange)?;
    if !answer.status.is_success() {
        return Err(match denied(&answer) {
            Some((error, description)) => SignInError::Refused { error, description },
            None => SignInError::Exchange(WebError::Status(answer.status.as_u16())),
        });
    }
    let given: Given = serde_json::from_slice(&answer.body)
        .map_err(|_| SignInError::Exchange(WebError::NoJson("it is no answer with tokens".to_owned())))?;
    let id_token = given.id_token.ok_or(SignInError::NoIdToken)?;
    Ok(Tokens { id_token, access_token: given.access_token })
}

/// Asks the token endpoint; what it answers is the caller's to judge.
pub(super) async fn ask(
    web: &Web,
    owner: Owner,
    provider: &Provider,
    client: &Client,
    code: &str,
    verifier: &str,
) -> Result<Answer, WebError> {
    let (form, authorization) = form(client, provider, code, verifier)?;
    web.post(owner, &provider.token, form, authorization.as_ref().map(|value| value.as_str())).await
}

/// The form, and the header `Authorization`.
fn form(
    client: &Client,
    provider: &Provider,
    code: &str,
    verifier: &str,
) -> Result<(Zeroizing<String>, Option<Zeroizing<String>>), WebError> {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", client.redirect())
        .append_pair("code_verifier", verifier);
    let authorization = client.authenticate(&mut form, provider)?;
    Ok((Zeroizing::new(form.finish()), authorization))
}

/// Why the token endpoint said no, in its own words.
pub(super) fn denied(answer: &Answer) -> Option<(String, Option<String>)> {
    let Denied { error, error_description } = serde_json::from_slice(&answer.body).ok()?;
    Some((plain(&error), error_description.as_deref().map(plain)))
}
