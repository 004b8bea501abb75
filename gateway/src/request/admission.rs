//! What lets a call in: one list of checks, asked before the call is sent and again at each look at an answer that
//! lasts. A check that stands here can't be forgotten for open streams; what it goes by is watched (`watch`), or an
//! answer ends a look later than it could.

use std::sync::Arc;

use http::HeaderValue;
use projections::directory::{Directory, Part, ServerEntry, Watch};

use super::principal::Principal;
use super::refusal::Refusal;
use super::{Door, authorize};
use crate::mcp::Needs;

/// Who was let in, to which server, for what: to be asked again.
pub struct Admission {
    pub(super) door: Arc<Door>,
    pub(super) principal: Principal,
    pub(super) server: Arc<ServerEntry>,
    pub(super) needs: Needs<'static>,
    /// For log lines.
    pub(super) request_id: HeaderValue,
    /// The answer has no end of its own: it ends when the process is told to stop.
    pub(super) endless: bool,
}

impl Admission {
    /// The list, asked before sending: with the principal and the server as they are now.
    pub fn renew(self) -> Result<Self, Refusal> {
        let (principal, server) = self.ask()?;
        Ok(Self { principal, server, ..self })
    }

    /// The list, asked of an open stream.
    pub fn look(&self) -> Result<(), Refusal> {
        self.ask().map(drop)
    }

    /// The same, and who it is that may still have it.
    pub fn principal_now(&self) -> Result<Principal, Refusal> {
        self.ask().map(|(principal, _)| principal)
    }

    /// Woken when what the list goes by changes.
    pub fn watch(&self) -> Watch {
        let server = Part::Server(self.server.id);
        self.door.directory.watch(self.principal.parts().into_iter().chain([server]).collect())
    }

    /// The list. Each line may refuse; what it resolves is as of this moment.
    fn ask(&self) -> Result<(Principal, Arc<ServerEntry>), Refusal> {
        let door = &self.door;
        self.ends_with_the_process()?;
        door.gate.check().map_err(|_| Refusal::NotReady)?;
        let principal = door.authenticator.again(&self.principal)?;
        let server = server_now(&door.directory, &self.server)?;
        authorize::permit(&principal, &server.slug, &self.needs)?;
        Ok((principal, server))
    }

    fn ends_with_the_process(&self) -> Result<(), Refusal> {
        if self.endless && self.door.closing.is_cancelled() { Err(Refusal::NotReady) } else { Ok(()) }
    }
}

/// Whether calls pass on to this server at all, as the directory has it now.
fn server_now(directory: &Directory, server: &ServerEntry) -> Result<Arc<ServerEntry>, Refusal> {
    let server = directory.server_by_id(server.id).ok_or(Refusal::NoSuchServer)?;
    authorize::is_open(&server)?;
    Ok(server)
}
