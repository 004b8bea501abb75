use std::net::SocketAddr;
use std::time::Duration;

use gateway::dev::children::{self, Child, Launch};
use gateway::dev::port::Port;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::poll;

const START: Duration = Duration::from_secs(30);

/// An nginx of the test's own, before these servers: connections to them are kept, and one that fails once is left
/// out for a while (`max_fails`), both as most installations have it.
pub struct Nginx {
    /// Reads a request whole before it asks a server.
    pub whole: SocketAddr,
    /// Passes a request's body on as it comes.
    pub passing: SocketAddr,
    _child: Child,
    _ports: [Port; 2],
    // After the child: it goes first.
    directory: TempDir,
}

impl Nginx {
    pub async fn before(servers: &[SocketAddr]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let ports = [port(), port()];
        let [whole, passing] = ports.each_ref().map(|port| SocketAddr::from(([127, 0, 0, 1], port.number())));
        let file = directory.path().join("nginx.conf");
        std::fs::write(&file, configuration(servers, whole, passing)).expect("the configuration is written");
        let prefix = directory.path().into();
        let arguments = vec!["-p".into(), prefix, "-e".into(), "error.log".into(), "-c".into(), file.into()];
        let log = directory.path().join("output.log");
        let launch = Launch { wrapper: Vec::new(), program: "nginx".into(), arguments, log };
        let child = children::spawn(&launch).await.expect("nginx starts: scripts/setup --tests installs it");
        let nginx = Self { whole, passing, _child: child, _ports: ports, directory };
        poll::until("nginx listens", START, async || {
            TcpStream::connect(whole).await.map_err(|error| format!("{error}; {}", nginx.said()))
        })
        .await;
        nginx
    }

    /// Its error log.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("error.log")).unwrap_or_default()
    }
}

fn port() -> Port {
    Port::take(&[]).expect("a free port")
}

fn configuration(servers: &[SocketAddr], whole: SocketAddr, passing: SocketAddr) -> String {
    let servers: String = servers.iter().map(|server| format!("server {server}; ")).collect();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path {name}; "))
        .collect();
    let pass = "proxy_pass http://keyledger; proxy_http_version 1.1; proxy_set_header Connection \"\";";
    format!(
        "daemon off; master_process off; pid nginx.pid; error_log error.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off; client_max_body_size 64m; {temporary}
    upstream keyledger {{ {servers}keepalive 16; }}
    server {{ listen {whole}; location / {{ {pass} }} }}
    server {{ listen {passing}; location / {{ {pass} proxy_request_buffering off; }} }}
}}
"
    )
}
