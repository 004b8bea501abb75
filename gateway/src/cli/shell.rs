//! `keyledger shell`: completion and man pages, put where shells and `man` look for them.

use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory, Subcommand};

use super::error::CliError;
use super::output::Output;
use super::{Cli, Environment};

#[derive(Debug, Subcommand)]
pub enum Shell {
    /// Install completion for bash, zsh and fish, and the man pages
    Install(Install),
}

/// Completion offers commands, flags, and the ids and slugs of the running installation. Its files ask the program itself,
/// so that they stay true after an upgrade; install the man pages anew then.
#[derive(Debug, Args)]
pub struct Install {
    /// Put them below DIR/share, such as /usr/local; without it below XDG_DATA_HOME or ~/.local/share
    #[arg(long, value_name = "DIR")]
    prefix: Option<PathBuf>,
}

/// Where each shell looks, and what is there: the program's own words for it.
const COMPLETIONS: &[(&str, &str)] = &[
    ("bash-completion/completions/keyledger", "source <(COMPLETE=bash keyledger)\n"),
    (
        "zsh/site-functions/_keyledger",
        "#compdef keyledger\nsource <(COMPLETE=zsh keyledger)\n_clap_dynamic_completer_keyledger \"$@\"\n",
    ),
    ("fish/vendor_completions.d/keyledger.fish", "COMPLETE=fish keyledger | source\n"),
];
const MAN: &str = "man/man1";

impl Shell {
    pub fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let Self::Install(install) = self;
        install.run(environment, output)
    }
}

impl Install {
    fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let share = self.share(environment)?;
        for (place, words) in COMPLETIONS {
            let path = share.join(place);
            make_folder_of(&path)?;
            std::fs::write(&path, words).map_err(|error| failed(&path, &error))?;
            output.line(path.display().to_string())?;
        }
        let pages = share.join(MAN);
        std::fs::create_dir_all(&pages).map_err(|error| failed(&pages, &error))?;
        let mut command = Cli::command();
        command.build();
        clap_mangen::generate_to(command, &pages).map_err(|error| failed(&pages, &error))?;
        output.line(format!("{}/keyledger*.1", pages.display()))?;
        output.note(format!(
            "bash (with its package bash-completion) and fish find theirs; zsh does with {} in fpath before compinit",
            share.join("zsh/site-functions").display()
        ));
        Ok(())
    }

    fn share(&self, environment: &Environment) -> Result<PathBuf, CliError> {
        if let Some(prefix) = &self.prefix {
            return Ok(prefix.join("share"));
        }
        // XDG Base Directory Specification: a path that is not absolute is none.
        let named = |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        named("XDG_DATA_HOME").or_else(|| Some(named("HOME")?.join(".local/share"))).ok_or_else(|| {
            CliError::Usage("neither XDG_DATA_HOME nor HOME is set: name a --prefix".to_owned())
        })
    }
}

fn make_folder_of(path: &Path) -> Result<(), CliError> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> CliError {
    CliError::Refused(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completion_and_man_pages_lie_where_they_are_looked_for() {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment::from([("HOME".to_owned(), home.path().to_str().unwrap().to_owned())]);
        let run = |prefix| {
            Install { prefix }.run(&environment, &mut Output::to(std::io::sink(), std::io::sink())).unwrap();
        };
        run(None);
        run(Some(home.path().join("usr")));
        for share in [".local/share", "usr/share"] {
            let share = home.path().join(share);
            for (place, words) in COMPLETIONS {
                assert_eq!(std::fs::read_to_string(share.join(place)).unwrap(), *words);
            }
            let page = std::fs::read_to_string(share.join(MAN).join("keyledger-keys-issue.1")).unwrap();
            assert!(page.contains(".TH") && page.contains("expires\\-in"), "{page}");
        }
    }
}
