//! Tasks of keys that may call single tools: a key polls, reads and cancels the tasks that it made, and no others.
//!
//! An upstream's task ids are bare names that anybody may send. Such a key gets each with the tool that made it and a
//! signature over both and to whom they belong; every node reads that, and none keeps it. Whoever holds the whole
//! server may ask for any task and is given the upstream's own ids.

use std::sync::Arc;

use aws_lc_rs::digest::SHA256_OUTPUT_LEN;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use events::parts;
use events::scope::Thing;
use http::HeaderMap;
use projections::directory::ServerEntry;

use super::belonging::{BELONGING, Belonging};
use super::principal::Principal;
use crate::current::Current;
use crate::mcp::message::Member;
use crate::mcp::{Message, Needs, header, task};

/// Signs task ids and knows its own. The first key signs, all are known.
pub struct Tasks(Current<Vec<hmac::Key>>);

/// The ids of the tasks that one tool makes for one principal at one server.
pub struct Naming {
    keys: Arc<Vec<hmac::Key>>,
    belonging: [u8; BELONGING],
    tool: String,
}

/// An id that was given to somebody else, or that was altered: for who asks there is no such task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such task")]
pub struct UnknownTask;

/// The start of every id of ours.
const MARK: &str = "klt1.";
/// An upstream's id and a tool's name have at most this many bytes; others pass as they are.
const MAX: usize = 1_024;

/// A request that may make a task or asks for one, as it goes up.
pub struct Tasked {
    pub needs: Needs<'static>,
    pub body: Option<Bytes>,
    pub naming: Option<Naming>,
}

impl Tasks {
    /// `secrets`: of all nodes of the installation, the one in use first.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8; 32]>) -> Self {
        Self(Current::new(secrets.into_iter().map(key).collect()))
    }

    /// Others from now on.
    pub fn take<'a>(&self, secrets: impl IntoIterator<Item = &'a [u8; 32]>) {
        self.0.set(secrets.into_iter().map(key).collect());
    }

    /// What a message needs and how it goes up, as far as it is about tasks. `headers` follow the body. Each task that it
    /// mentions is one of the principal's own, of a tool that it may call, or the principal holds the whole server.
    pub fn judge(
        &self,
        message: &Message<'_>,
        needs: Needs<'_>,
        body: &Bytes,
        headers: &mut HeaderMap,
        server: &ServerEntry,
        principal: &Principal,
    ) -> Result<Tasked, UnknownTask> {
        let naming = |tool: &str| self.naming(tool, server, principal);
        let mut given = self.mentioned(message, server, principal)?;
        if let Needs::Task(id) = &needs
            && let Some(named) = Named::read(id)
        {
            let naming = naming(&named.tool);
            let own = naming.own(&named)?;
            if headers.remove(&header::NAME).is_some()
                && let Some(name) = header::encode(&own)
            {
                headers.insert(header::NAME, name);
            }
            given.add(id, own);
            let needs = Needs::Thing { kind: Thing::Tool, name: named.tool.into() };
            return Ok(Tasked { needs, body: given.rename(body)?, naming: Some(naming) });
        }
        match &needs {
            Needs::Thing { kind: Thing::Tool, name }
                if message.params.makes_task() && !principal.scopes().allows_whole_server(&server.slug) =>
            {
                let naming = naming(name);
                Ok(Tasked { needs: needs.into_owned(), body: given.rename(body)?, naming: Some(naming) })
            }
            Needs::Server
            | Needs::Thing { .. }
            | Needs::Resources(_)
            | Needs::WholeServer
            | Needs::Task(_)
            | Needs::Unnamed(_) => {
                Ok(Tasked { needs: needs.into_owned(), body: given.rename(body)?, naming: None })
            }
        }
    }

    /// The tasks that a message is about, beside the one that its method may be for.
    fn mentioned(
        &self,
        message: &Message<'_>,
        server: &ServerEntry,
        principal: &Principal,
    ) -> Result<Given, UnknownTask> {
        let mut given = Given::default();
        for id in message.tasks() {
            let named = match id {
                Member::Absent => continue,
                Member::Text(id) => Named::read(id).map(|named| (id, named)),
                Member::TooLong | Member::Other => None,
            };
            match named {
                Some((id, named)) => {
                    if !principal.scopes().allows_thing(&server.slug, Thing::Tool, &named.tool) {
                        return Err(UnknownTask);
                    }
                    given.add(id, self.naming(&named.tool, server, principal).own(&named)?);
                }
                None if principal.scopes().allows_whole_server(&server.slug) => {}
                None => return Err(UnknownTask),
            }
        }
        Ok(given)
    }

    fn naming(&self, tool: &str, server: &ServerEntry, principal: &Principal) -> Naming {
        let belonging = Belonging::of(server, principal).bytes();
        Naming { keys: self.0.get(), belonging, tool: tool.to_owned() }
    }
}

/// Another key than that of sessions, made of it.
fn key(secret: &[u8; 32]) -> hmac::Key {
    let of_sessions = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let own = hmac::sign(&of_sessions, b"keyledger task id v1");
    hmac::Key::new(hmac::HMAC_SHA256, own.as_ref())
}

/// The ids of ours in a message, each with the upstream's.
#[derive(Default)]
struct Given(Vec<(String, String)>);

impl Given {
    fn add(&mut self, given: &str, own: String) {
        self.0.push((given.to_owned(), own));
    }

    /// What goes up in place of the body; `None`: the body itself.
    fn rename(&self, body: &Bytes) -> Result<Option<Bytes>, UnknownTask> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let own = |id: &str| self.0.iter().find(|(given, _)| given == id).map(|(_, own)| own.clone());
        let text = std::str::from_utf8(body).ok().and_then(|text| task::renamed(text, own));
        // It was parsed before, and names the tasks.
        Ok(Some(Bytes::from_owner(InPlace { text: text.ok_or(UnknownTask)?, _of: body.clone() })))
    }
}

/// A body in place of another, whose share of the room for bodies it holds.
struct InPlace {
    text: String,
    _of: Bytes,
}

impl AsRef<[u8]> for InPlace {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

/// An id in our form, true or not.
struct Named<'a> {
    tag: Vec<u8>,
    tool: String,
    id: &'a str,
}

impl<'a> Named<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (sealed, id) = text.strip_prefix(MARK)?.split_once('.')?;
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (tag, tool) = bytes.split_at_checked(SHA256_OUTPUT_LEN)?;
        Some(Self { tag: tag.to_owned(), tool: String::from_utf8(tool.to_owned()).ok()?, id })
    }
}

impl Naming {
    /// The id that the client gets for the upstream's.
    pub fn give(&self, id: &str) -> Option<String> {
        if id.len() > MAX || self.tool.len() > MAX {
            return None;
        }
        let mut sealed = hmac::sign(self.keys.first()?, &self.signed(id)).as_ref().to_vec();
        sealed.extend_from_slice(self.tool.as_bytes());
        Some(format!("{MARK}{}.{id}", URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// The upstream's id, if this one was given by this very naming.
    fn own(&self, named: &Named<'_>) -> Result<String, UnknownTask> {
        let signed = self.signed(named.id);
        let is_own = self.keys.iter().any(|key| hmac::verify(key, &signed, &named.tag).is_ok());
        if is_own { Ok(named.id.to_owned()) } else { Err(UnknownTask) }
    }

    fn signed(&self, id: &str) -> Vec<u8> {
        parts::joined([&self.belonging[..], self.tool.as_bytes(), id.as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use events::UserId;
    use events::key::KeyOwner;
    use http::HeaderValue;
    use uuid::Uuid;

    use super::*;
    use crate::mcp;
    use crate::request::testing::{key, server};

    const URL: &str = "https://docs.example.com/mcp";

    fn holder() -> KeyOwner {
        KeyOwner::User { id: UserId::new(Uuid::from_u128(1)) }
    }

    fn principal(id: u128) -> Principal {
        key(id, holder(), "mcp:docs:tools:slow mcp:docs:tools:other")
    }

    fn judge(body: &str, server: &ServerEntry, principal: &Principal) -> Result<Tasked, UnknownTask> {
        let body = Bytes::from(body.to_owned());
        let message = Message::parse(&body).unwrap();
        let needs = mcp::needs(&message).unwrap();
        Tasks::new([&[7; 32]]).judge(&message, needs, &body, &mut HeaderMap::new(), server, principal)
    }

    fn call(params: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"slow",{params}}}}}"#)
    }

    fn get(id: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{{"taskId":"{id}"}}}}"#)
    }

    fn given() -> String {
        let made = judge(&call(r#""task":{}"#), &server(1, URL), &principal(2)).unwrap();
        made.naming.unwrap().give("up-1").unwrap()
    }

    #[test]
    fn the_maker_asks_for_its_task_on_any_node_as_for_the_tool() {
        let asked = judge(&get(&given()), &server(1, URL), &principal(2)).unwrap();
        assert_eq!(asked.body.unwrap(), get("up-1"));
        assert_eq!(asked.needs, Needs::Thing { kind: Thing::Tool, name: "slow".into() });
        // What the upstream says of it gets the name that the client has.
        assert_eq!(asked.naming.unwrap().give("up-1").unwrap(), given());
    }

    #[test]
    fn nobody_else_and_nowhere_else_is_there_such_a_task() {
        let given = given();
        let moved = server(1, "https://elsewhere.example.com/mcp");
        for (server, principal) in
            [(server(1, URL), principal(3)), (server(5, URL), principal(2)), (moved, principal(2))]
        {
            assert!(matches!(judge(&get(&given), &server, &principal), Err(UnknownTask)));
        }
        let (start, _) = given.rsplit_once('.').unwrap();
        let another = judge(&get(&format!("{start}.up-2")), &server(1, URL), &principal(2));
        assert!(matches!(another, Err(UnknownTask)), "an id under the signature of another");
    }

    #[test]
    fn the_upstreams_own_ids_are_for_the_whole_server() {
        for id in ["up-1", "klt1.", "klt1.x.up-1", "klt1.AAAA.up-1"] {
            let asked = judge(&get(id), &server(1, URL), &principal(2)).unwrap();
            assert_eq!(asked.needs, Needs::Task(id.into()));
            assert!(asked.body.is_none() && asked.naming.is_none());
            let docs = "docs".parse().unwrap();
            assert!(!asked.needs.met_by(principal(2).scopes(), &docs));
            assert!(asked.needs.met_by(&"mcp:docs".parse().unwrap(), &docs));
        }
    }

    /// Messages that mention a task, each in another place.
    fn mentioning(id: &str) -> [String; 5] {
        let related = format!(r#""_meta":{{"io.modelcontextprotocol/related-task":{{"taskId":"{id}"}}}}"#);
        [
            call(&format!(r#""arguments":{{}},{related}"#)),
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":1,{related}}}}}"#
            ),
            format!(r#"{{"jsonrpc":"2.0","id":7,"result":{{"action":"accept",{related}}}}}"#),
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{{"taskId":"{id}"}}}}"#
            ),
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/tasks/cancel","params":{{"taskId":"{id}"}}}}"#
            ),
        ]
    }

    #[test]
    fn a_task_that_is_mentioned_is_ones_own_and_goes_up_renamed() {
        let (given, whole) = (given(), key(2, holder(), "mcp:docs"));
        for (body, up) in mentioning(&given).iter().zip(mentioning("up-1")) {
            let own = judge(body, &server(1, URL), &principal(2)).unwrap();
            assert_eq!(own.body.as_deref(), Some(up.as_bytes()));
            // Whoever has the whole server mentions the upstream's own ids as well.
            assert_eq!(judge(&up, &server(1, URL), &whole).unwrap().body, None);
            assert_eq!(judge(body, &server(1, URL), &whole).unwrap().body.unwrap(), up);
        }
    }

    #[test]
    fn nobody_mentions_a_task_of_somebody_else() {
        let given = given();
        let narrower = key(2, holder(), "mcp:docs:tools:other");
        let (start, _) = given.rsplit_once('.').unwrap();
        for body in mentioning(&given) {
            for stranger in [&principal(3), &key(3, holder(), "mcp:docs"), &narrower] {
                assert!(matches!(judge(&body, &server(1, URL), stranger), Err(UnknownTask)), "{body}");
            }
        }
        for body in mentioning("up-1").into_iter().chain(mentioning(&format!("{start}.up-2"))) {
            assert!(matches!(judge(&body, &server(1, URL), &principal(2)), Err(UnknownTask)), "{body}");
        }
        let number = mentioning("up-1")[1].replace("\"up-1\"", "7");
        assert!(matches!(judge(&number, &server(1, URL), &principal(2)), Err(UnknownTask)));
    }

    #[test]
    fn a_poll_may_mention_the_task_that_it_is_for() {
        let given = given();
        let poll = |id: &str| {
            let related =
                format!(r#""_meta":{{"io.modelcontextprotocol/related-task":{{"taskId":"{id}"}}}}"#);
            get(id).replace("\"taskId\"", &format!("{related},\"taskId\""))
        };
        let asked = judge(&poll(&given), &server(1, URL), &principal(2)).unwrap();
        assert_eq!(asked.body.unwrap(), poll("up-1"));
    }

    #[test]
    fn only_a_call_that_may_make_a_task_has_its_answer_read() {
        let named = |params: &str, principal: &Principal| {
            judge(&call(params), &server(1, URL), principal).unwrap().naming.is_some()
        };
        let declared = |extension: &str| {
            format!(
                r#""_meta":{{"io.modelcontextprotocol/clientCapabilities":{{"extensions":{{"{extension}":{{}}}}}}}}"#
            )
        };
        assert!(named(r#""task":{"ttl":1}"#, &principal(2)));
        assert!(named(&declared("io.modelcontextprotocol/tasks"), &principal(2)));
        assert!(!named(&declared("io.modelcontextprotocol/other"), &principal(2)));
        assert!(!named(r#""arguments":{"task":{}}"#, &principal(2)));
        // Whoever holds the whole server has the upstream's own ids.
        assert!(!named(r#""task":{}"#, &key(2, holder(), "mcp:docs")));
    }

    #[test]
    fn the_name_in_the_header_follows_the_body() {
        let given = given();
        let body = Bytes::from(get(&given));
        let message = Message::parse(&body).unwrap();
        let mut headers = HeaderMap::from_iter([(header::NAME, HeaderValue::from_str(&given).unwrap())]);
        let needs = mcp::needs(&message).unwrap();
        let (server, principal) = (server(1, URL), principal(2));
        Tasks::new([&[7; 32]]).judge(&message, needs, &body, &mut headers, &server, &principal).unwrap();
        assert_eq!(headers[header::NAME], "up-1");
    }
}
