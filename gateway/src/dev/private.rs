//! Files and directories that their owner alone can read.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::clock::Random;

use super::Error;

/// Makes a directory with mode 0700, and those above it; one that is there is narrowed to it.
pub fn directory(path: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(Error::file(path))?;
    std::fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(Error::file(path))
}

/// Writes a file with mode 0600: whole or not at all, also when the machine stops meanwhile.
pub fn write(path: &Path, content: &[u8]) -> Result<(), Error> {
    let new = PathBuf::from(format!("{}.new", path.display()));
    let at = |source| Error::File { path: new.clone(), source };
    if let Err(error) = std::fs::remove_file(&new)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(at(error));
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).map_err(at)?;
    file.write_all(content).map_err(at)?;
    file.sync_all().map_err(at)?;
    std::fs::rename(&new, path).map_err(Error::file(path))?;
    if let Some(parent) = path.parent() {
        std::fs::File::open(parent)
            .and_then(|directory| directory.sync_all())
            .map_err(Error::file(parent))?;
    }
    Ok(())
}

/// The file's text; `None` when there is none.
pub fn read(path: &Path) -> Result<Option<String>, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::File { path: path.to_owned(), source }),
    }
}

/// A password of 256 random bits, in letters that need no quoting anywhere. It begins with a letter: what begins with a digit or
/// `-` is for nats-server the beginning of a number.
pub fn password(random: &dyn Random) -> String {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    format!("k{}", URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_begins_with_a_letter_whatever_is_drawn() {
        struct Drawn(u8);
        impl Random for Drawn {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(self.0);
            }
        }
        // In base64: `-`, `_`, a digit.
        for byte in [0xfb, 0xff, 0xd3] {
            assert!(password(&Drawn(byte)).starts_with(|c: char| c.is_ascii_alphabetic()));
        }
    }

    #[test]
    fn a_written_file_is_its_owners_alone_also_where_one_was_that_all_could_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("new"));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_half_written_by_a_killed_process_is_no_obstacle() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(directory.path().join("secret.new"), "ha").unwrap();
        write(&path, b"whole").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("whole"));
    }

    #[test]
    fn a_directory_that_all_could_enter_is_narrowed() {
        let above = tempfile::tempdir().unwrap();
        let path = above.path().join("data");
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        directory(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
