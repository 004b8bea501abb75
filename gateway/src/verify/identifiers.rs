//! Event ids and command ids: each event is there once, and what a command made stands together, in one aggregate
//! and the names that it claims.

use std::collections::HashSet;

use events::{AggregateType, CommandId, Envelope, EventId, Subject};

use super::{At, Check};

#[derive(Default)]
pub(super) struct Identifiers {
    events: HashSet<EventId>,
    commands: HashSet<CommandId>,
    /// The command whose events are passing, and the aggregate that it changes.
    now: Option<(CommandId, Option<Subject>)>,
}

impl Identifiers {
    pub fn take(&mut self, envelope: &Envelope, at: &mut At<'_>) {
        if !self.events.insert(envelope.id) {
            at.found(Check::Duplicate, format!("event {} was there before", envelope.id));
        }
        let reservation = envelope.subject.aggregate_type == AggregateType::Slug;
        let changed = (!reservation).then(|| envelope.subject.clone());
        match &mut self.now {
            Some((command, aggregate)) if *command == envelope.command => match (&*aggregate, changed) {
                (Some(before), Some(changed)) if *before != changed => {
                    at.found(Check::Duplicate, format!("command {command} changed {before} already"));
                }
                (None, changed @ Some(_)) => *aggregate = changed,
                (_, _) => {}
            },
            Some(_) | None => {
                if !self.commands.insert(envelope.command) {
                    at.found(Check::Duplicate, format!("command {} was done before", envelope.command));
                }
                self.now = Some((envelope.command, changed));
            }
        }
    }
}
