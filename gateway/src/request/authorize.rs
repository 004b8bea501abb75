//! What a principal may do: which server an address names for it, and whether its scopes cover what a message
//! needs.

use std::sync::Arc;

use events::slug::Slug;
use projections::directory::{Directory, ServerEntry, ServerState};

use super::principal::Principal;
use super::refusal::Refusal;
use crate::mcp::Needs;

/// The server at `/mcp/{organization}/{server}`, for this principal.
///
/// Another organization's server and one that does not exist get the same answer.
pub fn server(
    directory: &Directory,
    principal: &Principal,
    organization: &Slug,
    server: &Slug,
) -> Result<Arc<ServerEntry>, Refusal> {
    let Some(own) = principal.organization() else { return Err(Refusal::NotForMcp) };
    if !principal.scopes().is_mcp() {
        return Err(Refusal::NotForMcp);
    }
    if own.slug != *organization {
        return Err(Refusal::NoSuchServer);
    }
    // Before the look-up: without any scope on it, nobody learns whether it is there.
    permit(principal, server, &Needs::Server)?;
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

/// Whether the principal's scopes cover what is needed.
pub fn permit(principal: &Principal, server: &Slug, needs: &Needs<'_>) -> Result<(), Refusal> {
    if needs.met_by(principal.scopes(), server) {
        return Ok(());
    }
    Err(match needs {
        Needs::Unnamed(unnamed) => (*unnamed).into(),
        Needs::Server | Needs::Thing { .. } | Needs::Resources(_) | Needs::WholeServer | Needs::Task(_) => {
            let scopes = needs.scopes(server);
            let can_step_up = scopes.as_ref().is_some_and(|scopes| principal.can_step_up_to(scopes));
            Refusal::InsufficientScope { scopes, can_step_up }
        }
    })
}
