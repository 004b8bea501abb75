//! Secrets of the configuration: never printed, wiped when dropped.

use std::fmt;
use std::io;
use std::path::Path;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::ConfigError;
use crate::files;

/// A password or a URL that holds one.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The format's own error would repeat a value of another type.
        match toml::Value::deserialize(deserializer) {
            Ok(toml::Value::String(text)) => Ok(Self::from(text)),
            Ok(_) | Err(_) => Err(serde::de::Error::custom("a secret is a text in quotes")),
        }
    }
}

impl Secret {
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A secret that stands in the configuration itself or in a file: exactly one of the two.
pub(super) fn one_of(
    (key, inline): (&str, Option<&Secret>),
    (file_key, file): (&str, Option<&Path>),
) -> Result<Secret, ConfigError> {
    let accepted = "the secret itself, or the path of a file that holds it alone; one of the two";
    let some = |key: &str, secret: Secret| match secret.expose() {
        "" => Err(ConfigError::Value { key: key.to_owned(), problem: "it is empty".to_owned(), accepted }),
        _ => Ok(secret),
    };
    match (inline, file) {
        (Some(secret), None) => some(key, secret.clone()),
        (None, Some(path)) => {
            let read = files::open_regular(path).and_then(io::read_to_string);
            let text = read.map_err(|source| ConfigError::File {
                key: file_key.to_owned(),
                path: path.to_owned(),
                source,
            })?;
            let text = Zeroizing::new(text);
            some(file_key, Secret::from(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
        (None, None) => Err(ConfigError::Value {
            key: key.to_owned(),
            problem: format!("neither it nor `{file_key}` is set"),
            accepted,
        }),
        (Some(_), Some(_)) => Err(ConfigError::Value {
            key: key.to_owned(),
            problem: format!("it and `{file_key}` are both set"),
            accepted,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_never_ends_is_no_secret() {
        let told = one_of(("url", None), ("url_file", Some(Path::new("/dev/zero")))).unwrap_err().to_string();
        assert!(told.contains("/dev/zero") && told.contains("no regular file"), "{told}");
    }

    #[test]
    fn a_secret_is_never_printed() {
        let secret = Secret::from("hunter2".to_owned());
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
