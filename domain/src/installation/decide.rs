//! The installation's decisions.

use events::installation::{
    Bootstrapped, InstallationEvent, LossAccepted, Recovered, SignerPublished, SignerRetired, TokenKeyRetired,
};
use events::{AggregateType, SignerPurpose};

use super::{Command, Installation, Refusal};
use crate::aggregate::{Decide, Facts, Room};

/// Keys in all: each process holds every one that ever signed.
const MAX_SIGNERS: usize = 1_000;
/// The same of those that sign tokens.
const MAX_TOKEN_KEYS: usize = 1_000;

impl Decide for Installation {
    const TYPE: &'static str = "installation";
    type Command = Command;
    type Event = InstallationEvent;
    type Refusal = Refusal;

    fn aggregate_type() -> AggregateType {
        AggregateType::Installation
    }

    fn decide(&self, command: &Command, facts: &Facts) -> Result<Vec<InstallationEvent>, Refusal> {
        match (self, command) {
            (Self::Unknown, Command::Bootstrap { admin_key, pepper, writer, checkpoint })
                if !facts.bootstrapped =>
            {
                let (admin_key, pepper, writer, checkpoint) = (*admin_key, *pepper, *writer, *checkpoint);
                let bootstrapped = Bootstrapped { admin_key, pepper, writer, checkpoint };
                Ok(vec![InstallationEvent::Bootstrapped(bootstrapped)])
            }
            (Self::Unknown | Self::Bootstrapped { .. }, Command::Bootstrap { .. }) => {
                Err(Refusal::AlreadyBootstrapped)
            }
            (
                Self::Unknown,
                Command::Recover { .. }
                | Command::PublishSigner { .. }
                | Command::RetireSigner { .. }
                | Command::AcceptLoss { .. }
                | Command::PublishTokenKey(_)
                | Command::RetireTokenKey { .. },
            ) => Err(Refusal::Unknown),
            (Self::Bootstrapped { admin_key: now, .. }, Command::Recover { admin_key }) => {
                if now == admin_key {
                    return Ok(vec![]);
                }
                Ok(vec![InstallationEvent::Recovered(Recovered { admin_key: *admin_key })])
            }
            (Self::Bootstrapped { signers, .. }, Command::PublishSigner { purpose, key }) => {
                if self.signer(key.id).is_some() {
                    return Err(Refusal::SignerExists);
                }
                if signers.iter().filter(|it| it.purpose == *purpose && !it.retired).count() > 1 {
                    return Err(Refusal::StillRotating { purpose: *purpose });
                }
                if signers.len() >= MAX_SIGNERS {
                    return Err(Refusal::TooManySigners(MAX_SIGNERS));
                }
                let published = SignerPublished { purpose: *purpose, key: *key };
                Ok(vec![InstallationEvent::SignerPublished(published)])
            }
            (Self::Bootstrapped { signers, .. }, Command::AcceptLoss { kept, lost, writer }) => {
                if self.signer(writer.id).is_some() {
                    return Err(Refusal::SignerExists);
                }
                let purpose = SignerPurpose::Writer;
                let accepted = LossAccepted { kept: *kept, lost: lost.clone() };
                let signs_before = signers.iter().filter(|it| it.purpose == purpose && !it.retired);
                let retired = signs_before.map(|signer| SignerRetired { purpose, id: signer.key.id });
                let mut decided = vec![
                    InstallationEvent::LossAccepted(accepted),
                    InstallationEvent::SignerPublished(SignerPublished { purpose, key: *writer }),
                ];
                decided.extend(retired.map(InstallationEvent::SignerRetired));
                Ok(decided)
            }
            (Self::Bootstrapped { token_keys, .. }, Command::PublishTokenKey(published)) => {
                if self.token_key(published.id).is_some() {
                    return Err(Refusal::TokenKeyExists);
                }
                if token_keys.iter().filter(|key| !key.retired).count() > 1 {
                    return Err(Refusal::TokenKeyRotating);
                }
                if token_keys.len() >= MAX_TOKEN_KEYS {
                    return Err(Refusal::TooManyTokenKeys(MAX_TOKEN_KEYS));
                }
                Ok(vec![InstallationEvent::TokenKeyPublished(published.clone())])
            }
            (Self::Bootstrapped { .. }, Command::RetireTokenKey { id }) => {
                let key = self.token_key(*id).ok_or(Refusal::NoTokenKey(*id))?;
                if key.retired {
                    return Ok(vec![]);
                }
                // Nothing would sign but one that signs already.
                let newest = self.newest_token_key();
                if newest.is_none_or(|newest| newest.id == *id || newest.used_from > facts.now) {
                    return Err(Refusal::OnlyTokenKey);
                }
                Ok(vec![InstallationEvent::TokenKeyRetired(TokenKeyRetired { id: *id })])
            }
            (Self::Bootstrapped { .. }, Command::RetireSigner { id }) => {
                let signer = self.signer(*id).ok_or(Refusal::NoSigner(*id))?;
                if signer.retired {
                    return Ok(vec![]);
                }
                let purpose = signer.purpose;
                if self.newest(purpose).is_some_and(|newest| newest.key.id == *id) {
                    return Err(Refusal::OnlySigner(purpose));
                }
                Ok(vec![InstallationEvent::SignerRetired(SignerRetired { purpose, id: *id })])
            }
        }
    }

    fn creates(command: &Command) -> bool {
        match command {
            // Whether there is one already is the log's to say.
            Command::Bootstrap { .. }
            | Command::Recover { .. }
            | Command::PublishSigner { .. }
            | Command::RetireSigner { .. }
            | Command::AcceptLoss { .. }
            | Command::PublishTokenKey(_)
            | Command::RetireTokenKey { .. } => false,
        }
    }

    fn urgent(command: &Command) -> bool {
        match command {
            Command::Bootstrap { .. }
            | Command::Recover { .. }
            | Command::PublishSigner { .. }
            | Command::AcceptLoss { .. }
            | Command::PublishTokenKey(_) => false,
            Command::RetireSigner { .. } | Command::RetireTokenKey { .. } => true,
        }
    }

    fn room(&self, command: &Command) -> Room {
        match command {
            Command::Bootstrap { .. } | Command::PublishSigner { .. } | Command::PublishTokenKey(_) => {
                Room::Bound
            }
            Command::RetireSigner { .. } | Command::RetireTokenKey { .. } => Room::Reserve,
            // The way back in.
            Command::Recover { .. } | Command::AcceptLoss { .. } => Room::Always,
        }
    }

    fn apply(&mut self, event: &InstallationEvent) {
        self.applied(event);
    }

    fn admits(&self, event: &InstallationEvent) -> bool {
        match (self, event) {
            (Self::Unknown, event) => matches!(event, InstallationEvent::Bootstrapped(_)),
            (Self::Bootstrapped { .. }, InstallationEvent::Bootstrapped(_)) => false,
            (
                Self::Bootstrapped { .. },
                InstallationEvent::Recovered(_) | InstallationEvent::LossAccepted(_),
            ) => true,
            (Self::Bootstrapped { .. }, InstallationEvent::SignerPublished(it)) => {
                self.signer(it.key.id).is_none()
            }
            (Self::Bootstrapped { .. }, InstallationEvent::TokenKeyPublished(it)) => {
                self.token_key(it.id).is_none()
            }
            (Self::Bootstrapped { .. }, InstallationEvent::TokenKeyRetired(it)) => {
                let newest = self.newest_token_key();
                self.token_key(it.id).is_some_and(|key| !key.retired)
                    && newest.is_some_and(|newest| newest.id != it.id)
            }
            (Self::Bootstrapped { .. }, InstallationEvent::SignerRetired(it)) => {
                let newest = self.newest(it.purpose);
                let named = self.signer(it.id);
                named.is_some_and(|signer| signer.purpose == it.purpose && !signer.retired)
                    && newest.is_some_and(|newest| newest.key.id != it.id)
            }
        }
    }
}
