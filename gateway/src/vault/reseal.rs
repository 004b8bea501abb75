//! Everything in a vault under the newest master key, so that the one before it can go.

use events::clock::Random;

use super::{Purpose, Vault, VaultError, Wire};

/// What became of a vault's entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resealed {
    /// Under the newest key from now on.
    pub sealed: usize,
    /// They were already.
    pub already: usize,
}

/// An entry that changes each time that it was read is tried so often.
const TRIES: u32 = 10;

impl Vault {
    /// Seals anew what lies under an older master key. What changes meanwhile is sealed under the newest one by whoever
    /// changes it, once the file says so there.
    pub async fn reseal(&self, random: &dyn Random) -> Result<Resealed, VaultError> {
        let newest = self.key_to_seal().await?.id().to_owned();
        let mut told = Resealed::default();
        for name in self.entries.names().await? {
            let mut tried = 0;
            loop {
                let Some(stored) = self.entries.get(&name).await? else { break };
                let Wire { master, .. } = self.wire(&name, &stored)?;
                if master == newest {
                    told.already += usize::from(tried == 0);
                    told.sealed += usize::from(tried > 0);
                    break;
                }
                // The entry does not say what it is for; what it was sealed to does.
                let opened =
                    Purpose::ALL.into_iter().map(|purpose| (purpose, self.open(&name, purpose, &stored)));
                let mut last = self.broken(&name, "it is of no purpose that this version knows");
                let mut found = None;
                for (purpose, opened) in opened {
                    match opened {
                        Ok(value) => found = Some((purpose, value)),
                        Err(error) => last = error,
                    }
                }
                let Some((purpose, value)) = found else { return Err(last) };
                let sealed = self.seal(&name, purpose, &value, random).await?;
                if self.entries.swap(&name, &stored, sealed).await? {
                    told.sealed += 1;
                    break;
                }
                tried += 1;
                if tried == TRIES {
                    return Err(self.unavailable("an entry changed each time that it was read"));
                }
            }
        }
        Ok(told)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    use std::path::Path;
    use std::sync::Arc;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use events::clock::SystemRandom;

    use super::super::VaultName;
    use super::super::tests::Memory;
    use super::*;

    pub fn write(file: &Path, keys: &[u8]) {
        let _ = std::fs::remove_file(file);
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).unwrap();
        for key in keys {
            writeln!(file, "{}", STANDARD.encode([*key; 32])).unwrap();
        }
    }

    #[tokio::test]
    async fn a_master_key_follows_another_and_no_process_is_restarted() {
        let folder = tempfile::tempdir().unwrap();
        let (here, there) = (folder.path().join("here"), folder.path().join("there"));
        let entries = Arc::new(Memory::default());
        let at = |file: &Path| {
            Vault::with_file(VaultName::Node, Arc::<Memory>::clone(&entries), file.to_owned()).unwrap()
        };
        write(&here, &[1]);
        write(&there, &[1]);
        let (control, node) = (at(&here), at(&there));
        control.get_or_create("pepper.1", Purpose::Pepper, b"a", &SystemRandom).await.unwrap();
        control.get_or_create("remembered", Purpose::Remembered, b"b", &SystemRandom).await.unwrap();

        // The new line first, everywhere.
        write(&there, &[2, 1]);
        write(&here, &[2, 1]);
        control.get_or_create("pepper.2", Purpose::Pepper, b"c", &SystemRandom).await.unwrap();
        assert_eq!(node.get("pepper.2", Purpose::Pepper).await.unwrap().unwrap().as_slice(), b"c");
        assert_eq!(control.reseal(&SystemRandom).await.unwrap(), Resealed { sealed: 2, already: 1 });
        assert_eq!(control.reseal(&SystemRandom).await.unwrap(), Resealed { sealed: 0, already: 3 });

        // The old one goes.
        write(&here, &[2]);
        write(&there, &[2]);
        for vault in [&control, &node, &at(&there)] {
            for (entry, purpose, value) in [
                ("pepper.1", Purpose::Pepper, b"a"),
                ("remembered", Purpose::Remembered, b"b"),
                ("pepper.2", Purpose::Pepper, b"c"),
            ] {
                assert_eq!(vault.get(entry, purpose).await.unwrap().unwrap().as_slice(), value);
            }
        }
    }

    #[tokio::test]
    async fn what_is_under_a_key_that_the_file_lacks_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        write(&file, &[1]);
        let entries = Arc::new(Memory::default());
        let vault = Vault::with_file(VaultName::Node, Arc::<Memory>::clone(&entries), file.clone()).unwrap();
        vault.get_or_create("pepper.1", Purpose::Pepper, b"a", &SystemRandom).await.unwrap();
        write(&file, &[2]);
        let vault = Vault::with_file(VaultName::Node, entries, file).unwrap();
        assert!(matches!(vault.reseal(&SystemRandom).await, Err(VaultError::OtherKey { .. })));
    }
}
