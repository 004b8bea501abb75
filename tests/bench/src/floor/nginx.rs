//! nginx before the bare upstream: `proxy_pass` with connections that are kept on both sides, nothing logged and
//! nothing held back. As many processes as Keyledger has threads, each with a socket of its own on one port; single
//! processes and no master, so that each ends with the bench however that ends.

use std::net::SocketAddr;
use std::time::Duration;

use gateway::dev::children::{self, Child, Launch};
use gateway::dev::port::Port;
use keyledger_tests::poll;
use tempfile::TempDir;
use tokio::net::TcpStream;

const START: Duration = Duration::from_secs(20);

pub struct Nginx {
    pub address: SocketAddr,
    workers: Vec<Child>,
    _port: Port,
    _folder: TempDir,
}

/// Whether it can be started.
pub fn is_there() -> bool {
    std::process::Command::new("nginx").arg("-v").output().is_ok_and(|output| output.status.success())
}

impl Nginx {
    pub async fn before(upstream: SocketAddr, workers: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = Port::take(&[]).expect("a free port");
        let address = SocketAddr::from(([127, 0, 0, 1], port.number()));
        let mut started = Vec::new();
        for number in 0..workers {
            let prefix = folder.path().join(number.to_string());
            std::fs::create_dir(&prefix).expect("a folder");
            let file = prefix.join("nginx.conf");
            std::fs::write(&file, configuration(address, upstream)).expect("the configuration is written");
            let arguments = ["-p".into(), prefix.clone().into(), "-e".into(), "error.log".into()];
            let arguments = arguments.into_iter().chain(["-c".into(), file.into()]).collect();
            let log = prefix.join("output.log");
            let launch = Launch { wrapper: Vec::new(), program: "nginx".into(), arguments, log };
            let child = children::spawn(&launch).await;
            started.push(child.expect("nginx starts: scripts/setup --bench installs it"));
        }
        poll::until("nginx listens", START, async || TcpStream::connect(address).await).await;
        Self { address, workers: started, _port: port, _folder: folder }
    }

    pub fn processes(&self) -> Vec<u32> {
        self.workers.iter().map(Child::id).collect()
    }
}

fn configuration(listen: SocketAddr, upstream: SocketAddr) -> String {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path {name}; "))
        .collect();
    format!(
        "daemon off; master_process off; pid nginx.pid; error_log error.log warn;
events {{ worker_connections 8192; }}
http {{
    access_log off; client_max_body_size 64m; keepalive_requests 100000000; {temporary}
    upstream bare {{ server {upstream}; keepalive 256; keepalive_requests 100000000; }}
    server {{
        listen {listen} reuseport backlog=4096;
        location / {{
            proxy_pass http://bare; proxy_http_version 1.1; proxy_set_header Connection \"\";
            proxy_buffering off; proxy_request_buffering off;
        }}
    }}
}}
"
    )
}
