//! What can be asked of the installation.

use events::installation::TokenKeyPublished;
use events::tlog::Head;
use events::{KeyId, PepperId, SignerId, SignerKey, SignerPurpose, TokenKeyId};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// The first command of all. The admin key is issued next.
    Bootstrap { admin_key: KeyId, pepper: PepperId, writer: SignerKey, checkpoint: SignerKey },
    /// Let in a new admin key, which is issued next.
    Recover { admin_key: KeyId },
    /// A further key signs. The one before it goes on until it is retired, since others may not know of the new one yet.
    PublishSigner { purpose: SignerPurpose, key: SignerKey },
    /// What this key signs from now on is not believed.
    RetireSigner { id: SignerId },
    /// What these checkpoints are of, and the log has not, is lost. From here on `writer` signs events, and every key that
    /// may have signed what is lost is retired: whoever kept an event of it can't store it again.
    AcceptLoss { kept: Head, lost: Vec<Head>, writer: SignerKey },
    /// A further key signs access tokens, from a time on.
    PublishTokenKey(TokenKeyPublished),
    /// No token that this key signed is taken from now on.
    RetireTokenKey { id: TokenKeyId },
}
