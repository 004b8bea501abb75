//! What a caller may do: which server an address names for it, and whether its scopes cover what a message
//! needs.

use std::sync::Arc;

use events::slug::Slug;
use projections::directory::{Directory, ServerEntry, ServerState};

use super::caller::Caller;
use super::refusal::Refusal;
use crate::mcp::Needs;

/// The server at `/mcp/{organization}/{server}`, for this caller.
///
/// Another organization's server and one that does not exist get the same answer.
pub fn server(
    directory: &Directory,
    caller: &Caller,
    organization: &Slug,
    server: &Slug,
) -> Result<Arc<ServerEntry>, Refusal> {
    let Some(own) = &caller.organization else { return Err(Refusal::NotForMcp) };
    if !caller.key.scopes.is_mcp() {
        return Err(Refusal::NotForMcp);
    }
    if own.slug != *organization {
        return Err(Refusal::NoSuchServer);
    }
    // Before the look-up: without any scope on it, a caller does not learn whether it is there.
    permit(caller, server, &Needs::Server)?;
    let entry = directory.server(own.id, server.as_str()).ok_or(Refusal::NoSuchServer)?;
    is_open(&entry)?;
    Ok(entry)
}

/// Whether calls pass on to this server at all.
pub fn is_open(server: &ServerEntry) -> Result<(), Refusal> {
    match server.state {
        ServerState::Enabled => Ok(()),
        ServerState::Disabled => Err(Refusal::ServerDisabled),
        ServerState::Removed => Err(Refusal::NoSuchServer),
        ServerState::Closed => Err(Refusal::ServerClosed),
    }
}

/// Whether the caller's scopes cover what is needed.
pub fn permit(caller: &Caller, server: &Slug, needs: &Needs<'_>) -> Result<(), Refusal> {
    if needs.met_by(&caller.key.scopes, server) {
        Ok(())
    } else {
        Err(Refusal::InsufficientScope { scopes: needs.scopes(server) })
    }
}
