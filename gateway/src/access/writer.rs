//! Stores records, one after the other, until it is told to end; what waits then is stored within a bound. While NATS is
//! away it tries again and again, and what comes meanwhile waits in the queue, as long as that has room.

use std::sync::Arc;
use std::time::Duration;

use events::Owner;
use events::clock::{Clock, Random, uuid_v7};
use events::lasting::Lasting;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::record::{Record, SealedAddress, Told};
use super::recorder::{Recorder, dropped};
use crate::store::access::{AccessRecords, MAX_RECORD};
use crate::vault::{SealingKeys, VaultError};

/// Counted records are told so often.
const MINUTE: Duration = Duration::from_secs(60);
/// After a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// For what waits when the process ends.
const LAST: Duration = Duration::from_secs(2);

pub struct Writer {
    pub recorder: Recorder,
    pub queue: mpsc::Receiver<Told>,
    pub records: AccessRecords,
    pub sealing: SealingKeys,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub unstored: Lasting,
}

impl Writer {
    pub async fn run(mut self, cancel: CancellationToken) {
        let mut minute = interval(MINUTE);
        minute.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = None;
        let kept = cancel
            .run_until_cancelled(async {
                loop {
                    let told = tokio::select! {
                        told = self.queue.recv() => told.into_iter().collect(),
                        _ = minute.tick() => self.recorder.end_minute(),
                    };
                    for told in told {
                        let (id, told) = last.insert((self.id(), told)).clone();
                        self.store(id, told).await;
                        last = None;
                    }
                }
            })
            .await;
        match kept {
            None => self.end(last).await,
            Some(never) => never,
        }
    }

    /// What is left, within the bound.
    async fn end(mut self, last: Option<(Uuid, Told)>) {
        let mut left: Vec<(Uuid, Told)> = last.into_iter().collect();
        while let Ok(told) = self.queue.try_recv() {
            left.push((self.id(), told));
        }
        left.extend(self.recorder.end_minute().into_iter().map(|told| (self.id(), told)));
        let (all, mut stored) = (left.len() as u64, 0);
        let storing = async {
            for (id, told) in left {
                self.store(id, told).await;
                stored += 1;
            }
        };
        if tokio::time::timeout(LAST, storing).await.is_err() {
            tracing::warn!(lost = all - stored, "records of access were not stored before the end");
            dropped(all - stored);
        }
    }

    fn id(&self) -> Uuid {
        uuid_v7(&*self.clock, &*self.random)
    }

    /// Again and again until it is stored.
    async fn store(&self, id: Uuid, told: Told) {
        let (about, who, address) = (told.about, told.who, told.address);
        let kind = told.kind.as_str();
        let mut record = Record::of(id, told);
        loop {
            let sealed = match (who, address) {
                (Some(who), Some(address)) => self.sealed(&record, who.owner, &address.to_string()).await,
                (_, _) => Ok(None),
            };
            let reason = match sealed {
                Err(error) => error.to_string(),
                Ok(sealed) => {
                    record.address = sealed;
                    let Ok(bytes) = serde_json::to_vec(&record) else { return dropped(1) };
                    if bytes.len() > MAX_RECORD {
                        return dropped(1);
                    }
                    match self.records.append(about, id, bytes.into()).await {
                        Ok(()) => {
                            metrics::counter!("keyledger_access_records_total", "type" => kind).increment(1);
                            self.unstored.ended();
                            return;
                        }
                        Err(error) => error.to_string(),
                    }
                }
            };
            self.unstored.warn(&reason);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// `None`: the owner is forgotten, and so is from where its keys were used.
    async fn sealed(
        &self,
        record: &Record,
        owner: Owner,
        address: &str,
    ) -> Result<Option<SealedAddress>, VaultError> {
        let key = match owner {
            Owner::Installation => Some(self.sealing.get_or_create(owner).await?),
            Owner::Organization(_) => self.sealing.get(owner).await?,
        };
        let (Some(key), Some(field)) = (key, Record::field(record.id, owner)) else { return Ok(None) };
        let text = key.seal(&field, address, &*self.random)?;
        Ok(Some(SealedAddress { owner, text }))
    }
}
