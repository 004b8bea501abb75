//! Answers that hold lists: each caller is shown what its scopes let through, as they are when the answer goes down.

use events::ScopeSet;
use events::slug::Slug;
use serde_json::value::RawValue;

use crate::mcp::list::{self, ListFault};
use crate::mcp::{Era, List, Message};

/// How an answer's lists are shown.
pub struct Lists {
    /// The list that it answers; `None`: a stream that may bring the answer to any.
    asked: Option<List>,
    /// The request's id.
    id: Option<Box<RawValue>>,
    era: Era,
}

impl Lists {
    /// Of the answer to a message that asks for a list. What has no id is answered by nobody who keeps to the protocol:
    /// by anybody else, as if it had one.
    pub fn asked_for(message: &Message<'_>, era: Era) -> Option<Self> {
        let asked = List::of_method(&message.method)?;
        Some(Self { asked: Some(asked), id: message.id.map(ToOwned::to_owned), era })
    }

    /// Of a session's own stream: answers that broke off come again there (2025-11-25, "Resumability").
    pub fn of_stream() -> Self {
        Self { asked: None, id: None, era: Era::Sessions }
    }

    /// Whose answer it is.
    pub fn id(&self) -> Option<&RawValue> {
        self.id.as_deref()
    }

    /// Whether the answer passes as it is.
    pub fn hides_nothing(&self, scopes: &ScopeSet, server: &Slug) -> bool {
        !self.says_hints() && scopes.allows_whole_server(server)
    }

    /// Whether what stands beside the messages of a stream is left out: it may name what is hidden. A session's own stream
    /// has that of all its answers.
    pub fn hides_beside(&self, scopes: &ScopeSet, server: &Slug) -> bool {
        self.asked.is_some() && !scopes.allows_whole_server(server)
    }

    /// The answer as who has these scopes is shown it; `None`: as it is.
    pub fn show(&self, answer: &[u8], scopes: &ScopeSet, server: &Slug) -> Result<Option<String>, ListFault> {
        if self.hides_nothing(scopes, server) {
            return Ok(None);
        }
        let answer = std::str::from_utf8(answer).map_err(|_| ListFault::NotJson)?;
        list::shown(answer, self.asked, self.says_hints(), |needs| needs.met_by(scopes, server))
    }

    fn says_hints(&self) -> bool {
        match self.era {
            Era::Stateless => true,
            Era::Sessions => false,
        }
    }
}
