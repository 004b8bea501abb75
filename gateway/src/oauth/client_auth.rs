//! Who calls the token endpoint and those beside it (RFC 6749 §2.3, RFC 7523): by one way alone.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::key::secret::ParsedKey;
use events::digest::{DigestBytes, KeyDigest};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jsonwebtoken::jwk::JwkSet;
use projections::directory::ClientSecret;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::assertion::{self, Assertion, AssertionFault, Expected};
use super::client_id::ClientName;
use super::client_metadata::{Authentication, ClientKeys};
use super::clients::{Client, ClientFault, Known};
use super::error::{Code, OauthError};
use super::metadata::path;
use super::parameters::Parameters;
use super::remote::FetchFault;
use super::state::Accounts;
use crate::passing::Passes;

/// How a request says who it is.
enum Presented<'a> {
    Nothing { client: &'a str },
    Secret { client: Zeroizing<String>, secret: Zeroizing<String> },
    Assertion { client: String, token: &'a str },
}

/// An assertion's id that was used: it is none a second time.
#[derive(Serialize, Deserialize)]
struct Used {}

impl Passes for Used {
    const KIND: &'static str = "assertion";
}

/// A key that nobody knows may be a new one: the client's keys are fetched once more, if that was not done just now.
const NEWER: Duration = Duration::from_secs(30);

/// The client that calls. `was_public`: it came without a proof when its grant was given, and a document that it changed
/// since asks for none now (a proof that is presented is judged all the same).
pub async fn authenticate(
    accounts: &Accounts,
    headers: &HeaderMap,
    parameters: &Parameters,
    was_public: bool,
) -> Result<Client, OauthError> {
    let presented = Presented::read(headers, parameters)?;
    let refused = |problem: &str| OauthError::new(Code::InvalidClient, problem);
    let name = ClientName::parse(presented.client(), accounts.takes_plain_documents())
        .map_err(|fault| OauthError::new(Code::InvalidClient, fault))?;
    let due = accounts.clients.due();
    let client = accounts.clients.find(&name, due).await.map_err(refusal)?;
    match (&client.metadata.authentication, &presented) {
        (Authentication::None, Presented::Nothing { .. }) => {}
        (Authentication::PrivateKey { or_none, .. }, Presented::Nothing { .. }) if *or_none || was_public => {
        }
        (Authentication::Secret { .. }, Presented::Nothing { .. }) if was_public => {}
        (Authentication::Secret { .. }, Presented::Secret { secret, .. }) => {
            if !is_secret(accounts, &client, secret) {
                return Err(refused("the client's secret is wrong"));
            }
        }
        (Authentication::PrivateKey { keys, algorithm, .. }, Presented::Assertion { token, .. }) => {
            let proof = judged(accounts, presented.client(), keys, *algorithm, token, due).await?;
            used(accounts, presented.client(), &proof).await?;
        }
        (Authentication::None, Presented::Secret { .. } | Presented::Assertion { .. }) => {
            return Err(refused(
                "the client is registered without a secret and without keys: send `client_id` alone",
            ));
        }
        (Authentication::Secret { .. }, Presented::Nothing { .. } | Presented::Assertion { .. }) => {
            return Err(refused("the client is registered with a secret: send that"));
        }
        (Authentication::PrivateKey { .. }, Presented::Nothing { .. } | Presented::Secret { .. }) => {
            return Err(refused(
                "the client is registered with keys: send an assertion that one of them signed",
            ));
        }
    }
    Ok(client)
}

/// Why a client is not known, at an endpoint that answers in JSON.
pub fn refusal(fault: ClientFault) -> OauthError {
    match fault {
        ClientFault::Unknown | ClientFault::Disabled => OauthError::new(Code::InvalidClient, fault),
        ClientFault::Document(FetchFault::Unfit(_)) => OauthError::new(Code::InvalidClient, fault),
        ClientFault::Document(_) | ClientFault::Passing(_) | ClientFault::Closed => {
            OauthError::unavailable(fault)
        }
    }
}

/// Secrets have a key's form, and the log and the bucket their digests (RFC 6749 §2.3.1).
fn is_secret(accounts: &Accounts, client: &Client, secret: &str) -> bool {
    let Ok(secret) = ParsedKey::parse(secret) else { return false };
    let now = accounts.clock.now();
    let known: Vec<DigestBytes> = match &client.known {
        Known::Recorded(entry) => {
            let stands = |secret: &&ClientSecret| secret.expires_at.is_none_or(|until| now < until);
            entry.secrets.iter().filter(stands).map(|secret| secret.digest).collect()
        }
        Known::Registered(registered) => registered.secret.iter().map(|digest| digest.bytes).collect(),
        Known::Published => Vec::new(),
    };
    let same = |digest: KeyDigest| {
        known.iter().any(|known| bool::from(known.0.ct_eq(&digest.bytes.0))).then_some(())
    };
    accounts.peppers.find(&secret, same).is_some()
}

async fn judged(
    accounts: &Accounts,
    client: &str,
    keys: &ClientKeys,
    algorithm: Option<super::client_metadata::AssertionAlgorithm>,
    token: &str,
    due: std::time::Instant,
) -> Result<Assertion, OauthError> {
    let token_endpoint = accounts.issuer.at(path::TOKEN);
    let audiences = [accounts.issuer.as_str(), token_endpoint.as_str()];
    let judge = |keys: &JwkSet| {
        let now = accounts.clock.now();
        assertion::judge(token, &Expected { client, keys, algorithm, audiences: &audiences, now })
    };
    let fetched = |fault: FetchFault| match fault {
        FetchFault::Unfit(_) => OauthError::new(Code::InvalidClient, format!("the client's keys: {fault}")),
        FetchFault::Timeout(_)
        | FetchFault::Busy(_)
        | FetchFault::Unreachable(..)
        | FetchFault::Status(..)
        | FetchFault::Type(_)
        | FetchFault::TooLong(..) => {
            OauthError::unavailable(format!("the client's keys can't be had: {fault}"))
        }
    };
    let proof = match keys {
        ClientKeys::Given(keys) => judge(keys),
        ClientKeys::At(url) => {
            let known = accounts.clients.keys(url, due, Duration::MAX).await.map_err(fetched)?;
            match judge(&known) {
                Err(AssertionFault::UnknownKey | AssertionFault::Signature) => {
                    judge(&*accounts.clients.keys(url, due, NEWER).await.map_err(fetched)?)
                }
                judged => judged,
            }
        }
    };
    proof.map_err(|fault| OauthError::new(Code::InvalidClient, format!("the client's assertion: {fault}")))
}

/// RFC 7523 §3: an assertion counts once, on all control processes together.
async fn used(accounts: &Accounts, client: &str, proof: &Assertion) -> Result<(), OauthError> {
    let left = proof.expires_at.saturating_sub(accounts.clock.now().unix_seconds());
    let lasts = Duration::from_secs(u64::try_from(left).unwrap_or(0) + 120);
    let name = format!("{} {client}{}", client.len(), proof.id);
    let first = accounts.passing.create(&name, &Used {}, lasts).await;
    match first {
        Ok(true) => Ok(()),
        Ok(false) => {
            Err(OauthError::new(Code::InvalidClient, "the client's assertion was used before (`jti`)"))
        }
        Err(error) => Err(OauthError::unavailable(error)),
    }
}

impl<'a> Presented<'a> {
    fn read(headers: &HeaderMap, parameters: &'a Parameters) -> Result<Self, OauthError> {
        let mut ways: Vec<Self> = Vec::new();
        let client_id = parameters.get("client_id");
        if let Some((client, secret)) = basic(headers)? {
            ways.push(Self::Secret { client, secret });
        }
        if let Some(secret) = parameters.get("client_secret") {
            let client = client_id.ok_or_else(|| OauthError::invalid_request("`client_id` is missing"))?;
            let owned = |text: &str| Zeroizing::new(text.to_owned());
            ways.push(Self::Secret { client: owned(client), secret: owned(secret) });
        }
        match (parameters.get("client_assertion"), parameters.get("client_assertion_type")) {
            (None, None) => {}
            (Some(token), Some(assertion::TYPE)) => {
                let claimed = assertion::claimed(token).map_err(|fault| {
                    OauthError::new(Code::InvalidClient, format!("the client's assertion: {fault}"))
                })?;
                ways.push(Self::Assertion { client: claimed.client, token });
            }
            (Some(_), _) | (None, Some(_)) => {
                let problem = format!(
                    "an assertion comes as `client_assertion` with `client_assertion_type` {}",
                    assertion::TYPE
                );
                return Err(OauthError::invalid_request(problem));
            }
        }
        let way = match (ways.pop(), client_id) {
            (Some(way), _) => way,
            (None, Some(client)) => Self::Nothing { client },
            (None, None) => {
                return Err(OauthError::new(
                    Code::InvalidClient,
                    "the request names no client (`client_id`)",
                ));
            }
        };
        if !ways.is_empty() {
            // RFC 6749 §2.3: never more than one.
            return Err(OauthError::invalid_request("the client proves in several ways who it is: use one"));
        }
        if client_id.is_some_and(|id| id != way.client()) {
            return Err(OauthError::invalid_request("`client_id` is another one than the proof's"));
        }
        Ok(way)
    }

    fn client(&self) -> &str {
        match self {
            Self::Nothing { client } => client,
            Self::Secret { client, .. } => client,
            Self::Assertion { client, .. } => client,
        }
    }
}

/// A user and a password.
type Basic = (Zeroizing<String>, Zeroizing<String>);

/// `Authorization: Basic`, of which both parts are form-encoded (RFC 6749 §2.3.1).
fn basic(headers: &HeaderMap) -> Result<Option<Basic>, OauthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let wrong = || OauthError::new(Code::InvalidClient, "`Authorization` is no Basic credential (RFC 7617)");
    let text = value.to_str().map_err(|_| wrong())?;
    let (scheme, encoded) = text.split_once(' ').ok_or_else(wrong)?;
    if values.next().is_some() || !scheme.eq_ignore_ascii_case("basic") || encoded.len() > 4_096 {
        return Err(wrong());
    }
    let decoded = Zeroizing::new(STANDARD.decode(encoded.trim()).map_err(|_| wrong())?);
    let at = decoded.iter().position(|byte| *byte == b':').ok_or_else(wrong)?;
    let part = |bytes: &[u8]| -> Result<Zeroizing<String>, OauthError> {
        let spaced: Zeroizing<Vec<u8>> =
            bytes.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect::<Vec<_>>().into();
        let text = percent_encoding::percent_decode(&spaced).decode_utf8().map_err(|_| wrong())?;
        Ok(Zeroizing::new(text.into_owned()))
    };
    let user = part(decoded.get(..at).unwrap_or_default())?;
    let password = part(decoded.get(at + 1..).unwrap_or_default())?;
    Ok(Some((user, password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(authorization: Option<&str>, form: &str) -> Result<(String, &'static str), Code> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, value.parse().unwrap());
        }
        let parameters = Parameters::parse(form.as_bytes(), 10_000).unwrap();
        let presented = Presented::read(&headers, &parameters).map_err(|error| error.code)?;
        let way = match &presented {
            Presented::Nothing { .. } => "nothing",
            Presented::Secret { .. } => "secret",
            Presented::Assertion { .. } => "assertion",
        };
        Ok((presented.client().to_owned(), way))
    }

    fn base64(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn a_client_says_in_one_way_who_it_is() {
        let of = |client: &str, way| Ok((client.to_owned(), way));
        assert_eq!(read(None, "client_id=a"), of("a", "nothing"));
        assert_eq!(read(None, "client_id=a&client_secret="), of("a", "nothing"));
        assert_eq!(read(None, "client_id=a&client_secret=s"), of("a", "secret"));
        assert_eq!(
            read(Some(&base64("https%3A%2F%2Fa.example%2Fc:s")), ""),
            of("https://a.example/c", "secret")
        );
        assert_eq!(read(Some(&base64("a:s")), "client_id=a"), of("a", "secret"));
        for (authorization, form, code) in [
            (None, "", Code::InvalidClient),
            (None, "client_secret=s", Code::InvalidRequest),
            (Some(base64("a:s")), "client_id=a&client_secret=s", Code::InvalidRequest),
            (Some(base64("a:s")), "client_id=b", Code::InvalidRequest),
            (Some(base64("nocolon")), "", Code::InvalidClient),
            (Some("Bearer x".to_owned()), "client_id=a", Code::InvalidClient),
            (None, "client_id=a&client_assertion=x", Code::InvalidRequest),
            (None, "client_id=a&client_assertion_type=x&client_assertion=y", Code::InvalidRequest),
        ] {
            assert_eq!(read(authorization.as_deref(), form), Err(code), "{form}");
        }
    }
}
