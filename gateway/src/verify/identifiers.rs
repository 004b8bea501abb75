//! Event ids and command ids: each event is there once, and what a command made stands together, in one aggregate
//! and the names that it claims.

use std::collections::HashSet;

use events::{AggregateType, CommandId, EventId, Subject};

use super::{At, Check};

#[derive(Default)]
pub(super) struct Identifiers {
    events: HashSet<EventId>,
    commands: HashSet<CommandId>,
    /// The command whose events are passing, and the aggregate that it changes.
    now: Option<(CommandId, Option<Subject>)>,
}

impl Identifiers {
    /// `None` for what could not be read.
    pub fn take(
        &mut self,
        event: Option<EventId>,
        command: Option<CommandId>,
        subject: &Subject,
        at: &mut At<'_>,
    ) {
        if let Some(event) = event.filter(|event| !self.events.insert(*event)) {
            at.found(Check::Duplicate, format!("event {event} was there before"));
        }
        let Some(command) = command else { return };
        let reservation = subject.aggregate_type == AggregateType::Slug;
        let changed = (!reservation).then(|| subject.clone());
        match &mut self.now {
            Some((now, aggregate)) if *now == command => match (&*aggregate, changed) {
                (Some(before), Some(changed)) if *before != changed => {
                    at.found(Check::Duplicate, format!("command {command} changed {before} already"));
                }
                (None, changed @ Some(_)) => *aggregate = changed,
                (_, _) => {}
            },
            Some(_) | None => {
                if !self.commands.insert(command) {
                    at.found(Check::Duplicate, format!("command {command} was done before"));
                }
                self.now = Some((command, changed));
            }
        }
    }
}
