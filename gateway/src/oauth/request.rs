//! An authorization request under way: what the client asked for, kept until the person has decided.

use events::{OrganizationId, ScopeSet, ServerId};
use projections::directory::{OrganizationState, ServerState};
use serde::{Deserialize, Serialize};

use super::ask::{Ask, Prompt};
use super::error::{Code, OauthError};
use super::metadata::Issuer;
use super::pkce::Challenge;
use super::presets::Allowed;
use super::redirect::RedirectUri;
use super::resource::Resource;
use super::scope;
use super::state::Accounts;
use crate::passing::Passes;
use crate::request::resource::Address;

/// What was judged, and lies sealed in the bucket until its end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// `client_id`.
    pub client: String,
    pub answer: Answer,
    pub challenge: Challenge,
    pub organization: OrganizationId,
    pub server: ServerId,
    /// The canonical resource: a token's audience.
    pub resource: String,
    pub scopes: ScopeSet,
    /// A refresh token was asked for by `offline_access`.
    pub offline: bool,
    pub prompt: Prompt,
}

impl Passes for Request {
    const KIND: &'static str = "request";
}

/// Where a request is answered, and what every answer gives back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// As it was judged.
    pub redirect: String,
    pub state: Option<String>,
}

/// Parameters that a client pushed before (RFC 9126): taken once.
#[derive(Serialize, Deserialize)]
pub struct Pushed {
    pub client: String,
    /// As the form had them.
    pub parameters: Vec<(String, String)>,
}

impl Passes for Pushed {
    const KIND: &'static str = "pushed";
}

impl Answer {
    /// The address with a code, or with an error, and with `state` and `iss` in any case (RFC 9207 §2).
    fn with(&self, more: &[(&str, &str)], issuer: &Issuer, private: &Allowed) -> Option<String> {
        let redirect = RedirectUri::parse(&self.redirect, private).ok()?;
        let mut parameters = more.to_vec();
        if let Some(state) = &self.state {
            parameters.push(("state", state));
        }
        parameters.push(("iss", issuer.as_str()));
        Some(redirect.with(parameters))
    }

    pub fn error(&self, error: &OauthError, issuer: &Issuer, private: &Allowed) -> Option<String> {
        let said = [("error", error.code.as_str()), ("error_description", error.description())];
        self.with(&said, issuer, private)
    }

    pub fn code(&self, code: &str, issuer: &Issuer, private: &Allowed) -> Option<String> {
        self.with(&[("code", code)], issuer, private)
    }
}

impl Request {
    /// What a client asks for, judged against what there is.
    pub fn of(accounts: &Accounts, client: String, answer: Answer, ask: Ask) -> Result<Self, OauthError> {
        let address = match ask.resource {
            Resource::Server(address) => address,
            Resource::Implied => implied(accounts)?,
        };
        let unknown = || OauthError::new(Code::InvalidTarget, "`resource` names no MCP server that is here");
        let organization =
            accounts.directory.organization_by_slug(address.organization.as_str()).ok_or_else(unknown)?;
        let server =
            accounts.directory.server(organization.id, address.server.as_str()).ok_or_else(unknown)?;
        let stands = organization.state == OrganizationState::Active && server.state == ServerState::Enabled;
        if !stands {
            return Err(OauthError::new(Code::InvalidTarget, "the MCP server is not in use at the moment"));
        }
        let asked = scope::Asked::parse(ask.scope.as_deref(), &address.server)
            .map_err(|fault| OauthError::new(Code::InvalidScope, fault))?;
        Ok(Self {
            client,
            answer,
            challenge: ask.challenge,
            organization: organization.id,
            server: server.id,
            resource: address.identifier(&accounts.origin()),
            scopes: asked.scopes,
            offline: asked.offline,
            prompt: ask.prompt,
        })
    }
}

/// The server that is meant where none is named: the one that calls without a server's name go to, or the only one that
/// there is.
fn implied(accounts: &Accounts) -> Result<Address, OauthError> {
    let missing = || {
        let problem = "`resource` is missing (RFC 8707): it is the URL of the MCP server";
        OauthError::new(Code::InvalidTarget, problem)
    };
    if let Some(default) = &accounts.default_server {
        return Ok(default.clone());
    }
    let servers = accounts.directory.few_servers(1).ok_or_else(missing)?;
    let [server] = servers.as_slice() else { return Err(missing()) };
    let organization = accounts.directory.organization(server.organization).ok_or_else(missing)?;
    Ok(Address { organization: organization.slug.clone(), server: server.slug.clone() })
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::super::presets::Presets;
    use super::*;

    #[test]
    fn every_answer_names_its_issuer_and_gives_the_state_back() {
        let issuer = Issuer::of(&Url::parse("https://accounts.example.com").unwrap());
        let private = Presets::new(&[]).unwrap().private();
        let answer =
            Answer { redirect: "http://localhost:1/cb?x=1".to_owned(), state: Some("a&b=c".to_owned()) };
        let denied = OauthError::new(Code::AccessDenied, "no");
        assert_eq!(
            answer.error(&denied, &issuer, &private).unwrap(),
            "http://localhost:1/cb?x=1&error=access_denied&error_description=no&state=a%26b%3Dc\
             &iss=https%3A%2F%2Faccounts.example.com"
        );
        assert_eq!(
            answer.code("c", &issuer, &private).unwrap(),
            "http://localhost:1/cb?x=1&code=c&state=a%26b%3Dc&iss=https%3A%2F%2Faccounts.example.com"
        );
        let stateless = Answer { redirect: "http://localhost:1/cb".to_owned(), state: None };
        assert!(!stateless.code("c", &issuer, &private).unwrap().contains("state"));
        // One that is allowed no more is answered to no more.
        let gone = Answer { redirect: "evil://x".to_owned(), state: None };
        assert_eq!(gone.code("c", &issuer, &private), None);
    }
}
