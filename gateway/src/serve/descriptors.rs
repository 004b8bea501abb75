//! How many connections the process has descriptors for. Were they used up, nothing could be accepted any more, and
//! an orchestrator that asks `/livez` would kill a node that is only busy: so each listener gets a share.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::{Config, Role};

/// Connections to NATS, files, timers, sockets that listen.
const OWN: u64 = 128;
/// Connections at once on a listener that serves no MCP client.
const FEW: u64 = 256;

/// Connections that each listener takes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) public: usize,
    pub(super) admin: usize,
    pub(super) metrics: usize,
}

impl Places {
    /// Raises the process's soft limit as far as it needs to be and may be, and says so where that is not enough.
    pub(super) fn of(config: &Config) -> Self {
        let public = if config.has(Role::Node) { config.listen.max_connections as u64 } else { 0 };
        let own = OWN + config.postgres.as_ref().map_or(0, |postgres| u64::from(postgres.max_connections));
        let needed = own + 2 * FEW + 2 * public;
        let limit = raise(needed);
        let places = Self::within(limit.saturating_sub(own), public);
        if (places.public as u64) < public {
            tracing::warn!(
                "the process may open {limit} files, and listen.max_connections = {public} needs {needed}: the public \
                 listener takes {} connections at once; raise the limit (`ulimit -n`, LimitNOFILE)",
                places.public
            );
        }
        places
    }

    /// An eighth each for those that must answer whatever the public listener does; a connection there may need
    /// another one to its upstream.
    fn within(free: u64, public: u64) -> Self {
        let few = (free / 8).clamp(1, FEW);
        let public = (free.saturating_sub(2 * few) / 2).clamp(1, public.max(1));
        let places = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        Self { public: places(public), admin: places(few), metrics: places(few) }
    }
}

/// The limit, raised to what is needed or to as much as is allowed.
fn raise(needed: u64) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(current) = current else { return u64::MAX };
    if current >= needed {
        return current;
    }
    let wanted = maximum.map_or(needed, |most| most.min(needed));
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }) {
        Ok(()) => wanted,
        Err(error) => {
            tracing::warn!(%error, "the limit on open files can't be raised");
            current
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_listener_has_a_share_and_all_fit() {
        for free in [0, 10, 100, 1_000, 10_000, 100_000] {
            let Places { public, admin, metrics } = Places::within(free, 10_000);
            assert!(public >= 1 && admin >= 1 && metrics >= 1);
            let used = (2 * public + admin + metrics) as u64;
            assert!(used <= free.max(4), "{used} of {free}");
        }
        let all = Places { public: 10_000, admin: 256, metrics: 256 };
        assert_eq!(Places::within(20_512, 10_000), all);
    }

    #[test]
    fn the_limit_is_raised_as_far_as_it_may_be() {
        let before = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        assert!(raise(before) >= before);
        let most = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
        assert_eq!(raise(before.saturating_add(1)), before.saturating_add(1).min(most));
    }
}
