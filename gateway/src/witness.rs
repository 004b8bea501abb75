//! A witness (C2SP tlog-witness): an independent process that keeps, for each log that it knows, the newest checkpoint
//! that it has cosigned, and cosigns no other than one that goes on from it. Who keeps a witness elsewhere than NATS
//! notices a log that was cut short or rewritten, whoever did it.
//!
//! It promises: what was cosigned is on disk before the answer; of two that come at once one is judged after the other;
//! a state file is one process's at a time.
//! It knows logs by their public keys, and nobody else: it asks for no key and keeps no secret but its own.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path as UrlPath, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use events::clock::Clock;
use events::tlog::{Checkpoint, Cosigner, Hash, MAX_NOTE, Note, VerifierKey, verify_consistency};
use http::{HeaderValue, StatusCode, header};
use tokio::sync::Mutex;

mod remote;

pub use remote::{Added, Remote, RemoteError};

/// Hashes of a proof, at most (tlog-witness).
const MAX_PROOF: usize = 63;
/// A request's body is at most this long, in bytes.
const MAX_BODY: usize = MAX_NOTE + 4 * 1024;

const SIZE: HeaderValue = HeaderValue::from_static("text/x.tlog.size");

/// What a witness goes by.
pub struct Witness {
    cosigner: Cosigner,
    /// Of the logs that it watches; a log's name is its key's.
    logs: Vec<VerifierKey>,
    clock: Arc<dyn Clock>,
    file: PathBuf,
    /// Held as long as this lives: two processes on one state would each take the other's word back.
    _lock: File,
    /// The newest of each log that was cosigned, by origin.
    seen: Mutex<BTreeMap<String, Note>>,
}

/// Why a witness does not start, or could not keep what it has seen.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{path} is no state of a witness: {problem}")]
    State { path: PathBuf, problem: String },
    #[error(
        "{path} is another witness's: a process that runs holds its lock. End that one first, or name another --state"
    )]
    Held { path: PathBuf },
}

/// Why a checkpoint is not cosigned.
#[derive(Debug)]
enum Refusal {
    Malformed(&'static str),
    UnknownLog,
    Unsigned,
    /// The size that was cosigned last.
    Conflict(u64),
    Inconsistent(String),
    NotKept(WitnessError),
}

impl Witness {
    /// Goes on from what the state file says; there is none at the first start.
    pub fn open(
        cosigner: Cosigner,
        logs: Vec<VerifierKey>,
        file: PathBuf,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, WitnessError> {
        let lock = lock(&file)?;
        let seen = match std::fs::read_to_string(&file) {
            Ok(text) => state(&file, &text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(source) => return Err(WitnessError::File { path: file, source }),
        };
        Ok(Self { cosigner, logs, clock, file, _lock: lock, seen: Mutex::new(seen) })
    }

    pub fn verifier(&self) -> &VerifierKey {
        self.cosigner.verifier()
    }

    /// Judges a request's body; the answer is the cosignature's line.
    async fn add(&self, body: &str) -> Result<String, Refusal> {
        let Asked { old, proof, note } =
            asked(body).ok_or(Refusal::Malformed("not a request of tlog-witness"))?;
        let text: Checkpoint = note.text().parse().map_err(|_| Refusal::Malformed("not a checkpoint"))?;
        if !self.logs.iter().any(|key| key.name() == text.origin) {
            return Err(Refusal::UnknownLog);
        }
        let checkpoint = Checkpoint::open(&note, &text.origin, &self.logs).map_err(|_| Refusal::Unsigned)?;
        if old > checkpoint.size {
            return Err(Refusal::Malformed("the old size is larger than the checkpoint's"));
        }
        // Held until the new one is kept: what is judged next goes on from there.
        let mut seen = self.seen.lock().await;
        let (known, root) = match seen.get(&checkpoint.origin).map(|note| note.text().parse::<Checkpoint>()) {
            Some(Ok(known)) => (known.size, known.root),
            Some(Err(_)) | None => (0, Hash::empty()),
        };
        if old != known || (old == checkpoint.size && old > 0 && root != checkpoint.root) {
            return Err(Refusal::Conflict(known));
        }
        verify_consistency(known, root, checkpoint.size, checkpoint.root, &proof)
            .map_err(|error| Refusal::Inconsistent(error.to_string()))?;
        let now = u64::try_from(self.clock.now().unix_millis() / 1_000).unwrap_or(0);
        let line = self.cosigner.cosign(note.text(), now);
        let mut cosigned = note;
        cosigned.add(line.clone());
        let mut newer = seen.clone();
        newer.insert(checkpoint.origin, cosigned);
        keep(&self.file, &newer).map_err(Refusal::NotKept)?;
        *seen = newer;
        Ok(line.to_string())
    }

    /// The newest checkpoint that was cosigned, of the log whose origin has this SHA-256 in hexadecimal digits.
    async fn newest(&self, origin: &str) -> Option<Note> {
        let seen = self.seen.lock().await;
        seen.iter().find(|(name, _)| origin_path(name) == origin).map(|(_, note)| note.clone())
    }
}

/// Where below a witness's URL the newest checkpoint of a log is: `checkpoint/` and this.
pub fn origin_path(origin: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, origin.as_bytes());
    digest.as_ref().iter().fold(String::new(), |mut text, byte| {
        use std::fmt::Write;
        // Writing into a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A request of tlog-witness.
struct Asked {
    old: u64,
    proof: Vec<Hash>,
    note: Note,
}

fn asked(body: &str) -> Option<Asked> {
    let (head, note) = body.split_once("\n\n")?;
    let mut lines = head.split('\n');
    let digits = lines.next()?.strip_prefix("old ")?;
    let old: u64 = digits.parse().ok().filter(|old: &u64| old.to_string() == digits)?;
    let proof: Vec<Hash> = lines.map(|line| line.parse().ok()).collect::<Option<_>>()?;
    if proof.len() > MAX_PROOF {
        return None;
    }
    Some(Asked { old, proof, note: note.parse().ok()? })
}

fn state(file: &Path, text: &str) -> Result<BTreeMap<String, Note>, WitnessError> {
    let wrong = |problem: String| WitnessError::State { path: file.to_owned(), problem };
    let stored: BTreeMap<String, String> =
        serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    stored
        .into_iter()
        .map(|(origin, note)| match note.parse() {
            Ok(note) => Ok((origin, note)),
            Err(error) => Err(wrong(format!("the checkpoint of {origin}: {error}"))),
        })
        .collect()
}

/// Beside the state, which is another file each time that it is written. The lock goes with the process, however it ends.
fn lock(file: &Path) -> Result<File, WitnessError> {
    let path = beside(file, ".lock");
    let opened = File::options().create(true).append(true).open(&path);
    let opened = opened.map_err(|source| WitnessError::File { path: path.clone(), source })?;
    match opened.try_lock() {
        Ok(()) => Ok(opened),
        Err(TryLockError::WouldBlock) => Err(WitnessError::Held { path: file.to_owned() }),
        Err(TryLockError::Error(source)) => Err(WitnessError::File { path, source }),
    }
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// On disk, whole or not at all.
fn keep(file: &Path, seen: &BTreeMap<String, Note>) -> Result<(), WitnessError> {
    use std::io::Write;
    let at = |source| WitnessError::File { path: file.to_owned(), source };
    let stored: BTreeMap<&String, String> =
        seen.iter().map(|(origin, note)| (origin, note.to_string())).collect();
    let text = serde_json::to_vec_pretty(&stored).map_err(|error| at(error.into()))?;
    let new = beside(file, ".new");
    let mut written = File::create(&new).map_err(at)?;
    written.write_all(&text).and_then(|()| written.sync_all()).map_err(at)?;
    std::fs::rename(&new, file).map_err(at)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at)
}

/// `POST /add-checkpoint`, and `GET /checkpoint/<SHA-256 of the origin>` for whoever compares.
pub fn router(witness: Arc<Witness>) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/checkpoint/{origin}", get(checkpoint))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(witness)
}

async fn add_checkpoint(State(witness): State<Arc<Witness>>, body: Bytes) -> Response {
    let judged = match std::str::from_utf8(&body) {
        Ok(body) => witness.add(body).await,
        Err(_) => Err(Refusal::Malformed("not UTF-8")),
    };
    match judged {
        Ok(line) => line.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn checkpoint(State(witness): State<Arc<Witness>>, UrlPath(origin): UrlPath<String>) -> Response {
    match witness.newest(&origin).await {
        Some(note) => note.to_string().into_response(),
        None => (StatusCode::NOT_FOUND, "no checkpoint of this log was cosigned here\n").into_response(),
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Malformed(problem) => (StatusCode::BAD_REQUEST, format!("{problem}\n")).into_response(),
            Self::UnknownLog => (StatusCode::NOT_FOUND, "this log is not watched here\n").into_response(),
            Self::Unsigned => {
                (StatusCode::FORBIDDEN, "no key of this log that is known here signed it\n").into_response()
            }
            Self::Conflict(size) => {
                tracing::warn!(size, "a checkpoint does not go on from the newest one of its log");
                (StatusCode::CONFLICT, [(header::CONTENT_TYPE, SIZE)], format!("{size}\n")).into_response()
            }
            Self::Inconsistent(problem) => {
                tracing::error!(%problem, "a log's checkpoint contradicts the one that was cosigned before");
                (StatusCode::UNPROCESSABLE_ENTITY, format!("{problem}\n")).into_response()
            }
            Self::NotKept(error) => {
                tracing::error!(%error, "a checkpoint is not cosigned, for it could not be kept");
                (StatusCode::INTERNAL_SERVER_ERROR, "it could not be kept\n").into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests;
