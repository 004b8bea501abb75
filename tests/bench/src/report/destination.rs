//! Where a report goes: tried before anything is measured, and written whole or not at all.

use std::path::{Path, PathBuf};

use super::Report;

/// Between these two lines a page is the bench's; what is written around them stays.
pub const BEGIN: &str = "<!-- Written by `just bench`: from here -->";
pub const END: &str = "<!-- to here. -->";

const README: &str = "README.md";
const PAGE: &str = "docs/benchmarks.md";

/// A folder that can be written.
#[derive(Debug)]
pub struct Destination {
    folder: PathBuf,
    /// Its docs and its README are written; of any other folder three files.
    checkout: bool,
}

impl Destination {
    /// A folder that somebody has named.
    pub fn named(folder: &Path) -> Result<Self, String> {
        if folder.join(PAGE).exists() { Self::checkout(folder) } else { Self::tried(folder, false) }
    }

    /// A checkout: its pages say where the bench writes.
    pub fn checkout(folder: &Path) -> Result<Self, String> {
        for page in [PAGE, README] {
            let page = folder.join(page);
            let text =
                std::fs::read_to_string(&page).map_err(|error| format!("{}: {error}", page.display()))?;
            between(&text, "").map_err(|why| format!("{}: {why}", page.display()))?;
        }
        Self::tried(folder, true)
    }

    fn tried(folder: &Path, checkout: bool) -> Result<Self, String> {
        if !folder.is_dir() {
            return Err(format!("{}: there is no such folder", folder.display()));
        }
        let destination = Self { folder: folder.to_owned(), checkout };
        for file in destination.files() {
            let new = new(&file);
            let tried = std::fs::write(&new, "").and_then(|()| std::fs::remove_file(&new));
            tried.map_err(|error| format!("{}: {error}", new.display()))?;
        }
        Ok(destination)
    }

    /// The page, the figures for machines, the chart; of a checkout README as well.
    fn files(&self) -> Vec<PathBuf> {
        let names: &[&str] = if self.checkout {
            &[PAGE, "docs/benchmarks.json", "docs/benchmarks.svg", README]
        } else {
            &["benchmarks.md", "benchmarks.json", "benchmarks.svg"]
        };
        names.iter().map(|name| self.folder.join(name)).collect()
    }

    /// Writes everything beside its place, and then puts each in its place.
    pub fn put(&self, report: &Report) -> Result<Vec<String>, String> {
        let files = self.files();
        let written = self.texts(report, &files).and_then(|texts| {
            for (file, text) in files.iter().zip(&texts) {
                std::fs::write(new(file), text).map_err(|error| format!("{}: {error}", file.display()))?;
            }
            Ok(())
        });
        if let Err(why) = written {
            for file in &files {
                // Some were never made.
                let _ = std::fs::remove_file(new(file));
            }
            return Err(why);
        }
        for file in &files {
            std::fs::rename(new(file), file).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        Ok(files.iter().map(|file| file.display().to_string()).collect())
    }

    /// What each of these files will hold.
    fn texts(&self, report: &Report, files: &[PathBuf]) -> Result<Vec<String>, String> {
        let page = format!("# Keyledger beside its floors\n\n{BEGIN}\n{END}\n");
        let around = |file: &Path, written: &str| {
            let text = if self.checkout {
                std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?
            } else {
                page.clone()
            };
            between(&text, written).map_err(|why| format!("{}: {why}", file.display()))
        };
        let mut texts = vec![around(&files[0], &report.page)?, report.json.clone(), report.chart.clone()];
        if let Some(readme) = files.get(3) {
            texts.push(around(readme, &report.readme)?);
        }
        Ok(texts)
    }
}

/// This page with that between its marks.
pub fn between(page: &str, written: &str) -> Result<String, String> {
    let marks = || format!("it has no line {BEGIN:?} with a line {END:?} after it");
    let (before, rest) = page.split_once(BEGIN).ok_or_else(marks)?;
    let (_, after) = rest.split_once(END).ok_or_else(marks)?;
    Ok(format!("{before}{BEGIN}\n\n{written}\n{END}{after}"))
}

fn new(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let text = |text: &str| text.to_owned();
        Report {
            page: text("the table\n"),
            json: text("[]\n"),
            chart: text("<svg/>\n"),
            readme: text("figures\n"),
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_checkouts_pages_keep_what_is_around_the_marks() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("docs")).unwrap();
        let page = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        for name in [PAGE, README] {
            std::fs::write(folder.path().join(name), &page).unwrap();
        }
        Destination::named(folder.path()).unwrap().put(&report()).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read(PAGE), format!("before\n{BEGIN}\n\nthe table\n\n{END}\nafter\n"));
        assert_eq!(read(README), format!("before\n{BEGIN}\n\nfigures\n\n{END}\nafter\n"));
        assert_eq!(
            names(&folder.path().join("docs")),
            ["benchmarks.json", "benchmarks.md", "benchmarks.svg"]
        );
    }

    #[test]
    fn it_is_written_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let destination = Destination::named(folder.path()).unwrap();
        assert_eq!(names(folder.path()), Vec::<String>::new());
        // The last of three can't be written.
        let in_the_way = folder.path().join("benchmarks.svg.new");
        std::fs::create_dir(&in_the_way).unwrap();
        assert!(destination.put(&report()).is_err());
        assert_eq!(names(folder.path()), ["benchmarks.svg.new"]);
        std::fs::remove_dir(&in_the_way).unwrap();
        assert_eq!(destination.put(&report()).unwrap().len(), 3);
        assert_eq!(names(folder.path()), ["benchmarks.json", "benchmarks.md", "benchmarks.svg"]);
    }
}
