//! What an issuer sends a browser back with (RFC 6749 §4.1.2, RFC 9207). It came through the browser: nothing of it is
//! believed before `state` and `iss` are right.

use events::issuer::{IssuerSettings, Protocol};
use url::form_urlencoded;

use super::discovery::Provider;
use super::entra;

/// The parameters of an authorization answer.
#[derive(Clone, Default)]
pub struct Callback {
    pub state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    description: Option<String>,
    issuer: Option<String>,
}

/// Why an answer does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    #[error(
        "The issuer sent you back with an answer that is none: `{0}` stands in it twice, or is too long."
    )]
    Form(&'static str),
    #[error("This answer belongs to another sign-in. Begin again.")]
    State,
    #[error("This sign-in took too long. Begin again.")]
    TooLate,
    #[error("The answer is of another issuer than the one that you were sent to. Begin again.")]
    Issuer,
    #[error("The issuer did not sign you in: {error}{}.", .description.as_ref().map(|it| format!(" ({it})")).unwrap_or_default())]
    Denied { error: String, description: Option<String> },
    #[error("The issuer sent you back without a code. Begin again.")]
    NoCode,
}

const LONGEST: usize = 8 * 1024;

impl Callback {
    /// Of a query, or of a form.
    pub fn parse(text: &str) -> Result<Self, CallbackError> {
        let mut answer = Self::default();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let (name, place) = match &*name {
                "state" => ("state", &mut answer.state),
                "code" => ("code", &mut answer.code),
                "error" => ("error", &mut answer.error),
                "error_description" => ("error_description", &mut answer.description),
                "iss" => ("iss", &mut answer.issuer),
                _ => continue,
            };
            if place.is_some() || value.len() > LONGEST {
                return Err(CallbackError::Form(name));
            }
            *place = Some(value.into_owned());
        }
        Ok(answer)
    }

    /// The code, if the answer is of this issuer. What another one says is not even told.
    pub(super) fn code(&self, settings: &IssuerSettings, provider: &Provider) -> Result<&str, CallbackError> {
        let of_issuer = match (&self.issuer, &settings.protocol) {
            (None, _) => !provider.names_itself,
            (Some(said), Protocol::OpenId { issuer }) => said == issuer.as_str(),
            (Some(said), Protocol::Entra { tenants, .. }) => {
                tenants.iter().any(|tenant| *said == entra::of_tenant(&provider.issuer, *tenant))
            }
        };
        if !of_issuer {
            return Err(CallbackError::Issuer);
        }
        if let Some(error) = &self.error {
            let description = self.description.as_deref().map(plain);
            return Err(CallbackError::Denied { error: plain(error), description });
        }
        self.code.as_deref().filter(|code| !code.is_empty()).ok_or(CallbackError::NoCode)
    }
}

/// Words of somebody else's, for people: bounded, and nothing but visible text.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(300).collect()
}
