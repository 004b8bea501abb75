//! Why somebody can't sign in, in words for the person and for whoever looks after the issuer. None holds a secret, a
//! token, or what a claim says of somebody.

use super::callback::CallbackError;
use super::credential::CredentialError;
use super::known::Unknown;
use super::token::TokenError;
use super::web::WebError;
use crate::vault::VaultError;

#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    #[error("This way to sign in is not there any more, or is switched off.")]
    IssuerGone,
    #[error("The issuer can't be reached, or does not say what it must: {0}.")]
    Issuer(#[from] Unknown),
    #[error("{0}")]
    Callback(#[from] CallbackError),
    #[error("The gateway can't show the issuer who it is: {0}.")]
    Credential(#[from] CredentialError),
    #[error("The gateway's vault does not answer. Try again.")]
    Vault(#[from] VaultError),
    #[error("The issuer did not answer when the sign-in was to be finished: {0}.")]
    Exchange(WebError),
    /// RFC 6749 §5.2.
    #[error("The issuer refused to finish the sign-in: {error}{}.", told(.description))]
    Refused { error: String, description: Option<String> },
    #[error("The issuer's answer has no id token: `openid` must be among the scopes.")]
    NoIdToken,
    #[error("The issuer's word does not count: {0}.")]
    Token(#[from] TokenError),
    #[error(
        "You are in more groups than your identity provider tells in a sign-in, and which of them counts here can't be \
         known. Ask whoever looks after this sign-in to assign groups to the application, to use app roles, or to have \
         groups read from Microsoft Graph."
    )]
    TooManyGroups,
    #[error("Your identity provider does not tell `{0}` itself but points elsewhere, which is not followed.")]
    ClaimElsewhere(String),
    #[error("Your groups could not be read from Microsoft Graph: {0}.")]
    Graph(String),
    #[error(
        "Only people of some e-mail domains may sign in here, and your identity provider tells no address of yours."
    )]
    NoEmail,
    #[error(
        "Only people of some e-mail domains may sign in here, and your identity provider does not vouch for your address."
    )]
    UnverifiedEmail,
    #[error("People of your e-mail domain may not sign in here.")]
    OtherDomain,
    #[error(
        "Only some may sign in here, by what your identity provider says of them as `{0}`, and you are not among them."
    )]
    Required(String),
}

fn told(description: &Option<String>) -> String {
    description.as_ref().map(|description| format!(" ({description})")).unwrap_or_default()
}

impl SignInError {
    /// The same without what the provider says in words of its own: they may name a person.
    pub fn without_details(&self) -> String {
        match self {
            Self::Callback(CallbackError::Denied { error, .. }) => {
                format!("The issuer did not sign the person in: {error}.")
            }
            Self::Refused { error, .. } => format!("The issuer refused to finish the sign-in: {error}."),
            Self::IssuerGone
            | Self::Issuer(_)
            | Self::Callback(_)
            | Self::Credential(_)
            | Self::Vault(_)
            | Self::Exchange(_)
            | Self::NoIdToken
            | Self::Token(_)
            | Self::TooManyGroups
            | Self::ClaimElsewhere(_)
            | Self::Graph(_)
            | Self::NoEmail
            | Self::UnverifiedEmail
            | Self::OtherDomain
            | Self::Required(_) => self.to_string(),
        }
    }

    /// The person did not want to, or the issuer did not let them: there is nothing to mend here.
    pub fn is_the_persons(&self) -> bool {
        matches!(self, Self::Callback(CallbackError::Denied { .. }))
    }
}
