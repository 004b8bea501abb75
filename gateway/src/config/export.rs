//! An export: files of the log, in a folder or in S3-compatible storage.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::check::{check_http, value, within};
use super::secret::{self, Secret};
use super::{ConfigError, lenient};

/// `[exports.NAME]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    #[serde(default)]
    pub format: ExportFormat,
    /// Of JSON lines; Parquet compresses its pages itself.
    #[serde(default)]
    pub compression: Compression,
    #[serde(default)]
    pub folder: Option<PathBuf>,
    #[serde(default)]
    pub s3: Option<S3>,
    /// How often files are written, when anything has happened.
    #[serde(default = "default_minutes", deserialize_with = "lenient::number")]
    pub every_minutes: u64,
    /// Events in one file; with so many waiting, one is written at once.
    #[serde(default = "default_events", deserialize_with = "lenient::number")]
    pub max_events: u64,
    /// Bytes of events in one file, before compression. So much is held in memory.
    #[serde(default = "default_bytes", deserialize_with = "lenient::number")]
    pub max_bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    #[default]
    Jsonl,
    Parquet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    #[default]
    Gzip,
    None,
}

/// A bucket of S3-compatible storage.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3 {
    pub endpoint: Url,
    pub region: String,
    pub bucket: String,
    /// What the objects' names begin with.
    #[serde(default)]
    pub prefix: String,
    /// The bucket stands in the path; otherwise in the host's name.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub path_style: bool,
    pub access_key_id: String,
    #[serde(default)]
    pub secret_access_key: Option<Secret>,
    #[serde(default)]
    pub secret_access_key_file: Option<PathBuf>,
    /// Authorities beside the public ones, PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// For one file to be taken.
    #[serde(default = "default_timeout", deserialize_with = "lenient::number")]
    pub timeout_ms: u64,
}

/// Where files go.
#[derive(Debug, Clone)]
pub enum Target<'a> {
    Folder(&'a PathBuf),
    S3(&'a S3),
}

fn default_minutes() -> u64 {
    60
}

fn default_events() -> u64 {
    100_000
}

fn default_bytes() -> u64 {
    64 * 1024 * 1024
}

fn default_timeout() -> u64 {
    120_000
}

impl Export {
    pub fn every(&self) -> Duration {
        Duration::from_secs(self.every_minutes.saturating_mul(60))
    }

    pub fn target(&self, key: &str) -> Result<Target<'_>, ConfigError> {
        match (&self.folder, &self.s3) {
            (Some(folder), None) => Ok(Target::Folder(folder)),
            (None, Some(s3)) => Ok(Target::S3(s3)),
            (None, None) | (Some(_), Some(_)) => Err(value(
                key,
                "it goes to one place",
                "either `folder`, the path of a folder that is there, or a table `s3`",
            )),
        }
    }

    pub(super) fn check(&self, key: &str, used: bool) -> Result<(), ConfigError> {
        let of = |name: &str| format!("{key}.{name}");
        if let Target::S3(s3) = self.target(key)? {
            check_http(&of("s3.endpoint"), &s3.endpoint)?;
            let named = |text: &str, extra: &[u8]| {
                text.bytes().all(|byte| byte.is_ascii_alphanumeric() || extra.contains(&byte))
            };
            if s3.bucket.len() < 3 || !named(&s3.bucket, b".-_") {
                return Err(value(
                    &of("s3.bucket"),
                    "no bucket has this name",
                    "3 letters, digits, `.`, `-` or more",
                ));
            }
            if s3.region.is_empty() || !named(&s3.region, b"-_") {
                return Err(value(&of("s3.region"), "no region has this name", "a name such as eu-west-1"));
            }
            if s3.access_key_id.is_empty() {
                return Err(value(
                    &of("s3.access_key_id"),
                    "it is empty",
                    "the id that goes with the secret key",
                ));
            }
            // A segment that a server takes for a step leads out of the bucket.
            let steps = s3.prefix.starts_with('/')
                || s3.prefix.contains("//")
                || s3.prefix.split('/').any(|segment| matches!(segment, "." | ".."));
            if s3.prefix.len() > 512 || !named(&s3.prefix, b"/.-_=") || steps {
                let accepted = "at most 512 letters, digits and `/.-_=`, no `/` first, no `//`, `.` or `..` between two, such \
                                as keyledger/events/";
                return Err(value(&of("s3.prefix"), "no name can begin with it", accepted));
            }
            within(&of("s3.timeout_ms"), s3.timeout_ms, 1_000..=3_600_000, "1000 to 3600000")?;
            if used {
                s3.secret(key)?;
            }
        }
        within(&of("every_minutes"), self.every_minutes, 1..=44_640, "1 to 44640")?;
        within(&of("max_events"), self.max_events, 1..=10_000_000, "1 to 10000000")?;
        within(&of("max_bytes"), self.max_bytes, 65_536..=1_073_741_824, "65536 to 1073741824")
    }
}

impl S3 {
    /// `key`: of the export.
    pub fn secret(&self, key: &str) -> Result<Secret, ConfigError> {
        let name = format!("{key}.s3.secret_access_key");
        secret::one_of(
            (&name, self.secret_access_key.as_ref()),
            (&format!("{name}_file"), self.secret_access_key_file.as_deref()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S3: &str = "[s3]\nendpoint = \"https://s3.example.com\"\nregion = \"eu-west-1\"\nbucket = \"audit\"\n\
                      access_key_id = \"AKID\"\nsecret_access_key = \"s\"\n";

    fn check(text: &str) -> Result<(), ConfigError> {
        let export: Export = toml::from_str(text).unwrap();
        export.check("exports.archive", true)
    }

    #[test]
    fn what_is_wrong_is_told_by_its_key_with_what_is_accepted() {
        check("folder = \"/archive\"\nformat = \"parquet\"\nevery_minutes = \"1440\"").unwrap();
        check(S3).unwrap();
        for (wrong, key, told) in [
            ("".to_owned(), "exports.archive", "either `folder`"),
            (format!("folder = \"/archive\"\n{S3}"), "exports.archive", "either `folder`"),
            ("folder = \"/archive\"\nevery_minutes = 0".to_owned(), "exports.archive.every_minutes", "44640"),
            ("folder = \"/archive\"\nmax_bytes = 1".to_owned(), "exports.archive.max_bytes", "65536"),
            (S3.replace("https://s3", "http://s3"), "exports.archive.s3.endpoint", "without TLS"),
            (S3.replace("\"audit\"", "\"a/b/c\""), "exports.archive.s3.bucket", "letters"),
            (S3.replace("secret_access_key = \"s\"\n", ""), "exports.archive.s3.secret_access_key", "file"),
            (S3.replace("\"AKID\"", "\"\""), "exports.archive.s3.access_key_id", "secret key"),
            (format!("{S3}prefix = \"a b\""), "exports.archive.s3.prefix", "512"),
            (format!("{S3}prefix = \"../other/\""), "exports.archive.s3.prefix", "`..`"),
        ] {
            let text = check(&wrong).unwrap_err().to_string();
            assert!(text.contains(&format!("`{key}`")) && text.contains(told), "{wrong}: {text}");
        }
    }
}
