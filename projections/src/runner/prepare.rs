//! Makes a message ready to be stored: read, judged, its texts opened.

use std::sync::{Arc, PoisonError};

use events::{AggregateType, Keyholder, LogId, Read, Recorded, Subject, Unreadable};

use super::batch::{self, Item, Readable, What};
use super::reader::Message;
use super::{ProjectError, Projector};
use crate::Projection;
use crate::forgotten;
use crate::parked::ParkedEvent;
use crate::postgres::{history, text};
use crate::refused;

impl Projector {
    pub(super) async fn prepare(&self, message: Arc<Message>, log: LogId) -> Result<Item, ProjectError> {
        let subject = message.stored.subject.parse::<Subject>().ok();
        let publishes_keys =
            subject.as_ref().is_some_and(|subject| subject.aggregate_type == AggregateType::Installation);
        // Most of a log is no matter of most projections, which its subject tells without reading it.
        let passed_over = subject.is_some_and(|subject| !self.projection.takes(&subject));
        if passed_over && !publishes_keys {
            return Ok(Item { message, what: What::PassedOver });
        }
        let read = self.read(&message, log).await?;
        if passed_over {
            return Ok(Item { message, what: What::PassedOver });
        }
        let what = match read {
            Read::Event(recorded) => self.take_in(recorded.clone()).await?,
            Read::Unreadable(unreadable) => {
                refused::count(unreadable.reason.cause());
                let Unreadable { subject, id, kind, schema_version, stored_at, reason, .. } = &**unreadable;
                tracing::error!(projection = %self.projection, sequence = message.stored.sequence, %subject, ?kind,
                    version = *schema_version, %reason,
                    "an event can't be read: it is parked with what follows of its aggregate");
                let event = ParkedEvent {
                    sequence: message.stored.sequence,
                    subject: subject.clone(),
                    event: *id,
                    kind: kind.as_deref().map(Into::into),
                    schema_version: *schema_version,
                    stored_at: *stored_at,
                    reason: reason.to_string(),
                    for_good: reason.is_for_good(),
                };
                What::Parked(Box::new(event.storable()))
            }
            Read::Foreign(foreign) => {
                if self.projection == Projection::History {
                    tracing::error!(sequence = message.stored.sequence, subject = %foreign.subject,
                        reason = %foreign.reason, "a message in the log is no event of ours: skipped");
                }
                What::PassedOver
            }
        };
        Ok(Item { message, what })
    }

    /// A message of the log, with its signature judged.
    pub(super) async fn read<'a>(&self, message: &'a Message, log: LogId) -> Result<&'a Read, ProjectError> {
        message.read(&self.reader, log).await.map_err(|error| ProjectError::Log(error.to_string()))
    }

    /// Reads who is forgotten before the first event, and adds whom this one forgets.
    async fn know_the_forgotten(&self, recorded: &Recorded) -> Result<(), ProjectError> {
        let known = self.forgotten.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let stored = if known { None } else { Some(forgotten::all(&self.pool, self.projection).await?) };
        let forgets = forgotten::forgets(recorded);
        let mut known = self.forgotten.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stored) = stored {
            known.get_or_insert_default().extend(stored);
        }
        if let Some(keyholder) = forgets {
            known.get_or_insert_default().insert(keyholder);
        }
        Ok(())
    }

    fn is_forgotten(&self, keyholder: &Keyholder) -> bool {
        let forgotten = self.forgotten.lock().unwrap_or_else(PoisonError::into_inner);
        forgotten.as_ref().is_some_and(|forgotten| forgotten.contains(keyholder))
    }

    async fn take_in(&self, recorded: Box<Recorded>) -> Result<What, ProjectError> {
        self.know_the_forgotten(&recorded).await?;
        let texts = text::open(&*self.unseal, &recorded, |keyholder| self.is_forgotten(keyholder)).await?;
        let row = match self.projection {
            Projection::History => match history::row(&recorded, &texts) {
                Ok(row) => Some(row),
                Err(error) => {
                    return Ok(What::Parked(Box::new(batch::park(&recorded, error.to_string()))));
                }
            },
            Projection::Organizations
            | Projection::Servers
            | Projection::Keys
            | Projection::Webhooks
            | Projection::People
            | Projection::Members
            | Projection::Invitations
            | Projection::Issuers
            | Projection::Clients
            | Projection::Approvals
            | Projection::Consents
            | Projection::Grants => None,
        };
        Ok(What::Event(Box::new(Readable { recorded, texts, row })))
    }
}
