use std::os::unix::fs::PermissionsExt as _;

use events::clock::SystemRandom;

use super::*;

fn file(content: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master.key");
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    (directory, path)
}

fn line(byte: u8) -> String {
    STANDARD.encode([byte; 32]) + "\n"
}

#[test]
fn a_file_that_others_may_read_is_refused_with_what_to_do() {
    for mode in [0o644, 0o604, 0o660, 0o777] {
        let (_directory, path) = file(&line(1), mode);
        let error = MasterKey::read(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("chmod 600 {}", path.display())), "{error}");
    }
    for mode in [0o600, 0o400] {
        let (_directory, path) = file(&line(1), mode);
        assert!(MasterKey::read(&path).is_ok());
    }
}

/// A Kubernetes Secret with `fsGroup` is a file of root's, mode 0440, of a group of the process.
#[test]
fn root_may_give_a_file_to_a_group_of_the_process_and_to_nobody_else() {
    const OURS: u32 = 1000;
    let close = |mode, owner, group| Access { mode, owner, group }.is_close(&[OURS, 2000]);
    for mode in [0o440, 0o400, 0o640, 0o600] {
        assert!(close(mode, 0, OURS) && close(mode, 0, 2000), "{mode:o}");
    }
    assert!(close(0o600, 1000, 3000) && close(0o400, 0, 3000));
    assert!(close(0o440, 0, 0), "systemd's credential: root's own, with an access list for this process");
    assert!(!close(0o440, 0, 3000), "root's, of a group that is not ours");
    assert!(!close(0o440, 1000, OURS), "a user's own, open to its group");
    for mode in [0o444, 0o460, 0o660, 0o441, 0o450] {
        assert!(!close(mode, 0, OURS), "{mode:o}");
    }
}

#[test]
fn a_file_that_is_no_key_is_refused() {
    let too_many = [1, 2, 3, 4].map(line).concat();
    let too_long = "\n".repeat(2_000) + &line(1);
    for content in
        ["", "\n", "hello", &STANDARD.encode([1; 31]), &STANDARD.encode([1; 33]), &too_many, &too_long]
    {
        let (_directory, path) = file(content, 0o600);
        let error = MasterKey::read(&path).unwrap_err();
        assert!(matches!(error, MasterKeyError::Malformed { .. }), "{content}: {error}");
    }
    let (directory, _) = file("", 0o600);
    let pipe = directory.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&pipe).status().unwrap().success());
    let told = MasterKey::read(&pipe).unwrap_err().to_string();
    assert!(told.contains("pipe") && told.contains("no regular file"), "{told}");
    let missing = MasterKey::read(&directory.path().join("missing")).unwrap_err();
    assert!(missing.to_string().contains("missing"), "{missing}");
}

#[test]
fn an_older_line_still_opens_and_the_first_one_seals() {
    let (_directory, path) = file(&line(1), 0o600);
    let old = MasterKey::read(&path).unwrap();
    let sealed = old.0[0].seal(b"place", b"secret", &SystemRandom).unwrap();
    let (_directory, path) = file(&(line(2) + &line(1)), 0o600);
    let both = MasterKey::read(&path).unwrap();
    let older = &both.0[1];
    assert_eq!(older.id(), old.0[0].id());
    assert_eq!(older.open(b"place", &sealed.nonce, sealed.ciphertext).unwrap().as_slice(), b"secret");
    assert_ne!(both.0[0].id(), older.id());
}

#[test]
fn a_new_file_is_the_owners_alone_and_an_existing_one_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master.key");
    let drawn = MasterKey::read_or_create(&path, &SystemRandom).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let again = MasterKey::read_or_create(&path, &SystemRandom).unwrap();
    assert_eq!(drawn.0[0].id(), again.0[0].id());
}

#[test]
fn debug_shows_no_key() {
    let key = MasterKey::of(&[1; 32]).unwrap();
    assert!(format!("{key:?}").contains("AeadKey(hidden)"));
}
