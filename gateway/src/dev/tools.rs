//! Where the servers' programs are: named by a variable, else put into `.tools` by `scripts/setup`, else the
//! machine's own. A program too old is refused, not used.

use std::path::{Path, PathBuf};

use super::Error;

/// Names nats-server's binary.
pub const NATS_SERVER: &str = "KEYLEDGER_NATS_SERVER";
/// Names the directory of PostgreSQL's server programs.
pub const POSTGRES_BIN: &str = "KEYLEDGER_POSTGRES_BIN";

/// Atomic batches came with 2.12.
const NATS_NEEDED: (u32, u32) = (2, 12);
const POSTGRES_NEEDED: (u32, u32) = (15, 0);

/// nats-server, 2.12 or later.
pub fn nats_server() -> Result<PathBuf, Error> {
    let found = |path: &Path| path.is_file().then(|| version_of(path)).flatten();
    search(
        &Sought { what: "nats-server", needed: "2.12", least: NATS_NEEDED, variable: NATS_SERVER },
        named(NATS_SERVER),
        candidates(
            "nats-server/bin/nats-server",
            "nats-server",
            &["/usr/sbin/nats-server", "/usr/local/bin/nats-server", "/opt/nats-server/nats-server"],
        ),
        found,
    )
}

/// The directory of `initdb` and `postgres`, 15 or later.
pub fn postgres_bin() -> Result<PathBuf, Error> {
    let mut all: Vec<PathBuf> = candidates("postgres/bin/postgres", "postgres", &[]);
    let mut installed: Vec<(u32, PathBuf)> = ["/usr/lib/postgresql", "/usr/pgsql", "/opt/postgresql"]
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let major = entry.file_name().to_str()?.parse().ok()?;
            Some((major, entry.path().join("bin/postgres")))
        })
        .collect();
    installed.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    all.extend(installed.into_iter().map(|(_, path)| path));
    let found = |path: &Path| {
        let beside = path.parent()?.join("initdb");
        (path.is_file() && beside.is_file()).then(|| version_of(path)).flatten()
    };
    let sought =
        Sought { what: "PostgreSQL's server", needed: "15", least: POSTGRES_NEEDED, variable: POSTGRES_BIN };
    // A link on the PATH leads to the real directory, which has initdb beside it.
    let all = all.into_iter().map(|path| path.canonicalize().unwrap_or(path)).collect();
    let server = search(&sought, named(POSTGRES_BIN).map(|bin| bin.join("postgres")), all, found)?;
    Ok(server.parent().unwrap_or(Path::new("/")).to_owned())
}

struct Sought {
    what: &'static str,
    needed: &'static str,
    least: (u32, u32),
    variable: &'static str,
}

/// The named one and no other; else the first new enough.
fn search(
    sought: &Sought,
    named: Option<PathBuf>,
    candidates: Vec<PathBuf>,
    version: impl Fn(&Path) -> Option<(u32, u32)>,
) -> Result<PathBuf, Error> {
    let mut too_old = None;
    let candidates = named.map_or(candidates, |named| vec![named]);
    for path in &candidates {
        match version(path) {
            Some(found) if found >= sought.least => return Ok(path.clone()),
            Some(found) => {
                too_old.get_or_insert_with(|| (path.clone(), found));
            }
            None => {}
        }
    }
    let Sought { what, needed, variable, .. } = *sought;
    match too_old {
        Some((path, (major, minor))) => {
            Err(Error::TooOld { path, found: format!("version {major}.{minor}"), needed, variable })
        }
        None => {
            let looked: Vec<String> = candidates.iter().map(|path| path.display().to_string()).collect();
            Err(Error::NotFound { what, looked: format!("looked at {}", looked.join(", ")), variable })
        }
    }
}

fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// In `.tools` of a checkout that holds this binary, then on the PATH, then in the usual places.
fn candidates(in_tools: &str, program: &str, usual: &[&str]) -> Vec<PathBuf> {
    let executable = std::env::current_exe().unwrap_or_default();
    let tools =
        executable.ancestors().skip(1).map(|above| above.join(".tools")).filter(|tools| tools.is_dir());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut all: Vec<PathBuf> = tools.map(|tools| tools.join(in_tools)).collect();
    all.extend(
        std::env::split_paths(&path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(program)),
    );
    all.extend(usual.iter().map(PathBuf::from));
    all
}

/// What the program says of itself with `--version`.
fn version_of(program: &Path) -> Option<(u32, u32)> {
    let output = std::process::Command::new(program).arg("--version").output().ok()?;
    version_in(&String::from_utf8_lossy(&output.stdout))
}

/// The first word that is a version: `nats-server: v2.15.1`, `postgres (PostgreSQL) 15.18 (Debian …)`, `18beta1`.
fn version_in(text: &str) -> Option<(u32, u32)> {
    text.split_whitespace().find_map(|word| {
        let mut parts = word.trim_start_matches('v').split(|letter: char| !letter.is_ascii_digit());
        let major = parts.next()?.parse().ok()?;
        Some((major, parts.next().and_then(|minor| minor.parse().ok()).unwrap_or(0)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUGHT: Sought = Sought { what: "x", needed: "2.12", least: (2, 12), variable: "X" };

    fn versions(path: &Path) -> Option<(u32, u32)> {
        version_in(path.to_str()?)
    }

    #[test]
    fn versions_are_read_as_the_servers_print_them() {
        assert_eq!(version_in("nats-server: v2.15.1\n"), Some((2, 15)));
        assert_eq!(version_in("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some((15, 18)));
        assert_eq!(version_in("postgres (PostgreSQL) 19beta1"), Some((19, 0)));
        assert_eq!(version_in("nats-server: unknown"), None);
    }

    #[test]
    fn one_too_old_is_passed_over_for_a_newer_one() {
        let found =
            search(&SOUGHT, None, vec!["2.9".into(), "2.12".into(), "2.15".into()], versions).unwrap();
        assert_eq!(found, Path::new("2.12"));
    }

    #[test]
    fn the_named_one_is_used_or_refused_and_no_other() {
        let error = search(&SOUGHT, Some("2.9".into()), vec!["2.15".into()], versions).unwrap_err();
        assert!(matches!(error, Error::TooOld { .. }), "{error}");
        let error = search(&SOUGHT, Some("nothing".into()), vec!["2.15".into()], versions).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
        assert_eq!(search(&SOUGHT, Some("2.13".into()), vec![], versions).unwrap(), Path::new("2.13"));
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let error = search(&SOUGHT, None, vec!["2.9".into()], versions).unwrap_err().to_string();
        assert!(error.contains("scripts/setup") && error.contains('X') && error.contains("2.12"), "{error}");
    }
}
