//! To what belongs what an upstream gave by way of the gateway: a session, a task. Kept by no node: it stands in the
//! name that the client gets, sealed or signed.

use aws_lc_rs::digest::{Context, SHA256};
use projections::directory::ServerEntry;

use super::principal::{Principal, Who};

/// A server and a principal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Belonging {
    server: Part,
    /// Where the server was when it gave it.
    upstream: Part,
    principal: Part,
    /// For whom the principal speaks: its next key, too.
    holder: Part,
}

type Part = [u8; 16];
/// Its length in bytes.
pub const BELONGING: usize = 4 * size_of::<Part>();

/// What is another, the first that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    Server,
    Holder,
    /// Another key of the same holder.
    Credential,
    /// The server has moved.
    Address,
}

impl Belonging {
    pub fn of(server: &ServerEntry, principal: &Principal) -> Self {
        Self {
            server: *server.id.uuid().as_bytes(),
            upstream: address(server),
            principal: part(principal),
            holder: holder(principal),
        }
    }

    /// How it differs from this server and principal. For its own it costs no allocation.
    pub fn differs_from(&self, server: &ServerEntry, principal: &Principal) -> Option<Difference> {
        if self.server != *server.id.uuid().as_bytes() {
            return Some(Difference::Server);
        }
        if self.principal != part(principal) {
            let own = self.holder == holder(principal);
            return Some(if own { Difference::Credential } else { Difference::Holder });
        }
        (self.upstream != address(server)).then_some(Difference::Address)
    }

    pub fn bytes(&self) -> [u8; BELONGING] {
        let mut bytes = [0; BELONGING];
        let parts = [self.server, self.upstream, self.principal, self.holder];
        bytes.iter_mut().zip(parts.as_flattened()).for_each(|(to, from)| *to = *from);
        bytes
    }

    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (parts, []) = bytes.as_chunks() else { return None };
        let [server, upstream, principal, holder] = *parts else { return None };
        Some(Self { server, upstream, principal, holder })
    }
}

/// A key is itself; a client is the same for the same holder, whatever grant it has.
fn part(principal: &Principal) -> Part {
    match principal.who() {
        Who::Key(key) => *key.id.uuid().as_bytes(),
        Who::Grant(granted) => hash(&["client ", &granted.token.client_id]),
    }
}

fn address(server: &ServerEntry) -> Part {
    hash(&[server.upstream.url().as_str()])
}

fn holder(principal: &Principal) -> Part {
    hash(&[&principal.owner().to_string(), " ", &principal.subject()])
}

/// The start of SHA-256: 128 bits tell apart what stands in one sealed text.
fn hash(texts: &[&str]) -> Part {
    let mut context = Context::new(&SHA256);
    texts.iter().for_each(|text| context.update(text.as_bytes()));
    let mut part = Part::default();
    part.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    part
}
