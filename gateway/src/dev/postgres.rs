//! A private PostgreSQL: loopback TCP on a port of its own, one superuser with a password (SCRAM).
//!
//! No Unix socket: its path may have 107 bytes and no more, and a data directory may be deeper. PostgreSQL
//! refuses to run as root, so root lets it run as another user, who can still enter root's folders (see
//! `WAYS_FOR_ROOT`). What lies in the database is its caller's.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use events::clock::Random;
use tokio::process::Command;

use super::children::{self, Child, Launch, Signal};
use super::nats::last_words;
use super::{Error, private, tools};

/// A crash recovery takes its time.
const START_WITHIN: Duration = Duration::from_secs(120);
const INITDB_WITHIN: Duration = Duration::from_secs(120);
const STOP_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// A port may be taken in between, and a killed server's last processes may still be going.
const ATTEMPTS: u32 = 20;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(250);

const USER: &str = "keyledger";
const DATABASE: &str = "postgres";
/// Starts the name of a cluster that is being made.
const HALF_MADE: &str = "data.new-";

#[derive(Debug, Clone)]
pub struct PostgresOptions {
    pub directory: PathBuf,
    pub max_connections: u16,
    /// What is committed survives the machine's fall. `false` is for tests.
    pub durable: bool,
}

/// A running PostgreSQL. Dropped, it is killed; its directory stays.
pub struct PostgresServer {
    child: Child,
    address: SocketAddr,
    password: String,
}

impl std::fmt::Debug for PostgresServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresServer")
            .field("address", &self.address)
            .field("child", &self.child)
            .finish_non_exhaustive()
    }
}

impl PostgresServer {
    /// Starts a server on this directory, which may hold an earlier one's data. Nobody else may use it.
    pub async fn start(options: &PostgresOptions, random: &dyn Random) -> Result<Self, Error> {
        Self::start_as(&as_ordinary_user().await?, options, random).await
    }

    async fn start_as(
        wrapper: &[OsString],
        options: &PostgresOptions,
        random: &dyn Random,
    ) -> Result<Self, Error> {
        let bin = tools::postgres_bin()?;
        let files = Files::of(&options.directory)?;
        let password = match private::read(&files.password)? {
            Some(password) => password.trim().to_owned(),
            None => {
                let password = private::password(random);
                private::write(&files.password, password.as_bytes())?;
                password
            }
        };
        if !files.data.is_dir() {
            initialise(&bin, wrapper, &files, options.durable, random).await?;
        }
        let mut attempt = 1;
        loop {
            let port = files.port().filter(|port| is_free(*port)).map_or_else(free_port, Ok)?;
            match Self::start_on(&bin, wrapper, &files, options, port).await {
                Ok(child) => {
                    private::write(&files.port, port.to_string().as_bytes())?;
                    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                    return Ok(Self { child, address, password });
                }
                Err(Error::Ended { .. }) if attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
            tokio::time::sleep(BETWEEN_ATTEMPTS).await;
        }
    }

    async fn start_on(
        bin: &Path,
        wrapper: &[OsString],
        files: &Files,
        options: &PostgresOptions,
        port: u16,
    ) -> Result<Child, Error> {
        files.remove_stale_lock()?;
        let mut settings = vec![
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            "unix_socket_directories=".to_owned(),
            "shared_buffers=32MB".to_owned(),
            format!("max_connections={}", options.max_connections),
            "logging_collector=off".to_owned(),
            "log_destination=stderr".to_owned(),
        ];
        if !options.durable {
            // Autovacuum's launcher sleeps for up to a minute, and now and then a database that is dropped waits for it
            // (`ProcSignalBarrier`).
            let settings_of_tests =
                ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"];
            settings.extend(settings_of_tests.map(str::to_owned));
        }
        let mut arguments: Vec<OsString> = vec!["-D".into(), files.data.clone().into()];
        arguments.extend(settings.into_iter().flat_map(|setting| ["-c".into(), setting.into()]));
        let child = children::spawn(&Launch {
            wrapper: wrapper.to_vec(),
            program: bin.join("postgres"),
            arguments,
            log: files.log.clone(),
        })
        .await?;
        let ready = tokio::time::timeout(START_WITHIN, files.wait_until_ready(&child)).await;
        ready.map_err(|_| Error::TooSlow {
            program: "PostgreSQL",
            waited: START_WITHIN,
            log: files.log.clone(),
        })??;
        Ok(child)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The superuser's URL of the server's first database, with its password: a secret.
    pub fn url(&self) -> String {
        self.url_of(DATABASE)
    }

    /// The same for another database.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://{USER}:{}@{}/{database}", self.password, self.address)
    }

    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// The process, to wait for or to signal.
    pub fn child(&self) -> &Child {
        &self.child
    }

    /// Ends it in good order: sessions are cut, a checkpoint is written.
    pub async fn stop(self) {
        self.child.stop(Signal::Interrupt, STOP_WITHIN).await;
    }
}

/// The server's directory.
struct Files {
    directory: PathBuf,
    data: PathBuf,
    password: PathBuf,
    port: PathBuf,
    log: PathBuf,
}

impl Files {
    fn of(directory: &Path) -> Result<Self, Error> {
        private::directory(directory)?;
        // The server changes into its data directory, and `/proc` tells absolute paths.
        let directory = directory.canonicalize().map_err(Error::file(directory))?;
        Ok(Self {
            data: directory.join("data"),
            password: directory.join("password"),
            port: directory.join("port"),
            log: directory.join("postgres.log"),
            directory,
        })
    }

    fn port(&self) -> Option<u16> {
        std::fs::read_to_string(&self.port).ok()?.trim().parse().ok()
    }

    fn lock(&self) -> PathBuf {
        self.data.join("postmaster.pid")
    }

    /// A killed server leaves its lock file; PostgreSQL takes it for alive when another process got the id.
    fn remove_stale_lock(&self) -> Result<(), Error> {
        let lock = self.lock();
        let Some(text) = private::read(&lock)? else { return Ok(()) };
        let process = text.lines().next().unwrap_or_default().trim();
        let works_in = std::fs::read_link(format!("/proc/{process}/cwd"));
        if works_in.is_ok_and(|folder| folder == self.data) {
            // Ours, and on its way out: the start fails until it is gone, and is tried again.
            return Ok(());
        }
        std::fs::remove_file(&lock).map_err(Error::file(&lock))
    }

    /// Left by starts that were killed. What can't be removed yet is removed by a later start.
    fn remove_half_made(&self) {
        for entry in std::fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(HALF_MADE) {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }

    async fn wait_until_ready(&self, child: &Child) -> Result<(), Error> {
        loop {
            if let Some(status) = child.exit_status() {
                return Err(Error::Ended {
                    program: "PostgreSQL",
                    status: status.to_string(),
                    last_words: last_words(&self.log),
                    log: self.log.clone(),
                });
            }
            let lock = std::fs::read_to_string(self.lock()).unwrap_or_default();
            if is_ready(&lock, child.id()) {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// The lock file's first line is the server's process id; its eighth says "ready" once it takes sessions.
fn is_ready(lock: &str, process: u32) -> bool {
    let mut lines = lock.lines().map(str::trim);
    lines.next().is_some_and(|first| first == process.to_string()) && lines.nth(6) == Some("ready")
}

/// Makes the database cluster beside its place and moves it there, so that a half-made one is never used.
async fn initialise(
    bin: &Path,
    wrapper: &[OsString],
    files: &Files,
    durable: bool,
    random: &dyn Random,
) -> Result<(), Error> {
    files.remove_half_made();
    // A name of its own: the last processes of a killed start may still write into theirs.
    let new = files.directory.join(format!("{HALF_MADE}{}", private::password(random)));
    let mut arguments =
        ["--username", USER, "--auth", "scram-sha-256", "--pwfile"].map(OsString::from).to_vec();
    arguments.push(files.password.clone().into());
    arguments.extend(["--encoding", "UTF8", "--locale", "C", "--data-checksums"].map(OsString::from));
    if !durable {
        arguments.push("--no-sync".into());
    }
    arguments.extend([OsString::from("--pgdata"), new.clone().into()]);
    let child = children::spawn(&Launch {
        wrapper: wrapper.to_vec(),
        program: bin.join("initdb"),
        arguments,
        log: files.log.clone(),
    })
    .await?;
    let log = || files.log.clone();
    let status = tokio::time::timeout(INITDB_WITHIN, child.exited()).await.map_err(|_| Error::TooSlow {
        program: "initdb",
        waited: INITDB_WITHIN,
        log: log(),
    })?;
    if !status.is_some_and(|status| status.success()) {
        let status = status.map(|status| status.to_string()).unwrap_or_default();
        return Err(Error::Ended {
            program: "initdb",
            status,
            last_words: last_words(&files.log),
            log: log(),
        });
    }
    std::fs::rename(&new, &files.data).map_err(Error::file(&files.data))
}

/// How root runs what must not be root. First in a user namespace, where the files stay root's. Containers often
/// forbid that one; there as nobody, who keeps root's right to enter folders, and owns the data.
const WAYS_FOR_ROOT: [&[&str]; 2] = [
    &["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"],
    &[
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--inh-caps=-all,+dac_override",
        "--ambient-caps=-all,+dac_override",
        "--bounding-set=-all,+dac_override",
        "--",
    ],
];

/// Nothing for an ordinary user; for root, the first way that this machine allows.
pub async fn as_ordinary_user() -> Result<Vec<OsString>, Error> {
    if !rustix::process::geteuid().is_root() {
        return Ok(Vec::new());
    }
    let mut refused = String::new();
    for way in WAYS_FOR_ROOT {
        let wrapper: Vec<OsString> = way.iter().map(OsString::from).collect();
        let mut probe = wrapper.clone();
        probe.push("true".into());
        match run(probe, Duration::from_secs(10)).await {
            Ok(output) if output.status.success() => return Ok(wrapper),
            Ok(output) => refused = String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => refused = error.to_string(),
        }
    }
    Err(Error::Root(refused))
}

/// Runs to the end, within a bound; dropped, it is killed.
async fn run(words: Vec<OsString>, within: Duration) -> std::io::Result<std::process::Output> {
    let mut words = words.into_iter();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).stdin(Stdio::null()).kill_on_drop(true);
    tokio::time::timeout(within, command.output()).await.map_err(std::io::Error::other)?
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// PostgreSQL can't choose a port by itself.
fn free_port() -> Result<u16, Error> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    port.map(|address| address.port())
        .map_err(|source| Error::Spawn { program: "PostgreSQL (a free port for it)".into(), source })
}

#[cfg(test)]
mod tests;
