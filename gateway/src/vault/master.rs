//! Master keys: the files that open the vaults. Kept apart from the vaults and their backups.
//!
//! A file holds one to three lines of 32 bytes in base64. The first seals; all open. So a key is replaced by
//! putting a new line first, everywhere; `keyledger secrets reseal` brings what is there under it, and the old one goes. What
//! a process makes of a file that changes is [`held`](super::held)'s.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use events::clock::Random;
use zeroize::Zeroizing;

use crate::crypto::aead::{AeadKey, SealError, Sealed};
use crate::files;

/// A vault's master keys: 1 to 3, of which the first seals.
#[derive(Debug)]
pub struct MasterKey(Vec<Arc<OneKey>>);

/// One line of the file.
#[derive(Debug)]
pub struct OneKey {
    id: String,
    key: AeadKey,
}

#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    #[error("the master key {path} can't be read: {source}", path = path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error(
        "the master key {path} can be read by others (mode {mode:03o}, owner {owner}, group {group}): run `chmod 600 \
         {path}`, or let root own it with mode 0440 and a group of this process, as a Kubernetes Secret with \
         `fsGroup` has it",
        path = path.display()
    )]
    Open { path: PathBuf, mode: u32, owner: u32, group: u32 },
    #[error(
        "the master key {path} is not 1 to 3 lines of 32 bytes in base64: make one with \
         `head -c 32 /dev/urandom | base64`",
        path = path.display()
    )]
    Malformed { path: PathBuf },
    #[error("the master key {path} can't be written: {source}", path = path.display())]
    Write { path: PathBuf, source: std::io::Error },
}

impl MasterKey {
    const MOST: usize = 3;
    /// A file is not read further than this.
    const MAX_FILE_BYTES: u64 = 1_024;

    /// Reads a master key file. Refuses one that others may read (see [`Access::is_close`]).
    pub fn read(path: &Path) -> Result<Self, MasterKeyError> {
        let unread = |source| MasterKeyError::Read { path: path.to_owned(), source };
        let malformed = || MasterKeyError::Malformed { path: path.to_owned() };
        let file = files::open_regular(path).map_err(unread)?;
        // Asked of the open file, so that nobody can change it about in between.
        let about = file.metadata().map_err(unread)?;
        let access = Access { mode: about.mode() & 0o777, owner: about.uid(), group: about.gid() };
        if !access.is_close(&groups()) {
            let Access { mode, owner, group } = access;
            return Err(MasterKeyError::Open { path: path.to_owned(), mode, owner, group });
        }
        if about.len() > Self::MAX_FILE_BYTES {
            return Err(malformed());
        }
        let text = Zeroizing::new(std::io::read_to_string(file).map_err(unread)?);
        Self::parse(&text).ok_or_else(malformed)
    }

    /// Draws a key into a new file that its owner alone may read. An existing file stays as it is, and is
    /// read.
    pub fn read_or_create(path: &Path, random: &dyn Random) -> Result<Self, MasterKeyError> {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill(&mut bytes[..]);
        let text = Zeroizing::new(STANDARD.encode(&bytes[..]) + "\n");
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        match file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all())) {
            Ok(()) => Self::read(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Self::read(path),
            Err(source) => Err(MasterKeyError::Write { path: path.to_owned(), source }),
        }
    }

    /// A key of these bytes alone.
    pub fn of(bytes: &[u8; 32]) -> Result<Self, SealError> {
        Ok(Self(vec![Arc::new(OneKey::of(bytes)?)]))
    }

    /// By which entries name them.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.id())
    }

    /// The first one seals.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<OneKey>> {
        self.0.iter()
    }

    fn parse(text: &str) -> Option<Self> {
        let mut keys = Vec::with_capacity(Self::MOST);
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let bytes = Zeroizing::new(STANDARD.decode(line).ok()?);
            keys.push(Arc::new(OneKey::of(bytes.as_slice().try_into().ok()?).ok()?));
        }
        (1..=Self::MOST).contains(&keys.len()).then_some(Self(keys))
    }
}

/// Who may do what with a file.
#[derive(Debug, Clone, Copy)]
struct Access {
    mode: u32,
    owner: u32,
    group: u32,
}

impl Access {
    /// Whether nobody else reads it: its owner alone; or root gave it to a group of this process to read, which is
    /// how a Kubernetes Secret with `fsGroup`, or a file of a service's own group, comes to a process that is not
    /// root; or to root's own group, as systemd's `LoadCredential` does, which lets this process in by an access list (the
    /// list's mask is what the mode shows for the group). A user's own file that a group may read was left open by
    /// mistake, more likely than not.
    fn is_close(self, groups: &[u32]) -> bool {
        let given_by_root = self.owner == 0 && (self.group == 0 || groups.contains(&self.group));
        let more = if given_by_root { self.mode & 0o037 } else { self.mode & 0o077 };
        more == 0
    }
}

/// The groups of this process. Without an answer none: the file's owner alone may read it.
fn groups() -> Vec<u32> {
    let more = rustix::process::getgroups().unwrap_or_default();
    more.into_iter().chain([rustix::process::getegid()]).map(rustix::process::Gid::as_raw).collect()
}

impl OneKey {
    fn of(bytes: &[u8; 32]) -> Result<Self, SealError> {
        // Tells which key a value wants, and nothing of the key.
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), b"keyledger master key id");
        let id = tag.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { id, key: AeadKey::new(bytes)? })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn seal(&self, place: &[u8], value: &[u8], random: &dyn Random) -> Result<Sealed, SealError> {
        self.key.seal(place, value, random)
    }

    pub(super) fn open(
        &self,
        place: &[u8],
        nonce: &[u8],
        ciphertext: Vec<u8>,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.key.open(place, nonce, ciphertext)
    }
}

#[cfg(test)]
mod tests;
