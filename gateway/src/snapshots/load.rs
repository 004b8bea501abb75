//! Starting from a snapshot: the newest good one becomes the directory; where there is none, the log is
//! replayed. Nothing of a snapshot is in the directory before all of it has been read and is what was signed.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use events::clock::Clock;
use events::log::{Log, ReadError};
use projections::directory::snapshot::{LoadError, Loading};
use projections::directory::{Directory, Gate};

use super::{Found, Header, Signers, list};
use crate::store::snapshots::{Object, ObjectError, Objects};
use crate::vault::VaultError;

/// What a directory is loaded with.
#[derive(Clone)]
pub struct Loader {
    pub objects: Objects,
    pub signers: Signers,
    pub clock: Arc<dyn Clock>,
}

/// Why a snapshot was not loaded, or none was found.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Log(#[from] ReadError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error(transparent)]
    Content(#[from] LoadError),
    #[error("its content is not what its header was signed for")]
    Digest,
}

/// How often the store is asked before the log is replayed instead.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);
/// A line of progress for each so many bytes.
const SAY_EVERY: u64 = 32 * 1024 * 1024;

impl Loader {
    /// Fills an empty directory from the newest good snapshot; the answer is its header. `None`: there is none,
    /// and the directory is as empty as before.
    pub async fn load(&self, log: &dyn Log, directory: &Directory, gate: &Gate) -> Option<Header> {
        let mut tries = 1;
        let found = loop {
            match self.find(log).await {
                Ok(found) => break found,
                // Nothing to load, and the follower says so.
                Err(Failed::Log(ReadError::NotBootstrapped)) => return None,
                Err(error) if tries == TRIES => {
                    tracing::warn!(%error, "no snapshot can be had: the whole log is replayed");
                    return None;
                }
                Err(_) => {
                    tries += 1;
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        for Found { object, header } in found {
            let header = match header {
                Ok(header) => header,
                Err(reason) if reason.is_of_another_version() => {
                    tracing::info!(%object, %reason, "a snapshot is passed over");
                    continue;
                }
                Err(reason) => {
                    alarm(&object, &reason);
                    continue;
                }
            };
            let begun = self.clock.instant();
            let loaded = self.load_one(&object, &header, directory, gate).await;
            gate.loading(None);
            match loaded {
                Ok(()) => {
                    let took = self.clock.instant().saturating_duration_since(begun);
                    metrics::gauge!("keyledger_snapshot_load_seconds").set(took.as_secs_f64());
                    tracing::info!(%object, sequence = header.place.sequence, keys = header.counts.keys,
                        bytes = header.size, seconds = took.as_secs_f64(), "the directory starts from a snapshot");
                    return Some(header);
                }
                Err(reason) => alarm(&object, &reason),
            }
        }
        tracing::info!("there is no snapshot to start from: the whole log is replayed");
        None
    }

    async fn find(&self, log: &dyn Log) -> Result<Vec<Found>, Failed> {
        let log = log.id().await?;
        let keys = self.signers.keys().await?;
        Ok(list(&self.objects, &keys, log).await?)
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; sizes stay far below 2^53")]
    async fn load_one(
        &self,
        object: &Object,
        header: &Header,
        directory: &Directory,
        gate: &Gate,
    ) -> Result<(), Failed> {
        let (mut loading, mut sha256) = (Loading::default(), Context::new(&SHA256));
        let (mut loaded, mut said) = (0, 0);
        let mut download = self.objects.download(object);
        gate.loading(Some((0, header.size)));
        while let Some(chunk) = download.next().await? {
            loaded += chunk.len() as u64;
            // More than was signed for: no need to read on.
            if loaded > header.size {
                return Err(Failed::Digest);
            }
            sha256.update(&chunk);
            loading.read(&chunk)?;
            gate.loading(Some((loaded, header.size)));
            metrics::gauge!("keyledger_snapshot_loaded_bytes").set(loaded as f64);
            if loaded - said >= SAY_EVERY {
                said = loaded;
                tracing::info!(%object, loaded, bytes = header.size, "a snapshot is being loaded");
            }
        }
        if sha256.finish().as_ref() != header.sha256.0 {
            return Err(Failed::Digest);
        }
        directory.install(loading, header.place, header.stored_at, header.counts)?;
        gate.begin(header.tree.clone());
        Ok(())
    }
}

/// Somebody must look into it: a snapshot is not what a worker of this installation wrote.
fn alarm(object: &Object, reason: &dyn std::fmt::Display) {
    metrics::counter!("keyledger_snapshots_refused_total").increment(1);
    tracing::error!(%object, %reason, "a snapshot is refused: an older one, or the whole log, is used instead");
}
