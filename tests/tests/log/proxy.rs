//! Control's log behind a breakable way to nats-server.

use std::sync::Arc;
use std::time::Duration;

use events::clock::{SystemClock, SystemRandom};
use events::log::Log;
use events::log::jetstream::{self, ConnectOptions, Credentials, JetStreamLog, Password, Timeouts};
use gateway::config::NatsRole;
use gateway::store::roles;
use keyledger_tests::servers::{Nats, Proxy};

pub async fn to(nats: &Nats) -> Proxy {
    Proxy::start(Some(nats.url().strip_prefix("nats://").unwrap().parse().unwrap())).await
}

/// Control's log through here; its id is known already.
pub async fn log(proxy: &Proxy, nats: &Nats) -> JetStreamLog {
    let user = nats.credentials("control");
    let client = jetstream::connect(ConnectOptions {
        servers: vec![format!("nats://{}", proxy.address())],
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
