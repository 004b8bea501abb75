//! A command that is made, and not carried out yet.

use std::marker::PhantomData;
use std::sync::Arc;

use domain::{Context, Done};
use events::Fingerprint;
use events::sealed::{Field, SealedField};
use events::{CommandId, EventId, SealedText, Subject, Timestamp};
use uuid::Uuid;

use super::{CommandParts, Commands, Failed, Sender, Takes};
use crate::telemetry;
use crate::vault::{SealingKey, VaultError};

/// A command that is being made ready.
#[derive(Clone)]
pub struct Order<A, S> {
    pub(super) commands: Commands,
    pub(super) sender: S,
    pub(super) id: Uuid,
    pub(super) subject: Subject,
    pub(super) now: Timestamp,
    pub(super) command: CommandId,
    pub(super) fingerprint: Fingerprint,
    pub(super) event: EventId,
    pub(super) sealing: Arc<SealingKey>,
    pub(super) aggregate: PhantomData<fn() -> A>,
}

impl<A, S> Order<A, S> {
    /// Of what is created or changed.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Seals a text to the field of the event that the command will make.
    pub fn seal(&self, field: Field, text: &str) -> Result<SealedText, VaultError> {
        let field = SealedField::of(&self.subject, self.event, field);
        self.sealing.seal(&field, text, &*self.commands.0.parts.random)
    }

    /// The same for a text that may be absent.
    pub fn seal_some(&self, field: Field, text: Option<&str>) -> Result<Option<SealedText>, VaultError> {
        text.map(|text| self.seal(field, text)).transpose()
    }
}

impl<A: Takes<Command: 'static>, S: Sender> Order<A, S> {
    /// Carries the command out, if its sender still may: making it ready took time in which that may have changed.
    /// The sender is kept until the command has ended, and with it its place among others.
    pub async fn carry_out(self, command: A::Command) -> Result<Done<A>, Failed<A::Refusal, S::Denied>> {
        let Self { commands, sender, id: object, subject, now, command: id, fingerprint, event, .. } = self;
        let authority = sender.authority().map_err(Failed::Denied)?;
        let context = Context {
            now,
            actor: sender.actor(),
            authority,
            command: id,
            fingerprint,
            event,
            causation: None,
        };
        let CommandParts { dispatcher, allowance, .. } = &commands.0.parts;
        let room = match allowance {
            Some(allowance) => Some(allowance.take::<A>(subject.owner, object, &command)?),
            None => None,
        };
        let dispatcher = dispatcher.clone();
        let run = commands.0.running.spawn(async move {
            let _counting = CountsPanic;
            let _sender = sender;
            let done = dispatcher.execute::<A>(&subject, &command, &context).await;
            if let (Some(room), Ok(done)) = (room, &done)
                && done.changed
            {
                room.stored(done.position.sequence);
            }
            done
        });
        run.await.map_err(Failed::Broken)?.map_err(Failed::Command)
    }
}

/// Lies in a command's task: a panic counts, also when nobody waits for what comes of it any more.
struct CountsPanic;

impl Drop for CountsPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            telemetry::count_panic("command");
        }
    }
}
