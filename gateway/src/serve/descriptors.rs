//! How many connections the process has descriptors for. Were they used up, nothing could be accepted any more, and
//! an orchestrator that asks `/livez` would kill a node that is only busy: so each listener gets a share.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::{Config, Role};
use crate::listener::each_core;

/// Connections to NATS, files, timers, sockets that listen.
const OWN: u64 = 128;
/// Connections to upstreams that each thread keeps for another call.
const KEPT_BY_EACH: u64 = 1_024;
/// Connections at once on a listener that serves no MCP client.
const FEW: u64 = 256;

/// Connections that the process has at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Places {
    /// Of clients. Each call may need another one to its upstream.
    pub(super) public: usize,
    pub(super) admin: usize,
    pub(super) metrics: usize,
    /// To upstreams, kept for another call by each thread of the public listener.
    pub(super) kept_by_each: usize,
}

impl Places {
    /// Raises the process's soft limit as far as it needs to be and may be, and says so where that is not enough.
    pub(super) fn of(config: &Config) -> Self {
        let own = OWN + config.postgres.as_ref().map_or(0, |postgres| u64::from(postgres.max_connections));
        let (public, threads) = match config.has(Role::Node) {
            true => (config.listen.max_connections as u64, each_core(config.listen.threads) as u64),
            false => (0, 0),
        };
        let needed = own + 2 * FEW + 2 * public + threads * KEPT_BY_EACH;
        let limit = raise(needed);
        let places = Self::within(limit.saturating_sub(own), public, threads);
        if limit < needed {
            tracing::warn!(
                "the process may open {limit} files, and needs {needed} for all connections that it may have: {}; raise \
                 the limit (`ulimit -n`, LimitNOFILE)",
                places.told(&config.roles, config.listen.max_connections)
            );
        }
        places
    }

    /// An eighth each for those that must answer whatever the public listener does. What is kept may be a quarter of
    /// the rest.
    fn within(free: u64, public: u64, threads: u64) -> Self {
        let few = (free / 8).clamp(1, FEW);
        let rest = free.saturating_sub(2 * few);
        let threads = threads.max(1);
        let all = 2 * public + threads * KEPT_BY_EACH;
        let kept_by_each = if rest >= all { KEPT_BY_EACH } else { (rest / 4 / threads).min(KEPT_BY_EACH) };
        let public = (rest.saturating_sub(threads * kept_by_each) / 2).clamp(1, public.max(1));
        let places = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let (admin, metrics) = (places(few), places(few));
        Self { public: places(public), admin, metrics, kept_by_each: places(kept_by_each) }
    }

    /// What each listener of this process takes at once.
    fn told(self, roles: &[Role], asked: usize) -> String {
        let has = |role| roles.contains(&role);
        let mut told = Vec::new();
        if has(Role::Node) {
            told.push(format!("listen.public takes {} of {asked} connections at once", self.public));
        }
        if has(Role::Control) {
            told.push(format!("listen.admin {} of {FEW}", self.admin));
        }
        told.push(format!("listen.metrics {} of {FEW}", self.metrics));
        if has(Role::Node) {
            told.push(format!(
                "each thread keeps {} of {KEPT_BY_EACH} connections to upstreams",
                self.kept_by_each
            ));
        }
        told.join(", ")
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
        for free in [0, 10, 100, 1_000, 10_000, 20_000, 100_000] {
            let Places { public, admin, metrics, kept_by_each } = Places::within(free, 10_000, 2);
            assert!(public >= 1 && admin >= 1 && metrics >= 1);
            let used = (2 * public + 2 * kept_by_each + admin + metrics) as u64;
            assert!(used <= free.max(4), "{used} of {free}");
        }
        let all = Places { public: 10_000, admin: 256, metrics: 256, kept_by_each: 1_024 };
        assert_eq!(Places::within(22_560, 10_000, 2), all);
    }

    #[test]
    fn each_listener_is_told_with_what_it_gets() {
        let places = Places::within(256, 10_000, 2);
        assert_eq!(
            places.told(&[Role::Node, Role::Control], 10_000),
            "listen.public takes 72 of 10000 connections at once, listen.admin 32 of 256, listen.metrics 32 of 256, \
             each thread keeps 24 of 1024 connections to upstreams"
        );
        assert_eq!(places.told(&[Role::Worker], 10_000), "listen.metrics 32 of 256");
    }

    #[test]
    fn the_limit_is_raised_as_far_as_it_may_be() {
        let before = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        assert!(raise(before) >= before);
        let most = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
        assert_eq!(raise(before.saturating_add(1)), before.saturating_add(1).min(most));
    }
}
