//! Names: whoever claims one has its reservation in the same batch, and a name belongs to one object for ever.

use std::collections::HashMap;

use events::slug::{Reserved, SlugEvent};
use events::{AggregateId, CommandId, Event, Recorded, Subject};

use super::{At, Check, Findings};

#[derive(Default)]
pub(super) struct Claims {
    /// Each name's object.
    objects: HashMap<Subject, AggregateId>,
    /// The command whose events are passing, with its reservations that nobody has claimed yet.
    now: Option<(CommandId, Vec<Waiting>)>,
}

struct Waiting {
    sequence: u64,
    name: Subject,
    object: AggregateId,
}

impl Claims {
    pub fn take(&mut self, recorded: &Recorded, at: &mut At<'_>) {
        let command = recorded.envelope.command;
        if self.now.as_ref().is_none_or(|(now, _)| *now != command) {
            self.end(at.findings);
            self.now = Some((command, Vec::new()));
        }
        let Some((_, waiting)) = &mut self.now else { return };
        let subject = &recorded.envelope.subject;
        if let Event::Slug(SlugEvent::Reserved(Reserved { kind, slug, object })) = &recorded.event {
            if *subject != Subject::slug(subject.owner, *kind, slug) {
                at.found(Check::Subject, format!("it reserves the {} slug {slug}", kind.as_str()));
            }
            let before = self.objects.insert(subject.clone(), object.clone());
            if before.is_some() && kind.is_claimed_once() {
                at.found(Check::Reservation, format!("{slug} was claimed before, which can be once"));
            }
            if let Some(before) = before
                && before != *object
            {
                at.found(Check::Reservation, format!("the name is {before}'s, and {object} is given it"));
            }
            waiting.push(Waiting { sequence: at.sequence, name: subject.clone(), object: object.clone() });
        }
        if let Some(claimed) = recorded.event.reserves() {
            let name = Subject::slug(subject.owner, claimed.kind, &claimed.slug);
            let reserved = waiting
                .iter()
                .position(|waiting| waiting.name == name && waiting.object == subject.aggregate_id);
            match reserved {
                Some(place) => drop(waiting.swap_remove(place)),
                None => at.found(
                    Check::Reservation,
                    format!("it claims the slug {} without a reservation next to it", claimed.slug),
                ),
            }
        }
    }

    /// What the command reserved and nobody claimed.
    pub fn end(&mut self, findings: &mut Findings) {
        for Waiting { sequence, name, object } in self.now.take().into_iter().flat_map(|(_, waiting)| waiting)
        {
            let problem = format!("it reserves a name for {object}, which does not claim it");
            findings.add(Check::Reservation, sequence, Some(&name.to_string()), problem);
        }
    }
}
