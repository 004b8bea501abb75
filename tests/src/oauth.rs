//! An OAuth client of the tests, step by step, so that each step can be bent: metadata, registration, authorization request,
//! redemption. Official clients, which can't be bent, are in [`crate::clients::signing_in`].

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::clock::{Random, SystemRandom};
use serde_json::Value;
use url::Url;

use crate::wire::{Answer, Ask};

#[cfg(test)]
mod tests;

/// What an authorization server says of itself (RFC 8414, OpenID Connect Discovery).
#[derive(Clone, Debug)]
pub struct Server(pub Value);

/// A client, as it is known to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    pub id: String,
    pub secret: Option<String>,
    pub redirect: String,
}

/// An authorization request, and what belongs to it and stays with the client.
#[derive(Clone, Debug)]
pub struct Authorization {
    pub parameters: BTreeMap<String, String>,
    /// RFC 7636 §4.1.
    pub verifier: String,
}

/// Gets a URL of this machine.
pub async fn get(url: &str) -> Answer {
    let (to, path) = place(url);
    Ask::get(path).send(to).await
}

/// Posts a form to a URL of this machine.
pub async fn post(url: &str, form: &[(&str, &str)]) -> Answer {
    let (to, path) = place(url);
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    Ask::new("POST", path)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(body)
        .send(to)
        .await
}

/// Posts JSON to a URL of this machine.
pub async fn post_json(url: &str, body: &Value) -> Answer {
    let (to, path) = place(url);
    Ask::post(path, body).send(to).await
}

fn place(url: &str) -> (std::net::SocketAddr, String) {
    let url = Url::parse(url).unwrap_or_else(|error| panic!("{url} is no URL: {error}"));
    let addresses = url.socket_addrs(|| None).unwrap_or_else(|error| panic!("{url}: {error}"));
    let to = addresses.into_iter().find(std::net::SocketAddr::is_ipv4);
    (to.unwrap_or_else(|| panic!("{url} is nowhere")), url[url::Position::BeforePath..].to_owned())
}

impl Server {
    /// From a metadata document.
    pub async fn at(document: &str) -> Self {
        Self(get(document).await.expect(200).json())
    }

    /// As a client finds it from a server's URL: the protected resource's metadata (RFC 9728 §3.1), its first
    /// authorization server, that one's metadata. The former comes along.
    pub async fn of(resource: &str) -> (Self, Value) {
        let url = Url::parse(resource).unwrap_or_else(|error| panic!("{resource}: {error}"));
        let origin = url.origin().ascii_serialization();
        let protected = format!("{origin}/.well-known/oauth-protected-resource{}", url.path());
        let protected = get(&protected).await.expect(200).json();
        let issuer = protected["authorization_servers"][0].as_str().unwrap_or_default();
        let server = Self::at(&format!("{issuer}/.well-known/oauth-authorization-server")).await;
        assert_eq!(server.0["issuer"], issuer, "RFC 8414 §3.3");
        (server, protected)
    }

    pub fn endpoint(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_else(|| panic!("the server has no {name}: {:#}", self.0))
    }

    /// Registers dynamically (RFC 7591).
    pub async fn register(&self, body: &Value) -> Answer {
        post_json(self.endpoint("registration_endpoint"), body).await
    }

    /// The address to send a browser to.
    pub fn authorize(&self, authorization: &Authorization) -> String {
        let mut url = Url::parse(self.endpoint("authorization_endpoint")).expect("a URL");
        url.query_pairs_mut().extend_pairs(&authorization.parameters);
        url.into()
    }

    /// Redeems a code as the client of this request does. `more` replaces parameters; an empty one is left out.
    pub async fn redeem(
        &self,
        client: &Client,
        authorization: &Authorization,
        code: &str,
        more: &[(&str, &str)],
    ) -> Answer {
        let mut form = BTreeMap::from([
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", client.redirect.as_str()),
            ("code_verifier", authorization.verifier.as_str()),
        ]);
        let resource = authorization.parameters.get("resource");
        form.extend(resource.map(|resource| ("resource", resource.as_str())));
        self.token(client, form, more).await
    }

    pub async fn refresh(&self, client: &Client, refresh: &str, more: &[(&str, &str)]) -> Answer {
        self.token(
            client,
            BTreeMap::from([("grant_type", "refresh_token"), ("refresh_token", refresh)]),
            more,
        )
        .await
    }

    async fn token<'a>(
        &self,
        client: &'a Client,
        mut form: BTreeMap<&'a str, &'a str>,
        more: &[(&'a str, &'a str)],
    ) -> Answer {
        form.insert("client_id", &client.id);
        form.extend(client.secret.as_deref().map(|secret| ("client_secret", secret)));
        form.extend(more.iter().copied());
        form.retain(|_, value| !value.is_empty());
        post(self.endpoint("token_endpoint"), &form.into_iter().collect::<Vec<_>>()).await
    }
}

impl Client {
    /// Of a registration's answer.
    pub fn registered(answer: &Value, redirect: &str) -> Self {
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        let id = text("client_id").unwrap_or_else(|| panic!("not registered: {answer:#}"));
        Self { id, secret: text("client_secret"), redirect: redirect.to_owned() }
    }

    /// A request as this client makes it, with a state and a verifier of its own.
    pub fn authorization(&self, scope: &str) -> Authorization {
        let verifier = drawn();
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        let parameters = [
            ("response_type", "code"),
            ("client_id", &self.id),
            ("redirect_uri", &self.redirect),
            ("scope", scope),
            ("state", &drawn()),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Authorization { parameters: BTreeMap::from(parameters), verifier }
    }
}

impl Authorization {
    /// With another value of this parameter.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.parameters.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.parameters.remove(name);
        self
    }

    pub fn state(&self) -> &str {
        self.parameters.get("state").map_or("", String::as_str)
    }
}

fn drawn() -> String {
    let mut bytes = [0; 32];
    SystemRandom.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}
