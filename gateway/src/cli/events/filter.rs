//! Which events are shown.

use std::str::FromStr;

use clap::Args;
use events::pattern::EventPatternError;
use events::{Actor, EventPattern, KeyId, OrganizationId, Read};

#[derive(Debug, Args)]
pub struct Filter {
    /// Only subjects like this: `*` is one token, `>` at the end all that follow
    #[arg(long, value_name = "PATTERN")]
    subject: Option<Pattern>,
    /// Only events of this key
    #[arg(long, value_name = "ID")]
    key: Option<KeyId>,
    /// Only events of this organization and of what it owns
    #[arg(long, value_name = "ID")]
    organization: Option<OrganizationId>,
    /// Only events of these types, such as key.issued,key.revoked; key.* is all of a key's
    #[arg(long = "type", value_name = "TYPE,…", value_delimiter = ',')]
    kinds: Vec<Kind>,
    /// Only what this actor did, such as key:ID or system:bootstrap
    #[arg(long, value_name = "ACTOR")]
    actor: Option<Actor>,
}

/// Types of events that there are.
#[derive(Debug, Clone)]
struct Kind(EventPattern);

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pattern: EventPattern = text.parse().map_err(|error: EventPatternError| error.to_string())?;
        pattern.kinds().map_err(|error| error.to_string())?;
        Ok(Self(pattern))
    }
}

impl Filter {
    /// What can't be read may be any event: it passes by its subject.
    pub fn passes(&self, subject: &str, read: &Read) -> bool {
        let (kind, actor) = match read {
            Read::Event(event) => (Some(&event.envelope.kind), Some(&event.envelope.actor)),
            Read::Unreadable(unreadable) => (unreadable.kind.as_ref(), None),
            Read::Foreign(_) => (None, None),
        };
        let asked =
            self.kinds.is_empty() || self.kinds.iter().any(|it| kind.is_none_or(|kind| it.0.matches(kind)));
        let by = self.actor.as_ref().is_none_or(|by| actor.is_none_or(|actor| actor == by));
        asked && by && self.is_on(subject)
    }

    fn is_on(&self, subject: &str) -> bool {
        self.subject.as_ref().is_none_or(|pattern| pattern.matches(subject))
            && self.key.is_none_or(|key| is_of_key(subject, key))
            && self.organization.is_none_or(|organization| is_of_organization(subject, organization))
    }
}

fn is_of_key(subject: &str, key: KeyId) -> bool {
    let key = key.to_string();
    tokens(subject).is_some_and(|(_, kind, id)| kind == "key" && id == key)
}

fn is_of_organization(subject: &str, organization: OrganizationId) -> bool {
    let organization = organization.to_string();
    tokens(subject).is_some_and(|(owner, kind, id)| {
        owner == organization || (kind == "organization" && id == organization)
    })
}

/// Owner, aggregate type and id.
fn tokens(subject: &str) -> Option<(&str, &str, &str)> {
    let mut tokens = subject.strip_prefix("kl.events.")?.split('.').skip(1);
    Some((tokens.next()?, tokens.next()?, tokens.next()?))
}

/// A subject with NATS's wildcards.
#[derive(Debug, Clone)]
struct Pattern(String);

impl FromStr for Pattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ACCEPTED: &str =
            "tokens with dots between them, `*` for one, `>` at the end for all that follow";
        let mut tokens = text.split('.').peekable();
        while let Some(token) = tokens.next() {
            // What no subject has would show nothing, as if nothing had happened.
            let is_name =
                !token.is_empty() && token.chars().all(|c| c.is_ascii_graphic() && !"*>".contains(c));
            let is_rest = token == ">" && tokens.peek().is_none();
            if !is_name && !is_rest && token != "*" {
                return Err(ACCEPTED);
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl Pattern {
    fn matches(&self, subject: &str) -> bool {
        let mut tokens = subject.split('.');
        for pattern in self.0.split('.') {
            match (pattern, tokens.next()) {
                (">", Some(_)) => return true,
                ("*", Some(_)) => {}
                (pattern, Some(token)) if pattern == token => {}
                (_, _) => return false,
            }
        }
        tokens.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORGANIZATION: &str = "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b";
    const KEY: &str = "0190a1b2-c3d4-7e5f-8a6b-000000000001";

    #[test]
    fn patterns_are_those_of_nats() {
        let subject = format!("kl.events.0.{ORGANIZATION}.key.{KEY}");
        let matches = |pattern: &str| pattern.parse::<Pattern>().unwrap().matches(&subject);
        for pattern in ["kl.events.>", "kl.events.*.*.key.*", ">", &subject] {
            assert!(matches(pattern), "{pattern}");
        }
        for pattern in ["kl.events", "kl.events.*", "kl.events.0.*.server.>", &format!("{subject}.>")] {
            assert!(!matches(pattern), "{pattern}");
        }
        for pattern in ["", "kl..events", "kl.>.events", "foo bar", "kl.ke*", "kl.>>", "kl.é"] {
            assert!(pattern.parse::<Pattern>().is_err(), "{pattern}");
        }
    }

    #[test]
    fn an_organization_is_itself_and_what_it_owns() {
        let filter = Filter {
            subject: None,
            key: None,
            organization: Some(ORGANIZATION.parse().unwrap()),
            kinds: Vec::new(),
            actor: None,
        };
        assert!(filter.is_on(&format!("kl.events.0.{ORGANIZATION}.key.{KEY}")));
        assert!(filter.is_on(&format!("kl.events.0._.organization.{ORGANIZATION}")));
        assert!(!filter.is_on(&format!("kl.events.0._.organization.{KEY}")));
        assert!(!filter.is_on(&format!("kl.events.0._.key.{KEY}")));
    }
}
