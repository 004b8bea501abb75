//! Where people sign in and clients get tokens: a router, which a listener of its own serves, and the public one where
//! this process is a node as well.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::listeners::{Control, listen, room};
use super::{Authenticating, Process, ServeError};
use crate::config::{Registration, Role};
use crate::granting::Granting;
use crate::listener::{Handed, Listener};
use crate::oauth::clients::Clients;
use crate::oauth::metadata::Issuer;
use crate::oauth::names::Names;
use crate::oauth::remote::{Fetcher, WITHIN};
use crate::oauth::{self, Accounts, AccountsParts};
use crate::public::PublicError;
use crate::request::Authenticator;
use crate::request::resource::Address;
use crate::upstream::{Guard, HyperUpstream, Resolver, UpstreamConfig};
use crate::vault::Identities;

/// Opens its listener where there is one, and gives what the public listener hands over to.
pub(super) async fn accounts(
    process: &Process,
    parts: &Authenticating,
    control: &Control,
) -> Result<(Option<SocketAddr>, Handed), ServeError> {
    let router = oauth::router(Accounts::new(made(process, parts, control).await?));
    let handed = Handed::new(router.clone(), process.tasks.clone());
    let Some(address) = process.config.listen.accounts else {
        if !process.config.has(Role::Node) {
            tracing::info!(
                "nobody signs in by this process: it is no node, and `listen.accounts` is not set"
            );
        }
        return Ok((None, handed));
    };
    let (socket, address) = listen("listen.accounts", address)?;
    let room = room(process, "accounts", process.places.admin);
    let listener = Listener { serve: router, room, tls: process.tls.clone(), cancel: process.cancel.clone() };
    process.tasks.spawn(async move { listener.run(socket).await });
    Ok((Some(address), handed))
}

async fn made(
    process: &Process,
    parts: &Authenticating,
    control: &Control,
) -> Result<AccountsParts, ServeError> {
    let config = &process.config;
    let passing = control.passing.clone();
    let registration_token = match config.oauth.registration {
        Registration::Token => Some(config.oauth.registration_token()?),
        Registration::Open | Registration::Off => None,
    };
    Ok(AccountsParts {
        issuer: Issuer::of(config.accounts_url()),
        public_url: config.public_url.clone(),
        default_server: config
            .mcp
            .default_server()
            .map(|(organization, server)| Address { organization, server }),
        settings: config.oauth.clone(),
        registration_token,
        clients: Clients::new(
            Arc::clone(&parts.directory),
            passing.clone(),
            Arc::clone(&control.presets),
            fetcher(process)?,
        ),
        authenticator: Authenticator::new(
            Arc::clone(&parts.directory),
            control.peppers.clone(),
            Arc::clone(&process.clock),
        ),
        peppers: control.peppers.clone(),
        granting: Granting::new(control.commands.clone()),
        commands: control.commands.clone(),
        token_keys: control.token_keys.clone(),
        sign_in: control.sign_in.clone(),
        names: Names::new(control.reads.clone()),
        identities: Identities::of(&control.vault, &*process.random).await?,
        fleet: process.fleet.clone(),
        passing,
        directory: Arc::clone(&parts.directory),
        gate: Arc::clone(&parts.gate),
        attempts: Some(control.attempts.clone()),
        clock: Arc::clone(&process.clock),
        random: Arc::clone(&process.random),
    })
}

/// Clients' documents and keys, of addresses that anybody names.
fn fetcher(process: &Process) -> Result<Arc<Fetcher>, ServeError> {
    let resolver = Resolver::new().map_err(|error| ServeError::Public(PublicError::Thread(error)))?;
    let config = UpstreamConfig {
        guard: Arc::new(Guard::new(process.config.oauth.allow.clone(), Vec::new())),
        trust: process.trust.clone(),
        connect_timeout: WITHIN,
        idle_timeout: Duration::from_secs(4),
        max_idle: 64,
        ..UpstreamConfig::default()
    };
    let upstream = HyperUpstream::new(config, Arc::new(resolver), Arc::clone(&process.clock));
    let fetcher = Arc::new(Fetcher::new(upstream, Arc::clone(&process.clock)));
    let (sweeping, cancel) = (Arc::clone(&fetcher), process.cancel.clone());
    process.tasks.spawn(async move {
        cancel.run_until_cancelled(sweeping.sweep()).await;
    });
    Ok(fetcher)
}
