//! The data directory of `keyledger dev`: who may use it, and what lies where in it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Error, private};

/// A data directory that is this process's alone while it lives.
#[derive(Debug)]
pub struct Home {
    root: PathBuf,
    /// The kernel lets go of the lock with the process, however it ends.
    _lock: File,
}

#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    #[error("{path} is in use by another `keyledger dev`{process}: stop it, or choose another with --data")]
    InUse { path: PathBuf, process: String },
    #[error(
        "{0} holds other files and was not made by `keyledger dev`: choose a new or empty directory with --data"
    )]
    Foreign(PathBuf),
    #[error(transparent)]
    File(#[from] Error),
}

const LOCK: &str = "lock";

impl Home {
    /// Makes the directory or takes the one that is there, with mode 0700.
    pub fn take(path: &Path) -> Result<Self, PlaceError> {
        let is_ours = path.join(LOCK).is_file();
        let is_empty = match std::fs::read_dir(path) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
            Err(source) => return Err(Error::File { path: path.to_owned(), source }.into()),
        };
        if !is_ours && !is_empty {
            return Err(PlaceError::Foreign(path.to_owned()));
        }
        private::directory(path)?;
        let root = path.canonicalize().map_err(Error::file(path))?;
        let lock = root.join(LOCK);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock)
            .map_err(Error::file(&lock))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                // Only to say more: what can't be read is not said.
                let _ = file.read_to_string(&mut process);
                let process = if process.is_empty() { process } else { format!(" (process {process})") };
                return Err(PlaceError::InUse { path: root, process });
            }
            Err(TryLockError::Error(source)) => return Err(Error::File { path: lock, source }.into()),
        }
        file.set_len(0).map_err(Error::file(&lock))?;
        std::io::Write::write_all(&mut file, std::process::id().to_string().as_bytes())
            .map_err(Error::file(&lock))?;
        let place = Self { root, _lock: file };
        for folder in [place.master_keys(), place.nats(), place.postgres()] {
            private::directory(&folder)?;
        }
        // An earlier process's addresses are nobody's now.
        place.forget_facts()?;
        Ok(place)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn nats(&self) -> PathBuf {
        self.root.join("nats")
    }

    pub fn postgres(&self) -> PathBuf {
        self.root.join("postgres")
    }

    pub fn master_keys(&self) -> PathBuf {
        self.root.join("master-keys")
    }

    /// The configuration that the node runs with, for the CLI's commands as well.
    pub fn configuration(&self) -> PathBuf {
        self.root.join("keyledger.toml")
    }

    /// What scripts read: there while everything runs, and not otherwise.
    pub fn facts(&self) -> PathBuf {
        self.root.join("dev.json")
    }

    /// What the next start needs: keys, ids, ports.
    pub fn kept(&self) -> PathBuf {
        self.root.join("kept.json")
    }

    pub fn forget_facts(&self) -> Result<(), Error> {
        match std::fs::remove_file(self.facts()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::File { path: self.facts(), source: error })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// Reads JSON; `None` when there is no such file.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let Some(text) = private::read(path)? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(content(path))
}

/// Writes JSON for the owner's eyes alone.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let mut text = serde_json::to_vec_pretty(value).map_err(content(path))?;
    text.push(b'\n');
    private::write(path, &text)
}

fn content(path: &Path) -> impl FnOnce(serde_json::Error) -> Error {
    move |error| Error::Content { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_one_processs_at_a_time_and_the_refusal_names_it() {
        let above = tempfile::tempdir().unwrap();
        let path = above.path().join("data");
        let first = Home::take(&path).unwrap();
        let error = Home::take(&path).unwrap_err();
        assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
        drop(first);
        Home::take(&path).unwrap();
    }

    #[test]
    fn a_directory_with_other_files_is_left_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("letter"), "dear").unwrap();
        assert!(matches!(Home::take(home.path()), Err(PlaceError::Foreign(_))));
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_facts_of_a_killed_process_are_gone_at_the_next_start() {
        let above = tempfile::tempdir().unwrap();
        let path = above.path().join("data");
        let place = Home::take(&path).unwrap();
        write_json(&place.facts(), &1).unwrap();
        write_json(&place.kept(), &2).unwrap();
        drop(place);
        let place = Home::take(&path).unwrap();
        assert_eq!(read_json::<u8>(&place.facts()).unwrap(), None);
        assert_eq!(read_json::<u8>(&place.kept()).unwrap(), Some(2));
    }
}
