//! Files that hold secrets, some of which are read anew while the process runs: now and then, and at once when somebody says
//! that they have changed.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often a file is looked at. By what it holds: its time says little where a link is moved.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Opens a file that ends. A FIFO, a device or a socket would be waited for, perhaps for ever.
pub fn open_regular(path: &Path) -> io::Result<File> {
    // Asked before it is opened: opening a FIFO waits for its writer.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file: put what it is to hold into one"));
    }
    File::open(path)
}

/// What a regular file holds.
pub fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Looks until cancelled. `now`: somebody says that the files have changed.
pub async fn keep_looking(mut now: watch::Receiver<()>, cancel: CancellationToken, mut look: impl FnMut()) {
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            Ok(()) = now.changed() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        look();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_never_end_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        for path in [pipe.as_path(), &link, Path::new("/dev/zero"), folder.path()] {
            let error = read_regular(path).unwrap_err();
            assert!(error.to_string().contains("no regular file"), "{}: {error}", path.display());
        }
        let file = folder.path().join("file");
        fs::write(&file, "a secret").unwrap();
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(read_regular(&link).unwrap(), b"a secret");
    }
}
