//! What rows share: servers that are started when the first row wants them.

use tokio::sync::{Mutex, MutexGuard, OnceCell};

use crate::arguments::Arguments;
use crate::floor::nginx::Nginx;
use crate::floor::server::BareServer;
use crate::installation::{Full, Installation};

pub struct Bench {
    pub arguments: Arguments,
    upstream: OnceCell<BareServer>,
    nginx: OnceCell<Nginx>,
    node: OnceCell<Installation>,
    full: Mutex<Option<Full>>,
}

impl Bench {
    pub fn new(arguments: Arguments) -> Self {
        let (upstream, nginx, node) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { arguments, upstream, nginx, node, full: Mutex::new(None) }
    }

    /// The bare server: a floor, and everybody's upstream.
    pub async fn upstream(&self) -> &BareServer {
        self.upstream.get_or_init(|| BareServer::start(self.arguments.threads())).await
    }

    /// nginx before it.
    pub async fn nginx(&self) -> &Nginx {
        let upstream = self.upstream().await.address;
        self.nginx.get_or_init(|| Nginx::before(upstream, self.arguments.threads())).await
    }

    /// A Keyledger process with the role node alone, before it.
    pub async fn node(&self) -> &Installation {
        let upstream = self.upstream().await.address;
        self.node.get_or_init(|| Installation::node(&self.arguments, upstream, self.arguments.keys())).await
    }

    /// An installation with as many keys as the rows on a long log want; its process does not run.
    pub async fn full(&self) -> MutexGuard<'_, Option<Full>> {
        let mut full = self.full.lock().await;
        if full.is_none() {
            *full = Some(Full::make(&self.arguments).await);
        }
        full
    }
}
