//! Three nats-servers of a test's own in one cluster. Their routes to each other go through proxies, so that a
//! member can be cut off from the others while its clients still reach it.

use std::time::Duration;

use events::clock::SystemRandom;
use events::log::jetstream::{self, JetStreamLog};
use futures::future::join_all;
use gateway::config::NatsRole;
use gateway::dev::nats::{ClusterMember, Credentials, NatsOptions, NatsServer};
use gateway::store::setup;
use serde_json::Value;
use tempfile::TempDir;

use super::nats::{self, ROOT};
use super::{Proxy, Way};
use crate::poll;

/// How many servers there are, and replicas of each stream.
pub const MEMBERS: usize = 3;

/// A cluster elects its leaders within seconds; two cores shared by many tests may need more.
const ELECTED: Duration = Duration::from_secs(60);
/// A question to a server that has no leader to ask is never answered.
const ANSWER: Duration = Duration::from_secs(1);

/// A running cluster. Members are counted from 0; each can be killed and started again under the same address.
pub struct Cluster {
    members: Vec<Member>,
    /// From each member to each other: which one's route it is, where it leads, and the way.
    routes: Vec<(usize, usize, Proxy)>,
    // After the members: they go first.
    _directory: TempDir,
}

struct Member {
    server: Option<NatsServer>,
    url: String,
    options: NatsOptions,
}

impl Cluster {
    /// Holds nothing yet: `set_up` creates the streams.
    pub async fn start() -> Self {
        gateway::crypto::install();
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut routes = Vec::new();
        for from in 0..MEMBERS {
            for to in (0..MEMBERS).filter(|to| *to != from) {
                routes.push((from, to, Proxy::start(None).await));
            }
        }
        let options = |member: usize| NatsOptions {
            directory: directory.path().join(name(member)),
            users: nats::users(),
            readers: Vec::new(),
            sync_always: false,
            cluster: Some(ClusterMember {
                server: name(member),
                routes: routes
                    .iter()
                    .filter(|(from, _, _)| *from == member)
                    .map(|(_, _, proxy)| proxy.address())
                    .collect(),
            }),
        };
        let first = Member::start(options(0)).await;
        // A user has the same password everywhere.
        let passwords = |options: &NatsOptions| options.directory.join("passwords.json");
        for member in 1..MEMBERS {
            let options = options(member);
            std::fs::create_dir_all(&options.directory).expect("a directory");
            std::fs::copy(passwords(&first.options), passwords(&options)).expect("the passwords");
        }
        let mut members = vec![first];
        members.extend(join_all((1..MEMBERS).map(|member| Member::start(options(member)))).await);
        let cluster = Self { members, routes, _directory: directory };
        for member in 0..MEMBERS {
            cluster.routes_lead_to(member);
        }
        cluster
    }

    /// Started, with the log's stream and the buckets, three replicas each.
    pub async fn set_up() -> Self {
        let cluster = Self::start().await;
        cluster.becomes_ready().await;
        let admin = cluster.connect("admin").await;
        // All members must have been heard of before a stream can have three replicas.
        poll::until("NATS is set up", ELECTED, async || setup::setup(&admin, 3).await).await;
        cluster
    }

    /// Waits until the cluster has a leader.
    pub async fn becomes_ready(&self) {
        let root = self.connect(ROOT).await;
        poll::until("the cluster has a leader", ELECTED, async || ask(&root, "INFO").await).await;
    }

    /// Of every member, without credentials.
    pub fn urls(&self) -> Vec<String> {
        self.members.iter().map(|member| member.url.clone()).collect()
    }

    pub fn url(&self, member: usize) -> String {
        self.members[member].url.clone()
    }

    /// Of the users root, admin, control, worker, node, auditor. Kept over restarts.
    pub fn credentials(&self, user: &str) -> Credentials {
        let server = self.members.iter().find_map(|member| member.server.as_ref()).expect("a member runs");
        server.credentials(user).unwrap_or_else(|| panic!("there is no NATS user {user}"))
    }

    /// A connection as this user, to any member; it moves to another when that one is gone.
    pub async fn connect(&self, user: &str) -> async_nats::Client {
        nats::connect(self.urls(), self.credentials(user)).await
    }

    /// A connection as this user that stays with one member.
    pub async fn connect_to(&self, member: usize, user: &str) -> async_nats::Client {
        nats::connect(vec![self.url(member)], self.credentials(user)).await
    }

    /// The log, over a connection of this role's own to any member.
    pub async fn log(&self, role: NatsRole) -> JetStreamLog {
        nats::open_log(self.connect(role.as_str()).await).await.expect("the log")
    }

    /// The log as one member tells it.
    pub async fn log_at(&self, member: usize, role: NatsRole) -> JetStreamLog {
        nats::open_log(self.connect_to(member, role.as_str()).await).await.expect("the log")
    }

    /// The member that leads the log, as this one knows. Waits until there is one, and it is not `other_than`.
    pub async fn leader(&self, asked: usize, other_than: Option<usize>) -> usize {
        let root = self.connect_to(asked, ROOT).await;
        let info = format!("STREAM.INFO.{}", jetstream::STREAM);
        let (leader, _) = poll::until("the log has a leader", ELECTED, async || {
            let answer = ask(&root, &info).await?;
            let leader = (0..MEMBERS).find(|member| answer["cluster"]["leader"] == name(*member));
            leader.filter(|leader| Some(*leader) != other_than).ok_or(answer["cluster"].to_string())
        })
        .await;
        leader
    }

    /// Ends a member in good order.
    pub async fn stop(&mut self, member: usize) {
        self.members[member].server.take().expect("the member runs").stop().await;
    }

    /// Kills a member.
    pub fn kill(&mut self, member: usize) {
        drop(self.members[member].server.take().expect("the member runs"));
    }

    /// Starts a member again on its data, under the same address.
    pub async fn start_again(&mut self, member: usize) {
        let old = &self.members[member];
        assert!(old.server.is_none(), "the member still runs");
        let started = Member::start(old.options.clone()).await;
        assert_eq!(started.url, old.url, "the port was taken in between");
        self.members[member] = started;
        self.routes_lead_to(member);
    }

    /// What goes between this member and the others from now on. Its clients notice nothing.
    pub fn routes(&self, member: usize, way: Way) {
        for (_, _, proxy) in self.routes.iter().filter(|(from, to, _)| *from == member || *to == member) {
            proxy.set(way);
        }
    }

    fn routes_lead_to(&self, member: usize) {
        let server = self.members[member].server.as_ref().expect("the member runs");
        let address = server.route_address().expect("an address for routes");
        for (_, _, proxy) in self.routes.iter().filter(|(_, to, _)| *to == member) {
            proxy.leads_to(address);
        }
    }
}

impl Member {
    async fn start(options: NatsOptions) -> Self {
        let server = NatsServer::start(&options, &SystemRandom).await.expect("nats-server starts");
        Self { url: server.url(), server: Some(server), options }
    }
}

fn name(member: usize) -> String {
    format!("member-{member}")
}

/// What JetStream answers, when it does and it is no error.
async fn ask(client: &async_nats::Client, subject: &str) -> Result<Value, String> {
    let request = async_nats::Request::new().timeout(Some(ANSWER));
    let answer = client.send_request(format!("$JS.API.{subject}"), request).await;
    let answer = answer.map_err(|error| error.to_string())?;
    let answer: Value = serde_json::from_slice(&answer.payload).map_err(|error| error.to_string())?;
    if answer["error"].is_null() { Ok(answer) } else { Err(answer["error"].to_string()) }
}
