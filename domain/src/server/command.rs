//! What can be asked of a server.

use events::server::UpstreamUrl;
use events::{SealedText, Slug};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    Register {
        slug: Slug,
        upstream: UpstreamUrl,
        enabled: bool,
        name: SealedText,
    },
    /// What is `None` stays as it is.
    Change {
        upstream: Option<UpstreamUrl>,
        enabled: Option<bool>,
        name: Option<SealedText>,
    },
    /// For ever.
    Remove {
        reason: Option<SealedText>,
    },
}
