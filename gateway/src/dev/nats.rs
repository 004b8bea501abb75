//! A private nats-server: JetStream on disk, a user for each role, a loopback port of its own.
//!
//! Its directory holds all that it needs to start again: configuration, passwords, port, store. The port is
//! kept when it is still free. What a role may do is `store::roles`'s to say.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use events::clock::Random;
use events::log::jetstream;
use serde_json::json;

use super::children::{self, Child, Launch, Signal};
use super::{Error, private, tools};
use crate::config::NatsRole;
use crate::store::readers::Reader;
use crate::store::{accounts, roles};

const START_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A user, and the role that says what it may do. `None`: everything in the log's account, for tests.
#[derive(Debug, Clone)]
pub struct NatsUser {
    pub name: String,
    pub role: Option<NatsRole>,
}

impl NatsUser {
    /// A user for each role, named like it.
    pub fn each_role() -> Vec<Self> {
        let user = |role: NatsRole| Self { name: role.as_str().to_owned(), role: Some(role) };
        roles::ALL.into_iter().map(user).collect()
    }
}

#[derive(Debug, Clone)]
pub struct NatsOptions {
    pub directory: PathBuf,
    pub users: Vec<NatsUser>,
    /// Beside the roles' users. None in `dev`: who reads there is the auditor.
    pub readers: Vec<Reader>,
    /// Each write is on disk before it is acknowledged (decision 7). `false` is for tests that ask for speed.
    pub sync_always: bool,
    /// `None`: a server that stands alone.
    pub cluster: Option<ClusterMember>,
}

/// A server's place in a cluster on this machine. Routes are taken on a loopback port of its own.
#[derive(Debug, Clone)]
pub struct ClusterMember {
    /// The server's name; no other has it.
    pub server: String,
    /// Where the other members' routes are taken.
    pub routes: Vec<SocketAddr>,
}

/// A user's name and password.
#[derive(Clone)]
pub struct Credentials {
    pub user: String,
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A running nats-server. Dropped, it is killed; its directory stays.
pub struct NatsServer {
    child: Child,
    address: SocketAddr,
    route_address: Option<SocketAddr>,
    passwords: BTreeMap<String, String>,
}

impl std::fmt::Debug for NatsServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsServer")
            .field("address", &self.address)
            .field("child", &self.child)
            .finish_non_exhaustive()
    }
}

impl NatsServer {
    /// Starts a server on this directory, which may hold an earlier one's data. Nobody else may use it.
    pub async fn start(options: &NatsOptions, random: &dyn Random) -> Result<Self, Error> {
        let program = tools::nats_server()?;
        let files = Files::of(&options.directory)?;
        files.take_over_old_store()?;
        let passwords = files.passwords(options, random)?;
        let kept = files.port();
        if let Some(port) = kept.filter(|port| is_free(*port)) {
            match Self::start_on(&program, &files, options, &passwords, port).await {
                Ok(server) => return Ok(server),
                // Most likely taken in between: any port will do.
                Err(Error::Ended { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Self::start_on(&program, &files, options, &passwords, 0).await
    }

    async fn start_on(
        program: &Path,
        files: &Files,
        options: &NatsOptions,
        passwords: &BTreeMap<String, String>,
        port: u16,
    ) -> Result<Self, Error> {
        files.remove_old_ports()?;
        let configuration = configuration(files, options, passwords, port);
        private::write(&files.configuration, configuration.as_bytes())?;
        let child = children::spawn(&Launch {
            wrapper: vec![],
            program: program.to_owned(),
            arguments: vec!["--config".into(), files.configuration.clone().into()],
            log: files.log.clone(),
        })
        .await?;
        let started = tokio::time::timeout(START_WITHIN, files.wait_for_addresses(&child)).await;
        let Addresses { clients: address, routes: route_address } = started.map_err(|_| {
            Error::TooSlow { program: "nats-server", waited: START_WITHIN, log: files.log.clone() }
        })??;
        private::write(&files.port, address.port().to_string().as_bytes())?;
        Ok(Self { child, address, route_address, passwords: passwords.clone() })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it takes the routes of its cluster; `None`: it stands alone.
    pub fn route_address(&self) -> Option<SocketAddr> {
        self.route_address
    }

    /// `nats://127.0.0.1:PORT`, without credentials.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// `None`: there is no such user.
    pub fn credentials(&self, user: &str) -> Option<Credentials> {
        let password = self.passwords.get(user)?.clone();
        Some(Credentials { user: user.to_owned(), password })
    }

    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// The process, to wait for or to signal.
    pub fn child(&self) -> &Child {
        &self.child
    }

    /// Ends it in good order.
    pub async fn stop(self) {
        self.child.stop(Signal::Terminate, STOP_WITHIN).await;
    }
}

/// Where a started server listens.
struct Addresses {
    clients: SocketAddr,
    routes: Option<SocketAddr>,
}

/// The server's directory.
struct Files {
    configuration: PathBuf,
    passwords: PathBuf,
    port: PathBuf,
    ports: PathBuf,
    store: PathBuf,
    log: PathBuf,
}

impl Files {
    fn of(directory: &Path) -> Result<Self, Error> {
        let ports = directory.join("ports");
        let store = directory.join("store");
        for folder in [directory, &ports, &store] {
            private::directory(folder)?;
        }
        Ok(Self {
            configuration: directory.join("nats.conf"),
            passwords: directory.join("passwords.json"),
            port: directory.join("port"),
            log: directory.join("nats.log"),
            ports,
            store,
        })
    }

    /// What was stored before the log had an account of its own lies under the account without a name.
    fn take_over_old_store(&self) -> Result<(), Error> {
        let accounts = self.store.join("jetstream");
        let (old, new) = (accounts.join("$G"), accounts.join(accounts::LOG));
        if old.join("streams").join(jetstream::STREAM).exists() && !new.exists() {
            std::fs::rename(&old, &new).map_err(Error::file(&new))?;
        }
        Ok(())
    }

    /// Each user's password: kept from an earlier start, or drawn.
    fn passwords(
        &self,
        options: &NatsOptions,
        random: &dyn Random,
    ) -> Result<BTreeMap<String, String>, Error> {
        let bad = |error: serde_json::Error| Error::Content {
            path: self.passwords.clone(),
            reason: error.to_string(),
        };
        let kept: BTreeMap<String, String> = match private::read(&self.passwords)? {
            Some(text) => serde_json::from_str(&text).map_err(bad)?,
            None => BTreeMap::new(),
        };
        let mut all = kept.clone();
        let names = options.users.iter().map(|user| user.name.clone());
        for name in names.chain(options.readers.iter().map(Reader::user)) {
            all.entry(name).or_insert_with(|| private::password(random));
        }
        if all != kept {
            private::write(&self.passwords, &serde_json::to_vec_pretty(&all).map_err(bad)?)?;
        }
        Ok(all)
    }

    fn port(&self) -> Option<u16> {
        std::fs::read_to_string(&self.port).ok()?.trim().parse().ok()
    }

    /// A killed server leaves its file, and its process id may come back.
    fn remove_old_ports(&self) -> Result<(), Error> {
        for entry in std::fs::read_dir(&self.ports).map_err(Error::file(&self.ports))? {
            let path = entry.map_err(Error::file(&self.ports))?.path();
            std::fs::remove_file(&path).map_err(Error::file(&path))?;
        }
        Ok(())
    }

    /// nats-server writes the file once it takes connections, after JetStream has read its store.
    async fn wait_for_addresses(&self, child: &Child) -> Result<Addresses, Error> {
        loop {
            // Asked first, so that a file written just before the end is not missed.
            let ended = child.exit_status();
            if let Some(addresses) = self.addresses_of(child.id()) {
                return Ok(addresses);
            }
            if let Some(status) = ended {
                return Err(Error::Ended {
                    program: "nats-server",
                    status: status.to_string(),
                    last_words: last_words(&self.log),
                    log: self.log.clone(),
                });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// `None`: not there, or not yet whole.
    fn addresses_of(&self, process: u32) -> Option<Addresses> {
        let mut entries = std::fs::read_dir(&self.ports).ok()?.flatten();
        let ending = format!("_{process}.ports");
        let path = entries.find(|entry| entry.file_name().to_string_lossy().ends_with(&ending))?.path();
        let ports: serde_json::Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        let address = |listener: &str| {
            ports.get(listener)?.get(0)?.as_str()?.strip_prefix("nats://")?.parse::<SocketAddr>().ok()
        };
        Some(Addresses { clients: address("nats")?, routes: address("cluster") })
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// The end of a log, for an error message.
pub(super) fn last_words(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().filter(|line| !line.trim().is_empty()).take(3).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
}

/// nats-server's configuration takes JSON as a value.
fn configuration(
    files: &Files,
    options: &NatsOptions,
    passwords: &BTreeMap<String, String>,
    port: u16,
) -> String {
    let users: Vec<_> = options
        .users
        .iter()
        .filter_map(|user| {
            let password = accounts::Password::Text(passwords.get(&user.name)?.clone());
            Some(accounts::User { role: user.role, name: user.name.clone(), password })
        })
        .collect();
    let readers: Vec<_> = options
        .readers
        .iter()
        .filter_map(|reader| {
            let password = accounts::Password::Text(passwords.get(&reader.user())?.clone());
            Some(accounts::ReaderUser { reader: reader.clone(), password })
        })
        .collect();
    let sync = if options.sync_always { json!("always") } else { json!("2m") };
    let listen = format!("127.0.0.1:{}", if port == 0 { -1 } else { i32::from(port) });
    let mut whole = json!({
        "server_name": "keyledger",
        "listen": listen,
        "ports_file_dir": files.ports,
        "jetstream": { "store_dir": files.store, "sync_interval": sync },
        "authorization": { "timeout": 10 },
    });
    if let Some(member) = &options.cluster {
        let routes: Vec<_> = member.routes.iter().map(|route| format!("nats://{route}")).collect();
        whole["server_name"] = json!(member.server);
        whole["cluster"] = json!({
            "name": "keyledger",
            "listen": "127.0.0.1:-1",
            "routes": routes,
            // The members tell each other where to find the rest, past the routes that are given here: they
            // are told of a port that takes no one. Clients are told of no other server.
            "advertise": "127.0.0.1:1",
            "no_advertise": true,
        });
    }
    let members = whole.as_object().into_iter().flatten();
    let mut text: String = members.map(|(name, value)| format!("{name}: {value:#}\n")).collect();
    text.push_str(&accounts::configuration(&users, &readers));
    text
}

#[cfg(test)]
mod tests;
