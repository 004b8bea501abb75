//! A plain hash map of digests: what a key costs in memory at the least, and how fast one is found.

use std::collections::HashMap;
use std::hint::black_box;
use std::process::Command;

use events::clock::{Random, SystemRandom};

use crate::process;

/// What is held of a key: about as much as a directory's entry.
pub type Entry = [u8; 128];
pub type Map = HashMap<[u8; 32], Entry>;

/// Resident bytes an entry of a map of so many, as a process of its own sees them.
pub fn resident_bytes(entries: usize) -> f64 {
    let this = std::env::current_exe().expect("this program's path");
    let asked = Command::new(this).args(["floor-map", "--entries", &entries.to_string()]).output();
    let told = asked.expect("this program runs").stdout;
    let told = String::from_utf8_lossy(&told).into_owned();
    told.trim().parse::<f64>().expect("it tells a number") / entries as f64
}

/// Prints how much larger this process is with such a map.
pub fn run(entries: usize) {
    let before = process::resident(std::process::id());
    let mut map = Map::new();
    for _ in 0..entries {
        let mut digest = [0; 32];
        SystemRandom.fill(&mut digest);
        map.insert(digest, [1; 128]);
    }
    println!("{}", process::resident(std::process::id()) - before);
    black_box(map);
}
