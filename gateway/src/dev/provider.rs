//! An identity provider for `keyledger dev`: two people and one click, so that sign-in can be tried without an account
//! anywhere. It listens on loopback alone, asks nobody for a password, and is no part of `serve`.
//!
//! OpenID Connect with the code flow (Core §3.1), PKCE (RFC 7636) and one confidential client. Its key is drawn at each
//! start and is told to nobody; what the next start needs (port and secret) its caller keeps.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::clock::{Clock, Random};
use http::{HeaderMap, StatusCode, Uri, header};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;
use zeroize::Zeroizing;

use self::ask::{Ask, Form};
use self::waiting::{Code, Waiting};
use super::Error;

mod ask;
mod page;
mod waiting;

/// The one client's id.
pub const CLIENT_ID: &str = "keyledger";

/// Somebody who can sign in.
#[derive(Debug)]
struct Person {
    /// For ever theirs: `sub` (Core §2).
    subject: &'static str,
    name: &'static str,
    /// Of a domain that belongs to nobody (RFC 2606 §2).
    email: &'static str,
    groups: &'static [&'static str],
}

const PEOPLE: [Person; 2] = [
    Person { subject: "ada", name: "Ada Adams", email: "ada@dev.test", groups: &["administrators", "staff"] },
    Person { subject: "sam", name: "Sam Smith", email: "sam@dev.test", groups: &["staff"] },
];

/// How long an id token is good for, in seconds.
const TOKEN_SECONDS: i64 = 300;
const MOST_BYTES: usize = 16 * 1024;

/// What a provider is started with.
pub struct ProviderOptions {
    /// On loopback; 0 takes a free one.
    pub port: u16,
    /// The client's secret of an earlier start; without it, one is drawn.
    pub secret: Option<Zeroizing<String>>,
    /// The one address that people are sent back to.
    pub redirect: Url,
}

/// A running provider. Dropped, it ends.
pub struct Provider {
    address: SocketAddr,
    secret: Zeroizing<String>,
    cancel: CancellationToken,
    tasks: JoinSet<()>,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Provider {
    pub async fn start(
        options: ProviderOptions,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, Error> {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let failed =
            |source| Error::Spawn { program: format!("the local identity provider (on {listen})"), source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map_err(|_| failed(std::io::Error::other("no key could be drawn")))?;
        let secret = options.secret.unwrap_or_else(|| Zeroizing::new(drawn(&*random)));
        let server = Arc::new(Server {
            issuer: format!("http://{address}"),
            kid: drawn(&*random),
            key,
            secret: secret.clone(),
            redirect: options.redirect,
            waiting: Mutex::default(),
            clock,
            random,
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/sign-in", post(sign_in))
            .route("/token", post(token))
            .layer(DefaultBodyLimit::max(MOST_BYTES))
            .with_state(server);
        let cancel = CancellationToken::new();
        let until = cancel.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let serving = axum::serve(listener, router).with_graceful_shutdown(until.cancelled_owned());
            if let Err(error) = serving.await {
                tracing::error!(%error, "the local identity provider has ended");
            }
        });
        Ok(Self { address, secret, cancel, tasks })
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// `http://127.0.0.1:PORT`
    pub fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn secret(&self) -> &str {
        &self.secret
    }

    pub async fn stop(mut self) {
        self.cancel.cancel();
        self.tasks.shutdown().await;
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

struct Server {
    issuer: String,
    kid: String,
    key: EcdsaKeyPair,
    secret: Zeroizing<String>,
    redirect: Url,
    waiting: Mutex<Waiting>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Server {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> i64 {
        self.clock.now().unix_seconds()
    }

    /// Sends a person back (RFC 6749 §4.1.2, RFC 9207).
    fn back(&self, state: Option<&str>, answer: &[(&str, &str)]) -> Response {
        let mut address = self.redirect.clone();
        address.query_pairs_mut().extend_pairs(answer).append_pair("iss", &self.issuer);
        if let Some(state) = state {
            address.query_pairs_mut().append_pair("state", state);
        }
        (StatusCode::SEE_OTHER, [(header::LOCATION, address.as_str()), NO_STORE]).into_response()
    }

    /// RFC 7515 §7.1, signed by ES256.
    fn signed(&self, claims: &Value) -> Option<String> {
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": self.kid});
        let [header, claims] = [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = format!("{header}.{claims}");
        let signature = self.key.sign(&SystemRandom::new(), message.as_bytes()).ok()?;
        Some(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref())))
    }
}

const NO_STORE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

fn drawn(random: &dyn Random) -> String {
    let mut bytes = Zeroizing::new([0; 24]);
    random.fill(&mut *bytes);
    URL_SAFE_NO_PAD.encode(bytes.as_slice())
}

async fn discovery(State(server): State<Arc<Server>>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", server.issuer);
    Json(json!({
        "issuer": server.issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "jwks_uri": at("/keys"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "scopes_supported": ["openid", "profile", "email"],
        "claims_supported": ["sub", "name", "email", "email_verified", "groups"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn keys(State(server): State<Arc<Server>>) -> Json<Value> {
    // 0x04, then the coordinates.
    let point = server.key.public_key().as_ref();
    let (x, y) = point.get(1..).unwrap_or_default().split_at(point.len() / 2);
    let [x, y] = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
    let key =
        json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": server.kid, "x": x, "y": y});
    Json(json!({ "keys": [key] }))
}

async fn authorize(State(server): State<Arc<Server>>, uri: Uri) -> Response {
    let form = Form::parse(uri.query().unwrap_or_default());
    if form.get("client_id") != Some(CLIENT_ID) || form.get("redirect_uri") != Some(server.redirect.as_str())
    {
        let known = format!("this provider knows one client, {CLIENT_ID}, at {}", server.redirect);
        return (StatusCode::BAD_REQUEST, known).into_response();
    }
    match Ask::read(&form) {
        Ok(ask) => {
            let name = drawn(&*server.random);
            let page = page::choose(&name, &PEOPLE);
            server.waiting().ask(name, ask);
            let framing = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
            ([NO_STORE, (header::CONTENT_SECURITY_POLICY, framing)], Html(page)).into_response()
        }
        Err(refused) => server
            .back(form.get("state"), &[("error", refused.error), ("error_description", refused.description)]),
    }
}

async fn sign_in(State(server): State<Arc<Server>>, body: String) -> Response {
    let form = Form::parse(&body);
    let Some(ask) = form.get("request").and_then(|name| server.waiting().asked(name)) else {
        let over = "this sign-in is over, or was never begun: begin anew where you came from";
        return (StatusCode::BAD_REQUEST, over).into_response();
    };
    let state = ask.state.clone();
    let chosen = PEOPLE.iter().find(|person| form.get("person") == Some(person.subject));
    let Some(person) = chosen else {
        return server.back(state.as_deref(), &[("error", "access_denied")]);
    };
    let code = drawn(&*server.random);
    server.waiting().code(code.clone(), Code { ask, person, made: server.now() });
    server.back(state.as_deref(), &[("code", &code)])
}

async fn token(State(server): State<Arc<Server>>, headers: HeaderMap, body: String) -> Response {
    let form = Form::parse(&body);
    let refused = |status: StatusCode, error: &str| {
        (status, [NO_STORE], Json(json!({ "error": error }))).into_response()
    };
    if !ask::is_client(&headers, &form, CLIENT_ID, &server.secret) {
        return refused(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    if form.get("grant_type") != Some("authorization_code") {
        return refused(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    // A code is used once, whatever comes of it.
    let code = form.get("code").and_then(|code| server.waiting().redeemed(code));
    let now = server.now();
    let Some(Code { ask, person, .. }) = code.filter(|code| {
        code.is_fresh(now)
            && code.ask.is_proved_by(form.get("code_verifier"))
            && form.get("redirect_uri") == Some(server.redirect.as_str())
    }) else {
        return refused(StatusCode::BAD_REQUEST, "invalid_grant");
    };
    let mut claims = json!({
        "iss": server.issuer,
        "sub": person.subject,
        "aud": CLIENT_ID,
        "iat": now,
        "exp": now + TOKEN_SECONDS,
        "auth_time": now,
        "name": person.name,
        "email": person.email,
        "email_verified": true,
        "groups": person.groups,
    });
    if let Some(nonce) = ask.nonce {
        claims["nonce"] = nonce.into();
    }
    let Some(id_token) = server.signed(&claims) else {
        return refused(StatusCode::INTERNAL_SERVER_ERROR, "server_error");
    };
    let answer = json!({
        "token_type": "Bearer",
        "expires_in": TOKEN_SECONDS,
        // For nothing here, and required (RFC 6749 §5.1).
        "access_token": drawn(&*server.random),
        "id_token": id_token,
        "scope": "openid profile email",
    });
    ([NO_STORE], Json(answer)).into_response()
}

#[cfg(test)]
mod tests;
