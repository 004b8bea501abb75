//! Connecting to NATS as one of the roles.

use std::fmt;
use std::future::{Ready, ready};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::{ConnectErrorKind, Event};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use crate::clock::{Clock, SystemClock};
use crate::lasting::{Lasting, Words};

/// How a process connects for one of its roles.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// Servers of one cluster, such as `nats://127.0.0.1:4222`. What leaves loopback uses TLS, whatever the
    /// scheme says.
    pub servers: Vec<String>,
    pub credentials: Credentials,
    /// Shown in the server's lists of connections, such as `keyledger node`.
    pub name: String,
    /// Answers come to subjects under this, such as `_INBOX_node`: its user may read no other's.
    pub inbox_prefix: String,
    /// PEM file of the authorities that sign the servers' certificates; without one, the system's.
    pub authorities: Option<PathBuf>,
    /// PEM files of a client certificate and its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// What the server knows the user by.
#[derive(Clone, Debug)]
pub enum Credentials {
    User {
        name: String,
        password: Password,
    },
    /// The password is the first line of a file, read anew for each connection: it may be renewed meanwhile.
    UserWithFile {
        name: String,
        password: PathBuf,
    },
    /// A file with a user JWT and its nkey seed.
    File(PathBuf),
}

/// A password: not shown, and wiped from memory at its end.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    pub fn new(password: String) -> Self {
        Self(Zeroizing::new(password))
    }

    /// The password itself, for a server's configuration.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("`{0}` is not the address of a NATS server, such as nats://127.0.0.1:4222")]
    Address(String),
    #[error("the password file {path} of a NATS user can't be read: {source}")]
    PasswordFile { path: PathBuf, source: std::io::Error },
    #[error("the NATS credentials file {path} can't be read")]
    CredentialsFile { path: PathBuf, source: std::io::Error },
    #[error("NATS at {servers} refuses {user}: the password is wrong, or the server does not know the user")]
    Refused { servers: String, user: String },
    #[error("can't connect to NATS at {servers}: {source}; is nats-server running there?")]
    Connect { servers: String, source: async_nats::ConnectError },
}

/// Connects, and keeps reconnecting for ever after. The first connection must succeed within its time-out.
pub async fn connect(options: ConnectOptions) -> Result<async_nats::Client, ConnectError> {
    let servers = options.servers.iter().map(|text| address(text)).collect::<Result<Vec<_>, _>>()?;
    let (user, base) = match options.credentials {
        Credentials::User { name, password } => (
            format!("the user {name}"),
            async_nats::ConnectOptions::with_user_and_password(name, password.reveal().to_owned()),
        ),
        Credentials::UserWithFile { name, password } => {
            read_password(&password)
                .map_err(|source| ConnectError::PasswordFile { path: password.clone(), source })?;
            let (user, path) = (format!("the user {name}"), Arc::new(password));
            let options = async_nats::ConnectOptions::with_auth_callback(move |_| {
                let (name, path) = (name.clone(), Arc::clone(&path));
                async move {
                    let mut auth = async_nats::Auth::new();
                    let password = read_password(&path).map_err(async_nats::AuthError::new)?;
                    auth.username = Some(name);
                    auth.password = Some(password.reveal().to_owned());
                    Ok(auth)
                }
            });
            (user, options)
        }
        Credentials::File(path) => (
            format!("the user of {}", path.display()),
            async_nats::ConnectOptions::with_credentials_file(&path)
                .await
                .map_err(|source| ConnectError::CredentialsFile { path, source })?,
        ),
    };
    let local = servers.iter().all(is_loopback);
    let mut base = base
        .name(&options.name)
        .custom_inbox_prefix(&options.inbox_prefix)
        .require_tls(!local)
        .connection_timeout(Duration::from_secs(5))
        // A server that stands still is noticed after three unanswered pings.
        .ping_interval(Duration::from_secs(5))
        .reconnect_delay_callback(|attempts| match attempts {
            0 | 1 => Duration::ZERO,
            more => Duration::from_millis(25 << more.min(6)).min(Duration::from_secs(1)),
        })
        .event_callback(told(&options.name));
    if let Some(authorities) = options.authorities {
        base = base.add_root_certificates(authorities);
    }
    if let Some((certificate, key)) = options.certificate {
        base = base.add_client_certificate(certificate, key);
    }
    if local {
        // What a server tells of others may lie off this machine, and there is no TLS.
        base = base.ignore_discovered_servers();
    }
    base.connect(servers.as_slice()).await.map_err(|source| {
        let servers = options.servers.join(", ");
        match source.kind() {
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                ConnectError::Refused { servers, user }
            }
            ConnectErrorKind::ServerParse
            | ConnectErrorKind::Dns
            | ConnectErrorKind::TimedOut
            | ConnectErrorKind::Tls
            | ConnectErrorKind::Io
            | ConnectErrorKind::MaxReconnects => ConnectError::Connect { servers, source },
        }
    })
}

/// A connection that was gone is there again once it has lasted so long: a server that a majority of its cluster is not
/// behind takes one, and is left after seconds (`leader`).
const STEADY: Duration = Duration::from_secs(10);

/// What is written of a connection's events.
fn told(name: &str) -> impl Fn(Event) -> Ready<()> + Send + Sync + 'static {
    let told = Told::new(name, Arc::new(SystemClock), STEADY);
    move |event| {
        told.event(&event);
        ready(())
    }
}

struct Told {
    name: String,
    away: Arc<Lasting>,
    steady: Duration,
    /// Waits until the connection is steady. Empty: there is none, or it is.
    settling: Mutex<JoinSet<()>>,
}

impl Told {
    fn new(name: &str, clock: Arc<dyn Clock>, steady: Duration) -> Self {
        let words = Words {
            lasts: "there is no connection to NATS that lasts",
            ends: "the connection to NATS lasts again",
        };
        let away = Arc::new(Lasting::new(clock, words).of(name));
        Self { name: name.to_owned(), away, steady, settling: Mutex::default() }
    }

    /// A try to connect again that fails is an [`Event::ClientError`].
    fn event(&self, event: &Event) {
        match event {
            Event::Connected if self.away.holds() => self.settles(Some(Arc::clone(&self.away))),
            Event::Connected => tracing::info!(of = self.name, "connected to NATS"),
            Event::Disconnected => {
                self.settles(None);
                self.away.warn(&"the connection has ended");
            }
            Event::ClientError(error) if self.away.holds() => self.away.warn(error),
            Event::LameDuckMode
            | Event::Draining
            | Event::Closed
            | Event::SlowConsumer(_)
            | Event::ServerError(_)
            | Event::ClientError(_) => tracing::warn!(of = self.name, "NATS: {event}"),
        }
    }

    /// `away` has ended once this connection has lasted; `None`: it does not last.
    fn settles(&self, away: Option<Arc<Lasting>>) {
        let mut settling = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        // Nothing waits for the one before any more.
        *settling = JoinSet::new();
        if let Some(away) = away {
            let steady = self.steady;
            settling.spawn(async move {
                tokio::time::sleep(steady).await;
                away.ended();
            });
        }
    }
}

/// A small file, at each connection.
fn read_password(path: &Path) -> std::io::Result<Password> {
    // A FIFO or a device would be waited for, perhaps for ever.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is no regular file: put the password into one"));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path)?);
    Ok(Password::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn address(text: &str) -> Result<async_nats::ServerAddr, ConnectError> {
    text.parse().map_err(|_| ConnectError::Address(text.chars().take(200).collect()))
}

fn is_loopback(address: &async_nats::ServerAddr) -> bool {
    let host = address.host().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_never_ends_is_no_password() {
        let told = read_password(Path::new("/dev/zero")).unwrap_err().to_string();
        assert!(told.contains("no regular file"), "{told}");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "secret\n").unwrap();
        assert_eq!(read_password(file.path()).unwrap().reveal(), "secret");
    }

    #[tokio::test]
    async fn a_connection_that_is_made_and_dropped_is_no_end_of_being_away() {
        let mut told = Told::new("keyledger node", Arc::new(SystemClock), Duration::from_secs(3_600));
        told.event(&Event::Connected);
        assert!(!told.away.holds() && told.settling.lock().unwrap().is_empty());
        for _ in 0..20 {
            told.event(&Event::Disconnected);
            assert!(told.away.holds() && told.settling.lock().unwrap().is_empty());
            told.event(&Event::Connected);
            assert!(told.away.holds() && told.settling.lock().unwrap().len() == 1);
        }
        told.steady = Duration::ZERO;
        told.event(&Event::Connected);
        let settling = std::mem::take(&mut *told.settling.lock().unwrap());
        settling.join_all().await;
        assert!(!told.away.holds());
    }

    #[test]
    fn only_loopback_goes_without_tls() {
        for text in ["nats://127.0.0.1:4222", "localhost", "nats://[::1]:4222", "127.1.2.3:1"] {
            assert!(is_loopback(&address(text).unwrap()), "{text}");
        }
        for text in ["nats://10.0.0.1:4222", "localhost.example.com", "nats://[2001:db8::1]"] {
            assert!(!is_loopback(&address(text).unwrap()), "{text}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let credentials =
            Credentials::User { name: "node".to_owned(), password: Password::new("hunter2".to_owned()) };
        assert!(!format!("{credentials:?}").contains("hunter2"));
    }
}
