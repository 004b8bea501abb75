//! What of each request is told to `crate::access`: seen from outside, when it has been answered, with what was learnt
//! on the way of who asks. Which routes answer with what people wrote stands here.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{ConnectInfo, FromRequestParts, RawPathParams};
use axum::response::Response;
use events::{KeyId, OrganizationId, Owner};
use http::Method;
use http::request::Parts;
use uuid::Uuid;

use super::ApiState;
use crate::access::{Kind, Told, Who};
use crate::request::{AuthenticationError, Principal};

/// Whose answers hold what people wrote: names, reasons, metadata.
const TEXTS: [&str; 37] = [
    "/api/v1/organizations",
    "/api/v1/organizations/{organization}",
    "/api/v1/organizations/{organization}/history",
    "/api/v1/organizations/{organization}/events",
    "/api/v1/organizations/{organization}/servers",
    "/api/v1/organizations/{organization}/servers/{server}",
    "/api/v1/organizations/{organization}/keys",
    "/api/v1/organizations/{organization}/keys/{key}",
    "/api/v1/organizations/{organization}/keys/{key}/history",
    "/api/v1/organizations/{organization}/webhooks",
    "/api/v1/organizations/{organization}/webhooks/{webhook}",
    "/api/v1/organizations/{organization}/webhooks/{webhook}/dead",
    "/api/v1/installation/webhooks",
    "/api/v1/installation/webhooks/{webhook}",
    "/api/v1/installation/webhooks/{webhook}/dead",
    "/api/v1/organizations/{organization}/issuers",
    "/api/v1/organizations/{organization}/issuers/{issuer}",
    "/api/v1/installation/issuers",
    "/api/v1/installation/issuers/{issuer}",
    "/api/v1/organizations/{organization}/clients",
    "/api/v1/organizations/{organization}/clients/{client}",
    "/api/v1/clients",
    "/api/v1/clients/{client}",
    "/api/v1/organizations/{organization}/approvals",
    "/api/v1/installation/keys",
    "/api/v1/installation/keys/{key}",
    "/api/v1/installation/keys/{key}/history",
    "/api/v1/events",
    "/api/v1/people",
    "/api/v1/people/{person}",
    "/api/v1/organizations/{organization}/members",
    "/api/v1/organizations/{organization}/members/{person}",
    "/api/v1/organizations/{organization}/invitations",
    "/api/v1/organizations/{organization}/invitations/{invitation}",
    "/api/v1/organizations/{organization}/grants",
    "/api/v1/organizations/{organization}/grants/{grant}",
    "/api/v1/organizations/{organization}/consents",
];

/// Whose answers hold records of access, addresses among them.
const ACCESS: [&str; 2] = ["/api/v1/access", "/api/v1/organizations/{organization}/access"];

/// What is learnt of who asks, among a request's extensions.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<Asker>>);

#[derive(Clone, Copy, Default)]
enum Asker {
    #[default]
    Nobody,
    LetIn(Who),
    /// And why it was not let in.
    Refused(Who, &'static str),
    /// A credential that nobody has.
    Unknown,
}

/// A request, before it is answered.
pub struct Asked {
    id: Uuid,
    method: Method,
    route: String,
    ids: BTreeMap<String, Uuid>,
    /// The connection's other end, such as a proxy.
    peer: Option<IpAddr>,
    seen: Seen,
}

/// Among an answer's extensions: the kind of problem that it is.
#[derive(Clone)]
pub struct ProblemName(pub String);

impl Seen {
    pub fn let_in(&self, principal: &Principal) {
        self.set(Asker::LetIn(who(principal)));
    }

    /// It is known, and not let in.
    pub fn refused(&self, principal: &Principal, reason: &'static str) {
        self.set(Asker::Refused(who(principal), reason));
    }

    pub fn unknown(&self) {
        self.set(Asker::Unknown);
    }

    fn set(&self, asker: Asker) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = asker;
    }

    fn get(&self) -> Asker {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Here nobody asks but by a key.
fn who(principal: &Principal) -> Who {
    Who { key: KeyId::new(principal.id().uuid()), owner: principal.owner() }
}

/// Whether a credential was sent that nobody has.
pub fn is_unknown(error: AuthenticationError) -> bool {
    matches!(error.name(), "unknown" | "malformed" | "two_credentials")
}

impl Asked {
    /// Looks at a request on its way in.
    pub async fn of(parts: &mut Parts, id: Uuid, route: &str) -> Self {
        let seen = Seen::default();
        parts.extensions.insert(seen.clone());
        let ids = match RawPathParams::from_request_parts(parts, &()).await {
            // What is no id may be anything.
            Ok(named) => {
                named.iter().filter_map(|(name, id)| Some((name.to_owned(), id.parse().ok()?))).collect()
            }
            Err(_) => BTreeMap::new(),
        };
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|ConnectInfo(peer)| peer.ip().to_canonical());
        Self { id, method: parts.method.clone(), route: route.to_owned(), ids, peer, seen }
    }

    /// Tells what came of it.
    pub fn answered(self, api: &ApiState, response: &Response) {
        let Some(access) = &api.access else { return };
        let (who, refused) = match self.seen.get() {
            Asker::Nobody => return,
            Asker::Unknown => return access.recorder.unknown(),
            Asker::LetIn(who) => (who, None),
            Asker::Refused(who, reason) => (who, Some(reason)),
        };
        let problem = response.extensions().get::<ProblemName>();
        let told = |kind, about| Told {
            request: Some(self.id),
            method: Some(self.method.to_string()),
            route: Some(self.route.clone()),
            ids: self.ids.clone(),
            status: Some(response.status().as_u16()),
            problem: problem.map(|ProblemName(name)| name.clone()),
            reason: refused,
            address: self.peer,
            ..Told::new(kind, access.recorder.now(), Some(who), about)
        };
        if refused.is_some() {
            return access.recorder.tell(told(Kind::AuthenticationRefused, who.owner));
        }
        access.recorder.tell(told(Kind::AuthenticationAccepted, who.owner));
        if let Some(kind) = self.kind(response) {
            access.recorder.tell(told(kind, self.about(api, who)));
        }
    }

    fn kind(&self, response: &Response) -> Option<Kind> {
        let status = response.status();
        match self.method {
            Method::GET if !status.is_success() => None,
            Method::GET if TEXTS.contains(&self.route.as_str()) => Some(Kind::TextRead),
            Method::GET if ACCESS.contains(&self.route.as_str()) => Some(Kind::AccessRead),
            Method::GET | Method::HEAD | Method::OPTIONS => None,
            _ => status.is_client_error().then_some(Kind::CommandRefused),
        }
    }

    /// Who may read of it: the organization that was asked about, where there is one that the key reaches.
    fn about(&self, api: &ApiState, who: Who) -> Owner {
        let named = self.ids.get("organization").map(|id| OrganizationId::new(*id));
        let reached = named.filter(|id| {
            let owner = Owner::Organization(*id);
            who.owner == owner
                || (who.owner == Owner::Installation && api.directory.organization(*id).is_some())
        });
        reached.map_or(who.owner, Owner::Organization)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Answers that hold nothing that people wrote.
    const BARE: [&str; 14] = [
        "/api/v1/openapi.json",
        "/api/v1/caller",
        "/api/v1/status",
        "/api/v1/fleet",
        "/api/v1/fleet/proof",
        "/api/v1/signers",
        "/api/v1/oauth/attempts",
        "/api/v1/token-keys",
        "/api/v1/people/{person}/sessions",
        "/api/v1/resolve",
        "/api/v1/presets",
        "/api/v1/organizations/{organization}/webhooks/{webhook}/deliveries",
        "/api/v1/installation/webhooks/{webhook}/deliveries",
        "/api/v1/organizations/{organization}/forgotten",
    ];

    #[test]
    fn of_each_read_it_is_known_whether_it_holds_what_people_wrote() {
        let document = crate::api::document::document();
        let reads = document.paths.paths.iter().filter(|(_, item)| item.get.is_some());
        let reads: BTreeSet<&str> = reads.map(|(path, _)| path.as_str()).collect();
        let known: Vec<&str> = [&TEXTS[..], &ACCESS, &BARE].concat();
        assert_eq!(reads, known.iter().copied().collect(), "add it to TEXTS, ACCESS or BARE");
        assert_eq!(reads.len(), known.len());
    }
}
