use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::poll::within;

const BOUND: Duration = Duration::from_secs(30);

/// `keyledger witness`, a process of its own. It ends with the test.
pub struct Witness {
    child: Child,
    /// Where it listens.
    pub url: String,
    /// Its public key.
    pub key: String,
}

impl Witness {
    /// In this folder, for the logs whose keys its file `log.keys` has. Its own key is in `witness.key`.
    pub async fn start(folder: &Path, state: &str) -> Self {
        Self::start_at(folder, state, "127.0.0.1:0").await
    }

    /// At an address where another one was.
    pub async fn start_at(folder: &Path, state: &str, address: &str) -> Self {
        let mut command = Command::new(keyledger());
        command
            .args(["witness", "--name", "witness.example", "--logs", "log.keys", "--key-file", "witness.key"])
            .args(["--state", state, "--listen", address])
            .current_dir(folder)
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("the witness starts");
        let mut out = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut err = BufReader::new(child.stderr.take().expect("its errors")).lines();
        let key = within("its key", BOUND, out.next_line()).await.expect("it can be read").expect("its key");
        let said = within("its address", BOUND, err.next_line()).await.expect("it can be read");
        let said = said.expect("its address");
        let url = said.strip_prefix("listening on ").unwrap_or_else(|| panic!("{said}")).to_owned();
        Self { child, url, key }
    }

    /// Without the scheme.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub async fn kill(mut self) {
        self.child.kill().await.expect("it ends");
    }
}

/// The binary as `./test` builds it, beside the tests.
fn keyledger() -> PathBuf {
    let tests = std::env::current_exe().expect("this program has a path");
    let binary = tests.parent().and_then(Path::parent).expect("it lies in a folder").join("keyledger");
    assert!(binary.exists(), "{} is not built: cargo build --bin keyledger", binary.display());
    binary
}
