//! An authorization request (RFC 6749 §4.1.1 with RFC 7636, RFC 8707, RFC 9126), judged in two steps: who asks and where
//! the answer goes, of which a fault is shown on a page; then the rest, of which a fault goes back to the client.

use serde::{Deserialize, Serialize};
use url::Url;

use super::client_id::ClientName;
use super::client_metadata::ClientMetadata;
use super::error::{Code, OauthError};
use super::parameters::Parameters;
use super::pkce::Challenge;
use super::presets::Allowed;
use super::redirect::RedirectUri;
use super::resource::{Resource, ResourceFault};

/// A request in a query is at most so long, in bytes; one that is pushed likewise.
pub const MAX_BYTES: usize = 16 * 1_024;
const LONGEST_STATE: usize = 4_096;
const LONGEST_SCOPE: usize = 8_192;

/// Why nothing is sent anywhere: the person is told on a page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untold {
    #[error("The request names no client (`client_id`).")]
    NoClient,
    #[error("The request's `client_id` names no client: {0}.")]
    ClientName(String),
    #[error("The request names no address to answer to (`redirect_uri`), and the client has several.")]
    NoRedirect,
    #[error("The answer would go to {address}, which is no address of this client: {why}.")]
    Redirect { address: String, why: String },
}

/// What the client asked for, once that was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub challenge: Challenge,
    pub resource: Resource,
    /// As it came; it is judged when the server is known.
    pub scope: Option<String>,
    pub prompt: Prompt,
}

/// OpenID Connect Core §3.1.2.1, as far as it means something without an id token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    #[default]
    AsNeeded,
    /// Nothing may be shown.
    None,
    /// Consent is asked for again.
    Consent,
    /// The person signs in again.
    Login,
}

/// Who asks.
pub fn client(parameters: &Parameters, plain: bool) -> Result<ClientName, Untold> {
    let text = parameters.get("client_id").ok_or(Untold::NoClient)?;
    ClientName::parse(text, plain).map_err(|fault| Untold::ClientName(fault.to_string()))
}

/// Where the answer goes: the address that the request names and the client has registered. `private`: the addresses of
/// apps' own schemes that there are.
pub fn redirect(
    parameters: &Parameters,
    client: &ClientMetadata,
    private: &Allowed,
) -> Result<RedirectUri, Untold> {
    let Some(text) = parameters.get("redirect_uri") else {
        // OAuth 2.1 §4.1.1: it may be left out where there is but one, and that one is whole.
        return match client.redirect_uris.as_slice() {
            [one] if !one.is_loopback() => Ok(one.clone()),
            _ => Err(Untold::NoRedirect),
        };
    };
    let refuse = |why: String| Untold::Redirect { address: text.chars().take(200).collect(), why };
    let asked = RedirectUri::parse(text, private).map_err(|fault| refuse(fault.to_string()))?;
    if client.admits(&asked) {
        Ok(asked)
    } else {
        Err(refuse(
            "the client has not registered it, and addresses are compared letter by letter".to_owned(),
        ))
    }
}

/// `state`, which every answer gives back (RFC 6749 §4.1.2).
pub fn state(parameters: &Parameters) -> Result<Option<&str>, OauthError> {
    let state = parameters.get("state");
    if state.is_some_and(|state| state.len() > LONGEST_STATE) {
        return Err(OauthError::invalid_request(format!("`state` is longer than {LONGEST_STATE} bytes")));
    }
    Ok(state)
}

impl Ask {
    pub fn parse(parameters: &Parameters, public_url: &Url) -> Result<Self, OauthError> {
        let invalid = |problem: &str| Err(OauthError::invalid_request(problem));
        state(parameters)?;
        match parameters.get("response_type") {
            Some("code") => {}
            Some(_) => {
                return Err(OauthError::new(Code::UnsupportedResponseType, "`response_type` is code"));
            }
            None => return invalid("`response_type` is missing: it is code"),
        }
        if !matches!(parameters.get("response_mode"), None | Some("query")) {
            return invalid("`response_mode` is query");
        }
        if parameters.get("request").is_some() {
            let problem =
                "request objects (RFC 9101) are not taken: send the parameters themselves, or push them";
            return Err(OauthError::new(Code::RequestNotSupported, problem));
        }
        let method = parameters.get("code_challenge_method");
        let challenge = Challenge::parse(parameters.get("code_challenge"), method)
            .map_err(OauthError::invalid_request)?;
        let scope = parameters.get("scope");
        if scope.is_some_and(|scope| scope.len() > LONGEST_SCOPE) {
            return Err(OauthError::new(
                Code::InvalidScope,
                format!("`scope` is longer than {LONGEST_SCOPE} bytes"),
            ));
        }
        let resource = Resource::parse(parameters.get("resource"), public_url)
            .map_err(|fault: ResourceFault| OauthError::new(Code::InvalidTarget, fault))?;
        let prompt = Prompt::parse(parameters.get("prompt"))?;
        Ok(Self { challenge, resource, scope: scope.map(str::to_owned), prompt })
    }
}

impl Prompt {
    fn parse(text: Option<&str>) -> Result<Self, OauthError> {
        let mut prompt = Self::AsNeeded;
        let words: Vec<_> = text.unwrap_or_default().split(' ').filter(|word| !word.is_empty()).collect();
        for word in &words {
            prompt = match (*word, prompt) {
                ("none", _) if words.len() == 1 => Self::None,
                ("none", _) => return Err(OauthError::invalid_request("`prompt` none stands alone")),
                ("login" | "select_account", _) | ("consent", Self::Login) => Self::Login,
                ("consent", _) => Self::Consent,
                // What is unknown asks for nothing here.
                (_, prompt) => prompt,
            };
        }
        Ok(prompt)
    }
}

#[cfg(test)]
mod tests {
    use super::super::client_metadata::Source;
    use super::super::presets::Presets;
    use super::*;

    const GOOD: &str = "response_type=code&client_id=x&state=s&resource=https%3A%2F%2Fmcp.example.com%2Fmcp%2Facme%2Fdocs\
                        &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

    fn parse(text: &str) -> Result<Ask, OauthError> {
        let parameters = Parameters::parse(text.as_bytes(), MAX_BYTES).unwrap();
        Ask::parse(&parameters, &Url::parse("https://mcp.example.com").unwrap())
    }

    #[test]
    fn a_request_is_taken_and_what_is_unknown_with_it() {
        let ask = parse(&format!("{GOOD}&scope=+offline_access&prompt=consent&nonce=1&foo=bar")).unwrap();
        assert!(matches!(ask.resource, Resource::Server(_)));
        assert_eq!((ask.scope.as_deref(), ask.prompt), (Some(" offline_access"), Prompt::Consent));
    }

    #[test]
    fn each_fault_has_its_code() {
        for (change, code) in [
            (("response_type=code", "response_type=token"), Code::UnsupportedResponseType),
            (("response_type=code", "response_type=code+id_token"), Code::UnsupportedResponseType),
            (("response_type=code", "x=y"), Code::InvalidRequest),
            (("code_challenge=", "x="), Code::InvalidRequest),
            (("S256", "plain"), Code::InvalidRequest),
            (("state=s", "response_mode=fragment"), Code::InvalidRequest),
            (("state=s", "request=eyJ"), Code::RequestNotSupported),
            (("state=s", "prompt=none+login"), Code::InvalidRequest),
            (("mcp.example.com", "evil.example"), Code::InvalidTarget),
        ] {
            let text = GOOD.replacen(change.0, change.1, 1);
            assert_eq!(parse(&text).unwrap_err().code, code, "{change:?}");
        }
        let long = GOOD.replace("state=s", &format!("state={}", "s".repeat(4_097)));
        assert_eq!(parse(&long).unwrap_err().code, Code::InvalidRequest);
    }

    #[test]
    fn the_answer_goes_where_the_client_has_registered_or_nowhere() {
        let presets = Presets::new(&[]).unwrap();
        let answer = |registered: &str, asked: &str| {
            let metadata =
                format!(r#"{{"redirect_uris": {registered}, "token_endpoint_auth_method": "none"}}"#);
            let client = ClientMetadata::parse(metadata.as_bytes(), Source::Registration, &presets).unwrap();
            let parameters = Parameters::parse(asked.as_bytes(), MAX_BYTES).unwrap();
            redirect(&parameters, &client, &presets.private()).map(|uri| uri.to_string())
        };
        let claude = r#"["https://claude.ai/api/mcp/auth_callback"]"#;
        let loopback = r#"["http://localhost/callback"]"#;
        assert_eq!(answer(claude, "").as_deref(), Ok("https://claude.ai/api/mcp/auth_callback"));
        assert_eq!(answer(loopback, ""), Err(Untold::NoRedirect));
        let asked = "redirect_uri=http%3A%2F%2Flocalhost%3A5123%2Fcallback";
        assert_eq!(answer(loopback, asked).as_deref(), Ok("http://localhost:5123/callback"));
        for (registered, asked) in [
            (claude, asked),
            (claude, "redirect_uri=https%3A%2F%2Fclaude.ai%2Fapi%2Fmcp%2Fauth_callback%2F"),
            (claude, "redirect_uri=https%3A%2F%2Fclaude.ai%40evil.example%2Fapi%2Fmcp%2Fauth_callback"),
            (loopback, "redirect_uri=javascript%3Aalert(1)"),
            (loopback, "redirect_uri=http%3A%2F%2Flocalhost%2Fcallback%23x"),
        ] {
            assert!(matches!(answer(registered, asked), Err(Untold::Redirect { .. })), "{asked}");
        }
    }
}
