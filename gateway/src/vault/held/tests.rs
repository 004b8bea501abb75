use std::fs;
use std::sync::Arc;

use events::clock::SystemRandom;

use super::super::reseal::tests::write;
use super::super::tests::Memory;
use super::super::{Purpose, Vault, VaultError, VaultName};

/// A vault's entries, and processes with a file each.
struct World {
    folder: tempfile::TempDir,
    entries: Arc<Memory>,
}

impl World {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), entries: Arc::new(Memory::default()) }
    }

    fn write(&self, file: &str, keys: &[u8]) {
        write(&self.folder.path().join(file), keys);
    }

    fn process(&self, file: &str, keys: &[u8]) -> Vault {
        self.write(file, keys);
        let path = self.folder.path().join(file);
        Vault::with_file(VaultName::Node, Arc::<Memory>::clone(&self.entries), path).unwrap()
    }
}

async fn create(vault: &Vault, entry: &str) -> Result<(), VaultError> {
    vault.get_or_create(entry, Purpose::Pepper, b"secret", &SystemRandom).await.map(|_| ())
}

async fn opens(vault: &Vault, entry: &str) -> bool {
    vault.get(entry, Purpose::Pepper).await.is_ok_and(|value| value.is_some())
}

fn is_told(vault: &Vault) -> bool {
    vault.master.file.as_ref().unwrap().unfit.holds()
}

#[tokio::test]
async fn a_file_that_is_wrong_for_a_moment_takes_away_no_key_and_is_used_when_it_is_right() {
    for wrong in ["", "aGFsZiBvZiBh", "\0", "key of another"] {
        let world = World::new();
        let (control, node) = (world.process("control", &[1]), world.process("node", &[1]));
        create(&control, "a").await.unwrap();
        assert!(opens(&node, "a").await);
        world.write("control", &[2, 1]);
        create(&control, "b").await.unwrap();
        match wrong {
            "key of another" => world.write("node", &[9]),
            text => fs::write(world.folder.path().join("node"), text).unwrap(),
        }
        let told = node.get("b", Purpose::Pepper).await.unwrap_err();
        assert!(matches!(&told, VaultError::OtherKey { entry, .. } if entry == "b"), "{wrong:?}: {told}");
        assert!(told.to_string().contains(&*world.folder.path().join("node").to_string_lossy()), "{told}");
        node.look_at_keys().await.unwrap();
        let told = node.unfit_keys().unwrap();
        assert!(told.contains("a restart would fail") && told.contains("/node"), "{wrong:?}: {told}");
        assert!(opens(&node, "a").await, "{wrong:?}");

        world.write("node", &[2, 1]);
        assert!(opens(&node, "b").await && opens(&node, "a").await, "{wrong:?}");
        assert!(!is_told(&node), "{wrong:?}");
    }
}

#[tokio::test]
async fn nothing_is_sealed_under_a_stray_file() {
    let world = World::new();
    let control = world.process("control", &[1]);
    create(&control, "a").await.unwrap();
    world.write("control", &[9]);
    create(&control, "b").await.unwrap();
    assert!(is_told(&control));
    assert!(opens(&world.process("another", &[1]), "b").await);

    // A new line before the old one is none.
    world.write("control", &[2, 1]);
    create(&control, "c").await.unwrap();
    assert!(!is_told(&control));
    assert!(opens(&world.process("another", &[2]), "c").await);

    // The file of before is one, once nothing lies under it any more.
    control.reseal(&SystemRandom).await.unwrap();
    world.write("control", &[1]);
    create(&control, "d").await.unwrap();
    assert!(is_told(&control));
    assert!(opens(&world.process("another", &[2]), "d").await);
}

#[tokio::test]
async fn who_starts_under_a_stray_file_seals_nothing_until_it_is_right() {
    let world = World::new();
    create(&world.process("right", &[1]), "a").await.unwrap();
    let control = world.process("control", &[9]);
    let told = create(&control, "b").await.unwrap_err();
    assert!(matches!(&told, VaultError::OtherKey { entry, .. } if entry == "a"), "{told}");
    fs::write(world.folder.path().join("control"), "half").unwrap();
    assert!(matches!(create(&control, "b").await, Err(VaultError::OtherKey { .. })));
    world.write("control", &[1]);
    // What the file opens meanwhile does not make the key that it began with this vault's.
    assert!(opens(&control, "a").await && opens(&control, "a").await);
    world.write("control", &[9]);
    assert!(matches!(create(&control, "b").await, Err(VaultError::OtherKey { .. })));
    world.write("control", &[1]);
    create(&control, "b").await.unwrap();
    assert!(opens(&world.process("another", &[1]), "b").await);
}

#[tokio::test]
async fn a_process_that_saw_no_line_between_seals_under_the_key_that_is_used_by_now() {
    let world = World::new();
    let (control, late) = (world.process("control", &[1]), world.process("late", &[1]));
    create(&control, "a").await.unwrap();
    assert!(opens(&late, "a").await);
    world.write("control", &[2, 1]);
    control.reseal(&SystemRandom).await.unwrap();
    world.write("late", &[2]);
    create(&late, "b").await.unwrap();
    assert!(!is_told(&late));
    assert!(opens(&world.process("another", &[2]), "b").await);
}
