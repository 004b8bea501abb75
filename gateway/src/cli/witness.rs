//! `keyledger witness`: an independent process that cosigns the checkpoints of logs that only grow. It knows no NATS, no
//! PostgreSQL and no secret of an installation.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use events::clock::{Random, SystemClock, SystemRandom};
use events::tlog::{Cosigner, Usage};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::block_on;
use super::error::CliError;
use super::events::evidence::{read_file, read_keys};
use super::output::Output;
use crate::listener::{self, Bounds, Listener, Room};
use crate::serve::end_asked;
use crate::telemetry;
use crate::witness::{self, WitnessError};

/// C2SP tlog-witness over plain HTTP: off loopback, put a reverse proxy with TLS before it. Run it where nobody who can
/// write to the installation's disks can write, and keep its files.
#[derive(Debug, Args)]
pub struct Witness {
    /// Its name, such as witness.example.com/keyledger
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The logs that it watches: a file of C2SP verifier keys, one a line, as `keyledger events keys` prints them
    #[arg(long, value_name = "FILE")]
    logs: PathBuf,
    /// Its private key, drawn at the first start
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// What it has cosigned last. One process at a time has it: FILE.lock says so
    #[arg(long, value_name = "FILE")]
    state: PathBuf,
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
}

/// Connections at once.
const PLACES: usize = 64;

impl Witness {
    pub fn run(self, output: &mut Output) -> Result<(), CliError> {
        let _writing = telemetry::install_tracing(&crate::config::Logging::default())?;
        let logs = read_keys(&self.logs)?;
        if logs.iter().any(|key| key.usage() != Usage::Note) {
            return Err(CliError::Usage(format!("{}: one of the keys is a witness's", self.logs.display())));
        }
        let seed = seed(&self.key_file)?;
        let cosigner =
            Cosigner::from_seed(&self.name, &seed).map_err(|error| CliError::Usage(error.to_string()))?;
        let witness = witness::Witness::open(cosigner, logs, self.state, Arc::new(SystemClock))?;
        output.line(format!("{}", witness.verifier()))?;
        block_on(serve(Arc::new(witness), self.listen, output))
    }
}

async fn serve(
    witness: Arc<witness::Witness>,
    address: SocketAddr,
    output: &mut Output,
) -> Result<(), CliError> {
    let unbound =
        |error: std::io::Error| CliError::Unavailable(format!("can't listen on {address}: {error}"));
    let socket = listener::bind(address).map_err(unbound)?;
    let address = socket.local_addr().map_err(unbound)?;
    output.note(format!("listening on http://{address}"));
    let cancel = CancellationToken::new();
    let room = Room::new("witness", PLACES, Bounds::default(), Arc::new(SystemClock));
    let listener = Listener { serve: witness::router(witness), room, tls: None, cancel: cancel.clone() };
    tokio::select! {
        () = listener.run(socket) => Ok(()),
        () = end_asked() => {
            cancel.cancel();
            Ok(())
        }
    }
}

/// 32 bytes in base64, in a file that its owner alone can read; drawn where there is none.
fn seed(file: &Path) -> Result<Zeroizing<[u8; 32]>, CliError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let wrong = |problem: String| CliError::Usage(format!("{}: {problem}", file.display()));
    let mut options = std::fs::OpenOptions::new();
    match options.write(true).create_new(true).mode(0o600).open(file) {
        Ok(mut created) => {
            let mut drawn = Zeroizing::new([0; 32]);
            SystemRandom.fill(&mut *drawn);
            let text = Zeroizing::new(format!("{}\n", STANDARD.encode(*drawn)));
            let written = created.write_all(text.as_bytes()).and_then(|()| created.sync_all());
            written.map_err(|error| wrong(error.to_string()))?;
            Ok(drawn)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let text = Zeroizing::new(read_file(file)?);
            let bytes =
                Zeroizing::new(STANDARD.decode(text.trim()).map_err(|error| wrong(error.to_string()))?);
            let seed =
                bytes.as_slice().try_into().map_err(|_| wrong("it is not 32 bytes in base64".to_owned()))?;
            Ok(Zeroizing::new(seed))
        }
        Err(error) => Err(wrong(error.to_string())),
    }
}

impl From<WitnessError> for CliError {
    fn from(error: WitnessError) -> Self {
        match error {
            WitnessError::Held { .. } => Self::Unavailable(error.to_string()),
            WitnessError::File { .. } | WitnessError::State { .. } => Self::Usage(error.to_string()),
        }
    }
}
