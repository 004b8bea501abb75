//! The installation's refusals as problems.

use domain::installation::Refusal;

use crate::problem::{Kind, Problem};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown | Refusal::NoSigner(_) | Refusal::NoTokenKey(_) => Self::not_found(),
            Refusal::TokenKeyRotating | Refusal::OnlyTokenKey => Self::new(
                Kind::SignerRotating,
                "The key that signed tokens before the newest is not retired yet, which it is once the last token that it \
                 signed has ended. Ask again then.",
            )
            .retry_after(60),
            Refusal::StillRotating { .. } | Refusal::OnlySigner(_) => Self::new(
                Kind::SignerRotating,
                "The key before the newest is not retired yet, which it is within five minutes, as soon as a process with \
                 the control role follows the log. Ask again then.",
            )
            .retry_after(60),
            Refusal::TooManySigners(_) | Refusal::TooManyTokenKeys(_) => Self::new(
                Kind::HistoryFull,
                "An installation publishes at most 1,000 keys in its life: every process holds each of them.",
            ),
            Refusal::AlreadyBootstrapped | Refusal::SignerExists | Refusal::TokenKeyExists => Self::internal(),
        }
    }
}
