//! Embeds the migrations, as one array of (version, description, SQL). sqlx's own macro would do it as well, and would
//! build sqlx, TLS and the cryptography library a second time for the compiler's sake.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    // Asked when it runs: what it was compiled with may be another checkout's, where build outputs were copied.
    let here =
        env::var_os("CARGO_MANIFEST_DIR").ok_or_else(|| io::Error::other("cargo names no manifest"))?;
    let directory = Path::new(&here).join("../migrations");
    println!("cargo:rerun-if-changed={}", directory.display());
    let mut files: Vec<String> = fs::read_dir(&directory)?
        .map(|file| Ok(file?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<_>>()?;
    files.sort();
    let mut array = String::from("[\n");
    for file in files {
        // NNNN_what_it_is.sql
        let parts = file.strip_suffix(".sql").and_then(|stem| stem.split_once('_'));
        let parts = parts.and_then(|(version, what)| Some((version.parse::<i64>().ok()?, what)));
        let (version, what) = parts.ok_or_else(|| io::Error::other(format!("{file} is no migration")))?;
        let path = directory.join(&file);
        let _ = writeln!(array, "({version}, {:?}, include_str!({path:?})),", what.replace('_', " "));
    }
    array.push(']');
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo names no OUT_DIR"))?;
    fs::write(Path::new(&out).join("migrations.rs"), array)
}
