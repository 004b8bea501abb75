//! What can be asked of the installation.

use events::{KeyId, PepperId};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// The first command of all. The admin key is issued next.
    Bootstrap { admin_key: KeyId, pepper: PepperId },
    /// Let in a new admin key, which is issued next.
    Recover { admin_key: KeyId },
}
