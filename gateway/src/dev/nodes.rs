//! The second and further nodes of `keyledger dev --nodes`: `keyledger serve` processes with all roles, on ports of
//! their own. They end with `dev`, also when it is killed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use futures::future::{join_all, select_all};

use super::children::{self, Child, Launch, Signal};
use super::client::Client;
use super::place::Home;
use super::port::Port;
use super::run::{DevError, LOOK_EVERY, READY_WITHIN};
use crate::config::{Config, NatsRole};
use crate::fleet;
use crate::serve::connections;
use crate::store::bucket::Bucket;

/// Open requests get ten seconds, and what they rest on five more.
const END_WITHIN: Duration = Duration::from_secs(20);

/// Where a node is reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addresses {
    pub public: SocketAddr,
    pub admin: SocketAddr,
    pub metrics: SocketAddr,
}

/// One further node.
pub(super) struct Node {
    /// From 2.
    pub number: usize,
    pub addresses: Addresses,
    pub log: PathBuf,
    child: Child,
    _ports: [Port; 3],
}

impl Addresses {
    pub fn local([public, admin, metrics]: [u16; 3]) -> Self {
        let [public, admin, metrics] =
            [public, admin, metrics].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        Self { public, admin, metrics }
    }
}

impl Node {
    /// Starts it with the configuration of the first node, on the ports that it had before if they are free.
    pub async fn start(place: &Home, number: usize, kept: &mut [u16; 3]) -> Result<Self, DevError> {
        let take = |wanted: u16| Port::take(&[wanted]).map_err(DevError::Port);
        let [public, admin, metrics] = *kept;
        let ports = [take(public)?, take(admin)?, take(metrics)?];
        *kept = ports.each_ref().map(Port::number);
        let addresses = Addresses::local(*kept);
        let log = place.root().join(format!("node-{number}.log"));
        let program = std::env::current_exe().map_err(DevError::Program)?;
        let mut arguments = vec!["serve".into(), "--config".into(), place.configuration().into_os_string()];
        for (key, value) in [
            ("listen.public", addresses.public.to_string()),
            ("listen.admin", addresses.admin.to_string()),
            ("listen.metrics", addresses.metrics.to_string()),
            ("fleet.name", name(number)),
        ] {
            arguments.extend(["--set".into(), format!("{key}={value}").into()]);
        }
        let launch = Launch { wrapper: vec![], program, arguments, log: log.clone() };
        let child = children::spawn(&launch).await?;
        Ok(Self { number, addresses, log, child, _ports: ports })
    }

    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    pub async fn becomes_ready(&self, client: &Client) -> Result<(), DevError> {
        let ready = async {
            while !client.is_ready(self.addresses.metrics).await {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::select! {
            ready = tokio::time::timeout(READY_WITHIN, ready) => ready.map_err(|_| DevError::NotReady {
                reason: format!("node {}; its log is {}", self.number, self.log.display()),
            }),
            _ = self.child.exited() => Err(self.has_ended()),
        }
    }

    fn has_ended(&self) -> DevError {
        DevError::Ended(format!("node {}", self.number), self.log.clone())
    }

    async fn stop(self) {
        self.child.stop(Signal::Terminate, END_WITHIN).await;
    }
}

/// Forgets the nodes of a run before that did not come to say goodbye: they ended with it, and their servers are ours
/// alone. Else whoever waits for the fleet waits for them.
pub(super) async fn forget_those_before(config: &Config) -> Result<(), DevError> {
    let bucket = Bucket::of_fleet(connections::client(config, NatsRole::Control).await?);
    let is_ours =
        |name: &str| name.strip_prefix("node-").is_some_and(|number| number.parse::<usize>().is_ok());
    fleet::forget::forget_ended(&bucket, is_ours).await?;
    Ok(())
}

/// As the fleet knows it.
pub(super) fn name(number: usize) -> String {
    format!("node-{number}")
}

/// Waits until one of them has ended by itself.
pub(super) async fn ended(nodes: &[Node]) -> DevError {
    if nodes.is_empty() {
        return std::future::pending().await;
    }
    let exits = nodes.iter().map(|node| {
        Box::pin(async move {
            node.child.exited().await;
            node.has_ended()
        })
    });
    select_all(exits).await.0
}

pub(super) async fn stop(nodes: Vec<Node>) {
    join_all(nodes.into_iter().map(Node::stop)).await;
}
