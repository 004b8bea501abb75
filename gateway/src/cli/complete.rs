//! What a shell offers for a word that is being written: ids and slugs from the running installation, with what people
//! call each. The way to it is that of the command: its flags so far, the environment, or a `keyledger dev`.
//!
//! It promises: where there is no installation, no key, or no answer within two seconds, nothing is offered and nothing
//! said.

use std::time::Duration;

use clap_complete::{ArgValueCandidates, CompletionCandidate};
use serde_json::Value;

use super::connection::{Connection, Session};
use super::error::CliError;
use super::output::Output;
use super::place::OfOwner;
use super::{block_on, environment};

const PATIENCE: Duration = Duration::from_secs(2);
/// As many as one page of the API has.
const MOST: &str = "200";

/// Organizations, by slug.
pub fn organizations() -> ArgValueCandidates {
    ArgValueCandidates::new(|| offered("slug", async |_, _| Ok("/api/v1/organizations".to_owned())))
}

/// Servers of the organization that is named before, by slug.
pub fn servers() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        offered("slug", async |owner: &OfOwner, session: &Session<'_>| owner.servers(session).await)
    })
}

/// Keys of whom is named before, by id.
pub fn keys() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        offered("id", async |owner: &OfOwner, session: &Session<'_>| owner.keys(session).await)
    })
}

/// Webhooks of whom is named before, by id.
pub fn webhooks() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        offered("id", async |owner: &OfOwner, session: &Session<'_>| owner.webhooks(session).await)
    })
}

/// Issuers of whom is named before, by slug.
pub fn issuers() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        offered("slug", async |owner: &OfOwner, session: &Session<'_>| owner.issuers(session).await)
    })
}

/// Clients of whom is named before, by id.
pub fn clients() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        offered("id", async |owner: &OfOwner, session: &Session<'_>| owner.clients(session).await)
    })
}

/// What stands in the list at `path`, by this member.
fn offered(
    member: &str,
    path: impl AsyncFnOnce(&OfOwner, &Session<'_>) -> Result<String, CliError>,
) -> Vec<CompletionCandidate> {
    let line = Line::read(std::env::args());
    let owner = OfOwner::written(line.value("--organization"), line.has("--installation"));
    let connection = Connection::written(|flag| line.value(flag));
    let asked = async {
        let mut output = Output::standard();
        let session = connection.open(&environment(), &mut output)?;
        let path = path(&owner, &session).await?;
        session.client.get(&path, &[("limit", MOST.to_owned())]).await
    };
    let found = block_on(async {
        let answer = tokio::time::timeout(PATIENCE, asked).await;
        answer.unwrap_or_else(|_| Err(CliError::Unavailable("no answer".to_owned())))
    });
    let items = found.ok().and_then(|found| found.get("items").and_then(Value::as_array).cloned());
    items.unwrap_or_default().iter().filter_map(|item| candidate(item, member)).collect()
}

fn candidate(item: &Value, member: &str) -> Option<CompletionCandidate> {
    let value = item.get(member)?.as_str()?;
    let word = |member| item.get(member).and_then(Value::as_str);
    let help = [word("name"), word("state")].into_iter().flatten().collect::<Vec<_>>().join(", ");
    Some(CompletionCandidate::new(value).help((!help.is_empty()).then(|| help.into())))
}

/// The command line so far.
struct Line(Vec<String>);

impl Line {
    /// A shell hands it over after `--`.
    fn read(words: impl Iterator<Item = String>) -> Self {
        Self(words.skip_while(|word| word != "--").skip(1).collect())
    }

    fn value(&self, flag: &str) -> Option<String> {
        let mut words = self.0.iter();
        while let Some(word) = words.next() {
            if word == flag {
                return words.next().cloned();
            }
            if let Some(value) = word.strip_prefix(flag).and_then(|rest| rest.strip_prefix('=')) {
                return Some(value.to_owned());
            }
        }
        None
    }

    fn has(&self, flag: &str) -> bool {
        self.0.iter().any(|word| word == flag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_of_a_line_that_is_being_written_are_read() {
        let words =
            ["keyledger", "--", "keyledger", "keys", "show", "--organization", "acme", "--api=http://x", ""];
        let line = Line::read(words.map(str::to_owned).into_iter());
        assert_eq!(line.value("--organization").as_deref(), Some("acme"));
        assert_eq!(line.value("--api").as_deref(), Some("http://x"));
        assert_eq!(line.value("--data"), None);
        assert!(line.has("show") && !line.has("--installation"));
    }
}
