use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gateway::dev::port::Port;
use gateway::dev::postgres::as_ordinary_user;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use super::Postgres;
use crate::poll;

/// Names pgbouncer's binary; `scripts/setup --tests` finds or installs it.
const PGBOUNCER: &str = "KEYLEDGER_PGBOUNCER";
/// `1`: its tests are left out, by somebody's will and never in silence.
const WITHOUT: &str = "KEYLEDGER_TEST_WITHOUT_PGBOUNCER";

/// A PgBouncer before a PostgreSQL, with its stock settings but for the pool's mode.
pub struct PgBouncer {
    child: Child,
    url: String,
    _port: Port,
    directory: TempDir,
}

impl PgBouncer {
    /// `mode`: `session` or `transaction`. `None`: its tests are left out.
    pub async fn start(postgres: &Postgres, mode: &str) -> Option<Self> {
        if std::env::var_os(WITHOUT).is_some_and(|word| word == "1") {
            return None;
        }
        let program = std::env::var_os(PGBOUNCER).filter(|program| !program.is_empty());
        let program = program.unwrap_or_else(|| {
            panic!("{PGBOUNCER} names no pgbouncer: run scripts/setup --tests, or leave its tests out with {WITHOUT}=1")
        });
        let behind = url::Url::parse(&postgres.url()).expect("PostgreSQL's URL is one");
        let directory = tempfile::tempdir().expect("a temporary directory");
        let port = Port::take(&[]).expect("a free port");
        let configuration = format!(
            "[databases]\n* = host=127.0.0.1 port={} user={} password={}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = {mode}\nlogfile = {}\n",
            behind.port().expect("a port"),
            behind.username(),
            behind.password().expect("a password"),
            port.number(),
            directory.path().join("log").display(),
        );
        let file = directory.path().join("pgbouncer.ini");
        std::fs::write(&file, configuration).expect("the configuration is written");
        // It refuses to run as root.
        let mut words = as_ordinary_user().await.expect("a way to run as an ordinary user");
        words.extend([program, file.into_os_string()]);
        let mut words = words.into_iter();
        let child = Command::new(words.next().expect("a program"))
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pgbouncer starts");
        let mut url = behind;
        url.set_port(Some(port.number())).expect("a URL with a host");
        let bouncer = Self { child, url: url.into(), _port: port, directory };
        poll::until("pgbouncer answers", Duration::from_secs(20), async || {
            let options: PgConnectOptions = bouncer.url.parse().expect("a URL");
            let options = options.extra_float_digits(None);
            match PgConnection::connect_with(&options).await {
                Ok(connection) => connection.close().await.map_err(|error| error.to_string()),
                Err(error) => Err(format!("{error}; {}", bouncer.log())),
            }
        })
        .await;
        Some(bouncer)
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        // It is this test's own child.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
