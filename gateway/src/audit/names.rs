//! From what was noted to the report: texts are opened, ids get their names.

use std::collections::HashMap;

use events::log::{Log, ReadError};
use events::organization::OrganizationEvent;
use events::person::PersonEvent;
use events::sealed::{Field, SealedField};
use events::{Actor, Event, KeyId, Keyholder, Owner, Read, Subject, Timestamp};
use projections::postgres::text::{Unseal, UnsealError};

use super::{Administrator, Audit, Happened, KeyMade, List, Noted, Report, Text, Verification, Who, key_of};

/// Why no report was made.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error(transparent)]
    Log(#[from] ReadError),
    #[error(transparent)]
    Vault(#[from] UnsealError),
}

/// Opens texts, each name once.
struct Names<'a> {
    audit: &'a Audit,
    log: &'a dyn Log,
    unseal: &'a dyn Unseal,
    known: HashMap<Subject, Option<String>>,
    /// Where each key that may have acted is.
    keys: HashMap<KeyId, Subject>,
    /// Whether each keyholder is forgotten by now, also after the period.
    forgotten: HashMap<Keyholder, bool>,
}

impl Audit {
    /// The report of what was taken.
    pub async fn report(
        &self,
        log: &dyn Log,
        unseal: &dyn Unseal,
        verification: Verification,
        made_at: Timestamp,
    ) -> Result<Report, AuditError> {
        let keys = self.named.keys().filter_map(|subject| {
            (subject.aggregate_type == events::AggregateType::Key)
                .then(|| Some((KeyId::try_from(&subject.aggregate_id).ok()?, subject.clone())))
                .flatten()
        });
        let (known, forgotten) = (HashMap::new(), HashMap::new());
        let mut names = Names { audit: self, log, unseal, known, keys: keys.collect(), forgotten };
        let mut report = Report {
            log: self.log,
            period: self.period,
            made_at,
            organization: self.only.and_then(|only| self.organization(only)),
            verification,
            administrators: Vec::new(),
            keys_made: Vec::new(),
            keys_ended: Vec::new(),
            turning_points: Vec::new(),
            changes: Vec::new(),
        };
        for (key, admin, worked) in self.admins.within(&self.period) {
            if self.only.is_some_and(|only| only != admin.owner) {
                continue;
            }
            report.administrators.push(Administrator {
                key,
                name: names.of(&admin.subject).await?,
                organization: self.organization(admin.owner),
                scopes: admin.scopes.iter().map(ToString::to_string).collect(),
                issued_at: admin.issued_at,
                issued_by: names.who(&admin.issued_by).await?,
                worked,
            });
        }
        for noted in &self.noted {
            let happened = names.happened(noted).await?;
            match noted.list {
                List::Made => report.keys_made.extend(made(noted, happened)),
                List::Ended => report.keys_ended.push(happened),
                List::TurningPoint => report.turning_points.push(happened),
                List::Change => report.changes.push(happened),
            }
        }
        Ok(report)
    }
}

fn made(noted: &Noted, happened: Happened) -> Option<KeyMade> {
    let events::key::KeyEvent::Issued(issued) = noted.recorded.event.as_key()? else { return None };
    Some(KeyMade {
        happened,
        scopes: issued.scopes.iter().map(ToString::to_string).collect(),
        not_before: issued.not_before,
        expires_at: issued.expires_at,
    })
}

impl Names<'_> {
    async fn happened(&mut self, noted: &Noted) -> Result<Happened, AuditError> {
        let envelope = &noted.recorded.envelope;
        let subject = &envelope.subject;
        let reason = match &noted.reason {
            Some(text) => self.open(text).await?,
            None => None,
        };
        Ok(Happened {
            sequence: noted.recorded.position.sequence,
            event: envelope.id.to_string(),
            kind: envelope.kind.to_string(),
            at: noted.recorded.stored_at,
            by: self.who(&envelope.actor).await?,
            organization: self.audit.organization(super::about(subject)),
            about: format!("{} {}", subject.aggregate_type, subject.aggregate_id),
            name: self.of(subject).await?,
            change: noted.change.clone(),
            reason,
        })
    }

    async fn is_forgotten(&mut self, of: Keyholder) -> Result<bool, AuditError> {
        let subject = match of {
            Keyholder::Owner(Owner::Installation) => return Ok(false),
            Keyholder::Owner(Owner::Organization(id)) => Subject::organization(id),
            Keyholder::Person(id) => Subject::person(id),
        };
        if let Some(known) = self.forgotten.get(&of) {
            return Ok(*known);
        }
        let history = self.log.history(&subject).await?;
        let is_forgotten = history.events.iter().any(|stored| match stored.read(self.audit.log) {
            Read::Event(recorded) => matches!(
                recorded.event,
                Event::Organization(OrganizationEvent::Forgotten(_))
                    | Event::Person(PersonEvent::Forgotten(_))
            ),
            Read::Unreadable(_) | Read::Foreign(_) => false,
        });
        self.forgotten.insert(of, is_forgotten);
        Ok(is_forgotten)
    }

    async fn who(&mut self, actor: &Actor) -> Result<Who, AuditError> {
        let key = key_of(actor).and_then(|id| self.keys.get(&id).cloned());
        let name = match key {
            Some(subject) => self.of(&subject).await?,
            None => None,
        };
        Ok(Who { actor: actor.to_string(), name })
    }

    /// What an object is called at the period's end.
    async fn of(&mut self, subject: &Subject) -> Result<Option<String>, AuditError> {
        if let Some(known) = self.known.get(subject) {
            return Ok(known.clone());
        }
        let name = match self.audit.named.get(subject) {
            Some(sequence) => self.named_at(*sequence).await?,
            None => None,
        };
        self.known.insert(subject.clone(), name.clone());
        Ok(name)
    }

    async fn named_at(&mut self, sequence: u64) -> Result<Option<String>, AuditError> {
        let Some(stored) = self.log.message(sequence).await? else { return Ok(None) };
        let Read::Event(recorded) = stored.read(self.audit.log) else { return Ok(None) };
        let name = recorded.event.sealed().into_iter().find(|(field, _)| *field == Field::Name);
        let Some((field, sealed)) = name else { return Ok(None) };
        let field = SealedField::of(&recorded.envelope.subject, recorded.envelope.id, field);
        self.open(&Text { field, sealed: sealed.clone() }).await
    }

    /// `None`: forgotten, or damaged, which the projections have counted. A key that is found in spite of that, as in a
    /// vault that was put back, opens nothing.
    async fn open(&mut self, text: &Text) -> Result<Option<String>, AuditError> {
        if self.is_forgotten(text.field.keyholder).await? {
            return Ok(None);
        }
        match self.unseal.open(&text.field, &text.sealed).await {
            Ok(text) => Ok(text),
            Err(UnsealError::Damaged(_)) => Ok(None),
            Err(error @ UnsealError::Unavailable(_)) => Err(error.into()),
        }
    }
}
