//! A breakable way to a server: what it says can be held back or thrown away, and connections cut.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Open,
    /// What the server says is thrown away.
    Deaf,
    /// Nothing passes either way, and nobody is told: what is said meanwhile comes when it is open again.
    Still,
    /// No connection lives, and none is taken.
    Cut,
}

/// Listens on a loopback port of its own as long as it lives.
pub struct Proxy {
    address: SocketAddr,
    way: watch::Sender<Way>,
    server: watch::Sender<Option<SocketAddr>>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// Who connects before the server is known waits for it.
    pub async fn start(server: Option<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let address = listener.local_addr().expect("its address");
        let (way, ways) = watch::channel(Way::Open);
        let (server, servers) = watch::channel(server);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.expect("a connection");
                if *ways.borrow() != Way::Cut {
                    connections.spawn(pass(client, servers.clone(), ways.clone()));
                }
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, way, server, _tasks: tasks }
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on connections go to this server.
    pub fn leads_to(&self, server: SocketAddr) {
        self.server.send_replace(Some(server));
    }

    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

async fn pass(
    client: TcpStream,
    mut servers: watch::Receiver<Option<SocketAddr>>,
    mut ways: watch::Receiver<Way>,
) {
    let Ok(server) = servers.wait_for(Option::is_some).await.map(|server| *server) else { return };
    let Some(server) = server else { return };
    let Ok(server) = TcpStream::connect(server).await else { return };
    // Small messages go at once, as they would without a proxy.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (client_says, client_hears) = client.into_split();
    let (server_says, server_hears) = server.into_split();
    let forth = carry(client_says, server_hears, ways.clone(), Way::Deaf);
    let back = carry(server_says, client_hears, ways.clone(), Way::Open);
    tokio::select! {
        () = forth => {}
        () = back => {}
        _ = ways.wait_for(|way| *way == Way::Cut) => {}
    }
}

/// Carries bytes one way while it is open, or in this other state.
async fn carry(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut ways: watch::Receiver<Way>,
    also: Way,
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let Ok(way) = ways.wait_for(|way| *way != Way::Still).await.map(|way| *way) else { return };
        if (way == Way::Open || way == also) && to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
