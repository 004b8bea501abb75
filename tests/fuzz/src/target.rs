//! A target as it runs: its corpus, its property, and whether that was ever put to the test.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bolero::bolero_engine::panic::take_panic;

use crate::edit::{Script, edited};

/// Whether the input was read as what the target is about. Panics where the property does not hold.
type Property<'a> = Box<dyn Fn(&[u8]) -> bool + 'a>;

/// A property, the inputs that it begins with, and how many were read so far.
pub struct Target<'a> {
    name: &'static str,
    seeds: Vec<Vec<u8>>,
    /// So many of the seeds, the first, are files.
    files: usize,
    // A target panics once, and what it holds is not looked at any more.
    property: AssertUnwindSafe<Property<'a>>,
    read: AtomicU64,
}

impl<'a> Target<'a> {
    /// `file`: the one that the target stands in, from the workspace's root.
    pub fn new(
        manifest: &str,
        file: &str,
        name: &'static str,
        further: impl IntoIterator<Item = Vec<u8>>,
        property: impl Fn(&[u8]) -> bool + 'a,
    ) -> Self {
        let folder = folder(Path::new(manifest), Path::new(file), name);
        let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}: a target has a corpus", folder.display()))
            .map(|entry| entry.unwrap().path())
            .collect();
        // A seed of bolero's means the same input everywhere.
        files.sort();
        let mut seeds: Vec<_> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
        assert!(!seeds.is_empty(), "{} is empty: a target has a corpus", folder.display());
        seeds.extend(further);
        Self {
            name,
            seeds,
            files: files.len(),
            property: AssertUnwindSafe(Box::new(property)),
            read: AtomicU64::new(0),
        }
    }

    /// Asks the property of an input of bolero's, and of a seed that is edited as the input says.
    pub fn ask(&self, input: &[u8]) {
        self.judge(input);
        self.judge(&edited(&self.seeds, Script::new(input)));
    }

    fn judge(&self, input: &[u8]) {
        // Bolero shows its own input alone, not what an edit made.
        match catch_unwind(AssertUnwindSafe(|| (self.property)(input))) {
            Ok(true) => drop(self.read.fetch_add(1, Ordering::Relaxed)),
            Ok(false) => {}
            Err(_) => {
                let told = take_panic().map(|panic| panic.to_string()).unwrap_or_default();
                panic!("{told}\n{} was asked of: {}\n", self.name, input.escape_ascii());
            }
        }
    }

    /// A target of which no input is ever read would hold whatever the code does. Bolero has asked it of the files.
    pub fn finish(&self) {
        self.seeds[self.files..].iter().for_each(|seed| self.judge(seed));
        let read = self.read.load(Ordering::Relaxed);
        println!("{}: {read} inputs were read as such", self.name);
        assert!(read > 0, "{}: no input was read, the corpus included", self.name);
    }
}

/// Where bolero looks for the corpus of a target that has a name.
fn folder(manifest: &Path, file: &Path, name: &str) -> PathBuf {
    let file = manifest.ancestors().map(|folder| folder.join(file)).find(|file| file.is_file());
    let beside = file.unwrap_or_else(|| panic!("{name}: its file is not there")).with_file_name("__fuzz__");
    beside.join(name).join("corpus")
}
