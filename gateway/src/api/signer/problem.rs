//! The installation's refusals as problems.

use domain::installation::Refusal;

use crate::problem::{Kind, Problem};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown | Refusal::NoSigner(_) => Self::not_found(),
            Refusal::StillRotating { .. } | Refusal::OnlySigner(_) => Self::new(
                Kind::SignerRotating,
                "The key before the newest is not retired yet, which it is within five minutes, as soon as a process with \
                 the control role follows the log. Ask again then.",
            )
            .retry_after(60),
            Refusal::TooManySigners(_) => Self::new(
                Kind::HistoryFull,
                "An installation publishes at most 1,000 keys in its life: every process holds each of them.",
            ),
            Refusal::AlreadyBootstrapped | Refusal::SignerExists => Self::internal(),
        }
    }
}
