//! A breakable way to nats-server: answers can be held back, and connections cut.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use events::clock::{SystemClock, SystemRandom};
use events::log::Log;
use events::log::jetstream::{self, ConnectOptions, Credentials, JetStreamLog, Password, Timeouts};
use gateway::config::NatsRole;
use gateway::store::roles;
use keyledger_tests::servers::Nats;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Open,
    /// What the server says is thrown away.
    Deaf,
    /// No connection lives, and none is taken.
    Cut,
}

pub struct Proxy {
    pub address: SocketAddr,
    way: watch::Sender<Way>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    pub async fn start(nats: &Nats) -> Self {
        let server = nats.url().strip_prefix("nats://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (way, ways) = watch::channel(Way::Open);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                if *ways.borrow() != Way::Cut {
                    connections.spawn(pass(client, server.clone(), ways.clone()));
                }
            }
        });
        Self { address, way, _tasks: tasks }
    }

    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// Control's log through here; its id is known already.
    pub async fn log(&self, nats: &Nats) -> JetStreamLog {
        let user = nats.credentials("control");
        let client = jetstream::connect(ConnectOptions {
            servers: vec![format!("nats://{}", self.address)],
            credentials: Credentials::User { name: user.user, password: Password::new(user.password) },
            name: "test".to_owned(),
            inbox_prefix: roles::inbox_prefix(NatsRole::Control),
            authorities: None,
            certificate: None,
        })
        .await
        .unwrap();
        let timeouts = Timeouts {
            append: Duration::from_secs(1),
            read: Duration::from_secs(1),
            heartbeat: Duration::from_millis(500),
        };
        let log = JetStreamLog::open(client, Arc::new(SystemClock), Arc::new(SystemRandom), timeouts);
        let log = log.await.unwrap();
        log.id().await.unwrap();
        log
    }
}

async fn pass(client: TcpStream, server: String, mut ways: watch::Receiver<Way>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (mut client_says, mut client_hears) = client.into_split();
    let (mut server_says, mut server_hears) = server.into_split();
    let hears = ways.clone();
    let forth = tokio::io::copy(&mut client_says, &mut server_hears);
    let back = async {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = server_says.read(&mut bytes).await {
            if *hears.borrow() == Way::Open && client_hears.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = forth => {}
        () = back => {}
        _ = ways.wait_for(|way| *way == Way::Cut) => {}
    }
}
