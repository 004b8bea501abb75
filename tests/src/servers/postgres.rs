use events::clock::{Random, SystemRandom};
use gateway::dev::postgres::{PostgresOptions, PostgresServer};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;

/// Names the URL of the PostgreSQL that `with-servers` has started for all tests.
pub const SHARED: &str = "KEYLEDGER_TEST_POSTGRES";
/// The migrated database that each test's is a copy of.
pub const TEMPLATE: &str = "keyledger_template";

/// A migrated database of the test's own: a copy of the shared server's template, or, where there is none, a
/// server of its own.
pub struct Postgres {
    url: String,
    place: Place,
}

enum Place {
    Shared { admin: String, database: String },
    Own { server: Option<PostgresServer>, options: PostgresOptions, _directory: TempDir },
}

impl Postgres {
    pub async fn start() -> Self {
        match std::env::var(SHARED) {
            Ok(admin) if !admin.is_empty() => Self::copy(admin).await,
            _ => Self::own().await,
        }
    }

    /// A server of the test's own: one that can be stopped, killed and started again.
    pub async fn own() -> Self {
        gateway::crypto::install();
        let directory = tempfile::tempdir().expect("a temporary directory");
        let options = PostgresOptions {
            directory: directory.path().join("postgres"),
            max_connections: 50,
            durable: false,
        };
        let server = PostgresServer::start(&options, &SystemRandom).await.expect("PostgreSQL starts");
        let url = server.url();
        migrate(&url).await;
        Self { url, place: Place::Own { server: Some(server), options, _directory: directory } }
    }

    async fn copy(admin: String) -> Self {
        gateway::crypto::install();
        let mut bytes = [0; 8];
        SystemRandom.fill(&mut bytes);
        let database = format!("test_{:016x}", u64::from_be_bytes(bytes));
        execute(&admin, format!("CREATE DATABASE {database} TEMPLATE {TEMPLATE}")).await;
        Self { url: with_database(&admin, &database), place: Place::Shared { admin, database } }
    }

    /// The database's URL, with its password.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// A connection to it.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.expect("PostgreSQL takes the connection")
    }

    /// Ends the test's own server in good order.
    pub async fn stop(&mut self) {
        self.server().take().expect("PostgreSQL runs").stop().await;
    }

    /// Kills the test's own server.
    pub async fn kill(&mut self) {
        drop(self.server().take().expect("PostgreSQL runs"));
    }

    /// Starts the test's own server again on the same data, under the same address.
    pub async fn start_again(&mut self) {
        let Place::Own { server, options, .. } = &mut self.place else { panic!("{NOT_OWN}") };
        assert!(server.is_none(), "PostgreSQL still runs");
        let again = PostgresServer::start(options, &SystemRandom).await.expect("PostgreSQL starts again");
        assert_eq!(again.url(), self.url, "the port was taken in between");
        *server = Some(again);
    }

    fn server(&mut self) -> &mut Option<PostgresServer> {
        let Place::Own { server, .. } = &mut self.place else { panic!("{NOT_OWN}") };
        server
    }
}

const NOT_OWN: &str = "this PostgreSQL is every test's: take Postgres::own()";

impl Drop for Postgres {
    fn drop(&mut self) {
        let Place::Shared { admin, database } = &self.place else { return };
        let (admin, database) = (admin.clone(), database.clone());
        // A thread, since a drop can't await; a failure leaves a database that ends with its server.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&admin).await.ok()?;
                let sql = format!("DROP DATABASE {database} WITH (FORCE)");
                connection.execute(AssertSqlSafe(sql)).await.ok()
            })
        });
        let _ = dropping.join();
    }
}

/// Makes the template that tests copy.
pub async fn make_template(admin: &str) {
    execute(admin, format!("CREATE DATABASE {TEMPLATE}")).await;
    migrate(&with_database(admin, TEMPLATE)).await;
}

async fn migrate(url: &str) {
    let pool = projections::postgres::connect(url, 1).expect("PostgreSQL's URL is one");
    projections::postgres::migrate(&pool).await.expect("the migrations run");
}

async fn execute(url: &str, sql: String) {
    let mut connection = PgConnection::connect(url).await.expect("PostgreSQL takes the connection");
    connection.execute(AssertSqlSafe(sql.clone())).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    connection.close().await.expect("the connection closes");
}

fn with_database(url: &str, database: &str) -> String {
    let mut url = url::Url::parse(url).expect("a PostgreSQL URL");
    url.set_path(database);
    url.into()
}
