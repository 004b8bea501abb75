//! `keyledger events verify`: whether the log holds what only Keyledger's decisions could have written.
//!
//! A state machine that is handed every message in the log's order and tells what it found. It reads nothing and
//! asks nobody. It keeps in memory: each aggregate's state and last time, as a command would load it, and 16 bytes
//! an event and a command to notice a second one. What it tells is bounded: the first findings with their places,
//! and how many there were of each kind.

use std::collections::BTreeMap;

use events::envelope::{ForeignReason, UnreadableReason};
use events::log::Stored;
use events::{Envelope, Event, LogId, Read, Recorded, SignerKey, Signers, Unreadable};
use serde::Serialize;

mod aggregates;
mod checkpoints;
mod claims;
mod identifiers;
mod secrets;

use aggregates::Aggregates;
use checkpoints::Checkpoints;
pub use checkpoints::{Agreed, Known, Loss};
use claims::Claims;
use identifiers::Identifiers;
use secrets::Secrets;

/// Findings that are told with their places; more are counted.
pub const TOLD_AT_MOST: usize = 1_000;
/// Characters of what a finding says.
const SAID_AT_MOST: usize = 300;

events::named! {
    /// What is checked.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Check {
        /// Every event belongs to this log, which one event opened.
        Identity = "identity",
        /// No sequence is missing.
        Sequence = "sequence",
        /// Every message is an envelope of ours.
        Envelope = "envelope",
        /// A writer of the installation signed the event.
        Signature = "signature",
        /// An event lies on the subject that its envelope and its data name.
        Subject = "subject",
        /// This version reads the event's kind and version.
        Version = "version",
        /// The event's envelope and its data are of their version's shape, as the committed JSON Schemas have it.
        Schema = "schema",
        /// An event follows the one of its aggregate that it names, and time never goes back.
        Order = "order",
        /// No event comes twice, and no command.
        Duplicate = "duplicate",
        /// A name and who claims it stand next to each other, and a name has one object.
        Reservation = "reservation",
        /// Each aggregate's events are such as decisions make, one after the other.
        Replay = "replay",
        /// Digests of secrets are such as Keyledger makes.
        Secret = "secret",
        /// The log is what its signed checkpoints are of, and its signatures are as they say.
        Checkpoint = "checkpoint",
    }
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub check: Check,
    /// The message's sequence; of missing ones the first.
    pub sequence: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    pub problem: String,
}

/// What was found.
#[derive(Debug, Serialize)]
pub struct Report {
    pub log: LogId,
    /// Nothing was found.
    pub good: bool,
    /// Messages that were read.
    pub messages: u64,
    pub aggregates: usize,
    /// Up to this sequence.
    pub last_sequence: u64,
    /// The newest that the log agrees with; `null`: none is known.
    pub checkpoint: Option<Agreed>,
    /// What an operator has accepted as lost: no findings.
    pub losses: Vec<Loss>,
    /// How many findings there are of each kind that has some.
    pub counts: BTreeMap<&'static str, u64>,
    /// The first [`TOLD_AT_MOST`].
    pub findings: Vec<Finding>,
}

impl Report {
    /// How many findings there are.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }
}

pub struct Verifier {
    log: LogId,
    /// The sequence that comes next.
    next: u64,
    messages: u64,
    identifiers: Identifiers,
    claims: Claims,
    aggregates: Aggregates,
    secrets: Secrets,
    signers: Signers,
    checkpoints: Checkpoints,
    losses: Vec<Loss>,
    findings: Findings,
}

/// What was found so far.
#[derive(Default)]
struct Findings {
    counts: BTreeMap<&'static str, u64>,
    first: Vec<Finding>,
}

impl Findings {
    fn add(&mut self, check: Check, sequence: u64, subject: Option<&str>, problem: impl Into<String>) {
        *self.counts.entry(check.as_str()).or_default() += 1;
        if self.first.len() < TOLD_AT_MOST {
            let problem = problem.into().chars().take(SAID_AT_MOST).collect();
            let subject = subject.map(|subject| subject.chars().take(SAID_AT_MOST).collect());
            self.first.push(Finding { check, sequence, subject, problem });
        }
    }
}

/// Where a message stands, for what is found of it.
struct At<'a> {
    sequence: u64,
    subject: &'a str,
    findings: &'a mut Findings,
}

impl At<'_> {
    fn found(&mut self, check: Check, problem: impl Into<String>) {
        self.findings.add(check, self.sequence, Some(self.subject), problem);
    }
}

impl Verifier {
    /// For the log of this id, from its first message on, which must agree with what is known of it.
    pub fn new(log: LogId, known: Vec<Known>) -> Self {
        Self {
            log,
            next: 1,
            messages: 0,
            identifiers: Identifiers::default(),
            claims: Claims::default(),
            aggregates: Aggregates::default(),
            secrets: Secrets::default(),
            signers: Signers::default(),
            checkpoints: Checkpoints::of(known),
            losses: Vec::new(),
            findings: Findings::default(),
        }
    }

    /// The log must begin with this key, as somebody knows who was there.
    pub fn begins_with(&mut self, first: SignerKey) {
        self.signers.begin_with(first);
    }

    /// Something is wrong with a checkpoint itself: where it is kept, and what.
    pub fn refuse_checkpoint(&mut self, at: u64, problem: impl Into<String>) {
        self.findings.add(Check::Checkpoint, at, None, problem);
    }

    /// The sequence that should come next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Takes the next message of the log. The event that it is, where a writer signed it and it can be read.
    pub fn take(&mut self, stored: &Stored) -> Option<Box<Recorded>> {
        self.missing_before(stored.sequence);
        self.next = stored.sequence + 1;
        self.messages += 1;
        let read = self.signers.read(stored, self.log);
        let is_signed = matches!(read, Read::Event(_));
        let read = self.aggregates.in_place(read);
        if let Some(accepted) = read.loss_accepted() {
            self.losses.extend(self.checkpoints.accept(stored.sequence, accepted));
        }
        self.checkpoints.take(stored, is_signed, &mut self.findings);
        let mut at = At { sequence: stored.sequence, subject: &stored.subject, findings: &mut self.findings };
        match read {
            Read::Event(recorded) => {
                self.signers.take(&recorded);
                let Envelope { id, command, subject, .. } = &recorded.envelope;
                self.identifiers.take(Some(*id), Some(*command), subject, &mut at);
                self.claims.take(&recorded, &mut at);
                self.aggregates.take(&recorded, &mut at);
                self.secrets.take(&recorded.event, &mut at);
                placed(&recorded, &mut at);
                return Some(recorded);
            }
            Read::Unreadable(unreadable) => {
                let check = match unreadable.reason {
                    ref reason if reason.is_of_signature() => Check::Signature,
                    UnreadableReason::UnknownKind | UnreadableReason::UnknownVersion => Check::Version,
                    UnreadableReason::Signature(_) => Check::Signature,
                    UnreadableReason::Data(_)
                    | UnreadableReason::Member { .. }
                    | UnreadableReason::Envelope => Check::Schema,
                    UnreadableReason::WrongAggregate => Check::Subject,
                    UnreadableReason::OutOfPlace { .. } | UnreadableReason::Follows(_) => Check::Order,
                };
                let Unreadable { subject, id, kind, schema_version, time, command, reason, .. } =
                    &*unreadable;
                let kind = kind.as_deref().unwrap_or("an event of an unknown kind");
                let version =
                    schema_version.map_or_else(String::new, |version| format!(" version {version}"));
                at.found(check, format!("{kind}{version}: {reason}"));
                self.identifiers.take(*id, *command, subject, &mut at);
                self.aggregates.close(subject, *time, &mut at);
            }
            Read::Foreign(foreign) => {
                let check = match foreign.reason {
                    ForeignReason::NoEnvelope(_) => Check::Envelope,
                    ForeignReason::Source | ForeignReason::OtherLog => Check::Identity,
                    ForeignReason::SubjectDisagrees => Check::Subject,
                };
                at.found(check, foreign.reason.to_string());
            }
        }
        None
    }

    /// The log ends at this sequence, as its leader says.
    pub fn end(mut self, last: u64) -> Report {
        self.missing_before(last + 1);
        self.claims.end(&mut self.findings);
        let checkpoint = self.checkpoints.end(last, &mut self.findings);
        let Findings { counts, first } = self.findings;
        Report {
            log: self.log,
            good: counts.is_empty(),
            messages: self.messages,
            aggregates: self.aggregates.len(),
            last_sequence: last,
            checkpoint,
            losses: self.losses,
            counts,
            findings: first,
        }
    }

    fn missing_before(&mut self, sequence: u64) {
        let problem = match sequence.checked_sub(self.next) {
            Some(0) => return,
            Some(1) => "it is missing".to_owned(),
            Some(count) => format!("{count} messages are missing, up to {}", sequence - 1),
            None => format!("message {sequence} comes after it"),
        };
        self.findings.add(Check::Sequence, self.next, None, problem);
    }
}

/// What an event says of where it belongs, beyond its envelope.
fn placed(recorded: &Recorded, at: &mut At<'_>) {
    use events::MemberId;
    use events::approval::ApprovalEvent;
    use events::client::{ClientEvent, Origin};
    use events::consent::{self, ConsentEvent};
    use events::invitation::InvitationEvent;
    use events::key::{KeyEvent, KeyOwner};
    use events::member::MemberEvent;
    use events::organization::OrganizationEvent;
    use events::{ApprovalId, ClientId, ConsentId};
    let subject = &recorded.envelope.subject;
    let of_installation = subject.owner.organization().is_none();
    match &recorded.event {
        Event::Installation(event) => {
            if matches!(event, events::installation::InstallationEvent::Bootstrapped(_)) && at.sequence != 1 {
                at.found(Check::Identity, "it opens a log, and is not its first event");
            }
            if !of_installation {
                at.found(Check::Subject, "an organization owns no installation");
            }
        }
        Event::Organization(event) => {
            if !of_installation {
                at.found(Check::Subject, "an organization owns no organization");
            }
            if let OrganizationEvent::Created(created) = event
                && created.home_shard != subject.shard
            {
                at.found(Check::Subject, "its organization lives in another shard");
            }
        }
        Event::Server(_) if of_installation => at.found(Check::Subject, "the installation owns no server"),
        Event::Key(KeyEvent::Issued(issued)) => {
            if of_installation != (issued.owner == KeyOwner::Installation) {
                at.found(Check::Subject, "the key says that another owns it");
            }
        }
        Event::Person(_) if !of_installation => at.found(Check::Subject, "an organization owns no person"),
        Event::Member(_) | Event::Invitation(_) if of_installation => {
            at.found(Check::Subject, "the installation has no members");
        }
        Event::Member(MemberEvent::Added(added)) => {
            let organization = subject.owner.organization();
            let id = organization.map(|organization| MemberId::of(organization, added.person));
            if id.is_none_or(|id| subject.aggregate_id != id.into()) {
                at.found(Check::Subject, "it makes a member of another person than its subject says");
            }
        }
        Event::Invitation(InvitationEvent::Withdrawn(withdrawn)) => {
            if subject.aggregate_id != withdrawn.invitation.into() {
                at.found(Check::Subject, "it withdraws another invitation than its subject says");
            }
        }
        Event::Approval(_) | Event::Consent(_) | Event::Grant(_) if of_installation => {
            at.found(Check::Subject, "it belongs to an organization, and not to the installation");
        }
        Event::Client(ClientEvent::Registered(registered)) => {
            if let Origin::Document { url } = &registered.origin
                && (!of_installation || subject.aggregate_id != ClientId::of_document(url).into())
            {
                at.found(Check::Subject, "it registers another document's client than its subject says");
            }
        }
        Event::Approval(ApprovalEvent::Given(given)) => {
            let id = subject.owner.organization().map(|id| ApprovalId::of(id, given.client));
            if id.is_none_or(|id| subject.aggregate_id != id.into()) {
                at.found(Check::Subject, "it approves another client than its subject says");
            }
        }
        Event::Consent(ConsentEvent::Given(given)) => {
            let consent::Given { holder, client, server, scopes: _ } = given;
            let organization = subject.owner.organization();
            let id = organization.map(|id| ConsentId::of(id, *holder, *client, *server));
            if id.is_none_or(|id| subject.aggregate_id != id.into()) {
                at.found(Check::Subject, "it is a consent to something else than its subject says");
            }
        }
        Event::Server(_)
        | Event::Key(_)
        | Event::Slug(_)
        | Event::Webhook(_)
        | Event::Person(_)
        | Event::Member(_)
        | Event::Invitation(_)
        | Event::Client(_)
        | Event::Approval(_)
        | Event::Consent(_)
        | Event::Grant(_)
        | Event::Issuer(_) => {}
    }
}

#[cfg(test)]
mod tests;
