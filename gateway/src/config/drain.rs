//! A drain: somebody outside who is told what happens, such as a SIEM.

use std::path::{Path, PathBuf};
use std::time::Duration;

use events::{EventPattern, Owner, Position};
use serde::Deserialize;
use url::Url;

use super::check::{check_http, value, within};
use super::secret::{self, Secret};
use super::{ConfigError, lenient};

/// `[drains.NAME]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drain {
    pub transport: Transport,
    #[serde(default)]
    pub format: DrainFormat,
    /// HTTP's URL; `tls://HOST[:PORT]` for syslog.
    pub address: Url,
    /// Of HEC, or a bearer token.
    #[serde(default)]
    pub token: Option<Secret>,
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// Authorities beside the public ones, PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// What this side shows of itself, PEM.
    #[serde(default)]
    pub certificate_file: Option<PathBuf>,
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// Only events of these types: `key.issued`, or `key.*`; none named: all.
    #[serde(default, deserialize_with = "lenient::some")]
    pub types: Vec<EventPattern>,
    /// Only what belongs to these organizations; `_` is the installation itself; none named: all.
    #[serde(default, deserialize_with = "lenient::some")]
    pub organizations: Vec<Owner>,
    /// Names, reasons and metadata in clear.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub texts: bool,
    /// Bodies are compressed (HTTP).
    #[serde(default, deserialize_with = "lenient::flag")]
    pub gzip: bool,
    /// Whether more than having sent it counts. HEC: the indexers have acknowledged it; `None` is no. Syslog: the receiver
    /// has ended the connection as TLS ends one; `None` is yes.
    #[serde(default, deserialize_with = "lenient::choice")]
    pub acknowledge: Option<bool>,
    /// What events say of where they come from; `None`: the host of `public_url`.
    #[serde(default)]
    pub host: Option<String>,
    #[serde(default)]
    pub source: Option<String>,
    #[serde(default)]
    pub sourcetype: Option<String>,
    #[serde(default)]
    pub index: Option<String>,
    /// Where a drain begins that has never run.
    #[serde(default)]
    pub from: Beginning,
    /// Events in one batch.
    #[serde(default = "default_events", deserialize_with = "lenient::number")]
    pub max_events: usize,
    /// Bytes in one batch, unless one event alone is longer.
    #[serde(default = "default_bytes", deserialize_with = "lenient::number")]
    pub max_bytes: usize,
    /// For one batch to be taken.
    #[serde(default = "default_timeout", deserialize_with = "lenient::number")]
    pub timeout_ms: u64,
    /// Events that are passed over: the receiver refuses them, and an operator has said to go on without.
    #[serde(default, deserialize_with = "lenient::list")]
    pub skip: Vec<Position>,
}

/// How events travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Splunk's HTTP Event Collector.
    Hec,
    /// A POST of lines.
    Https,
    /// RFC 5424 over TLS (RFC 5425).
    Syslog,
}

/// What an event looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrainFormat {
    /// The CloudEvent as it is stored.
    #[default]
    Event,
    /// ArcSight's Common Event Format.
    Cef,
    /// Open Cybersecurity Schema Framework.
    Ocsf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Beginning {
    /// With the log's first event.
    #[default]
    Beginning,
    /// With what happens from now on.
    Now,
}

fn default_events() -> usize {
    500
}

fn default_bytes() -> usize {
    1024 * 1024
}

fn default_timeout() -> u64 {
    30_000
}

const SECRET: &str = "the token itself, or the path of a file that holds it alone; one of the two";

impl Drain {
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// What this side shows of itself: the certificate's file and the key's.
    pub fn identity(&self) -> Option<(&Path, &Path)> {
        Some((self.certificate_file.as_deref()?, self.key_file.as_deref()?))
    }

    /// `None`: none is configured.
    pub fn token(&self, key: &str) -> Result<Option<Secret>, ConfigError> {
        if self.token.is_none() && self.token_file.is_none() {
            return Ok(None);
        }
        let inline = (&*format!("{key}.token"), self.token.as_ref());
        secret::one_of(inline, (&format!("{key}.token_file"), self.token_file.as_deref())).map(Some)
    }

    /// `key`: of the table. Secrets are looked at where they are used.
    pub(super) fn check(&self, key: &str, used: bool) -> Result<(), ConfigError> {
        let of = |name: &str| format!("{key}.{name}");
        let address = of("address");
        match self.transport {
            Transport::Hec | Transport::Https => check_http(&address, &self.address)?,
            Transport::Syslog => check_tls(&address, &self.address)?,
        }
        if self.transport != Transport::Hec {
            let only = "nothing, but with transport = \"hec\"";
            let given = [
                ("source", self.source.is_some()),
                ("sourcetype", self.sourcetype.is_some()),
                ("index", self.index.is_some()),
            ];
            if let Some((name, _)) = given.into_iter().find(|(_, given)| *given) {
                return Err(value(&of(name), "it is Splunk's alone", only));
            }
        }
        if self.transport == Transport::Https && self.acknowledge.is_some() {
            let only = "nothing, but with transport = \"hec\" or \"syslog\"";
            return Err(value(&of("acknowledge"), "an answer of 2xx is all that there is", only));
        }
        if self.transport == Transport::Syslog {
            let given = [("gzip", self.gzip), ("token", self.token.is_some() || self.token_file.is_some())];
            if let Some((name, _)) = given.into_iter().find(|(_, given)| *given) {
                return Err(value(&of(name), "syslog has none", "nothing, but over HTTP"));
            }
        }
        if self.certificate_file.is_some() != self.key_file.is_some() {
            let accepted = "PEM files of a certificate and its key, both or none";
            return Err(value(&of("certificate_file"), "it and `key_file` go together", accepted));
        }
        if let Some(unknown) = self.types.iter().find_map(|pattern| pattern.kinds().err()) {
            let accepted = "types such as key.issued, or key.* for all of a key's";
            return Err(value(&of("types"), &unknown.to_string(), accepted));
        }
        let names = [
            ("host", &self.host),
            ("source", &self.source),
            ("sourcetype", &self.sourcetype),
            ("index", &self.index),
        ];
        for (name, text) in names {
            if text.as_ref().is_some_and(|text| !is_name(text)) {
                return Err(value(
                    &of(name),
                    "it can't be one",
                    "1 to 255 printable ASCII characters, no space",
                ));
            }
        }
        within(&of("max_events"), self.max_events as u64, 1..=10_000, "1 to 10000")?;
        within(&of("max_bytes"), self.max_bytes as u64, 1_024..=16_777_216, "1024 to 16777216")?;
        within(&of("timeout_ms"), self.timeout_ms, 100..=600_000, "100 to 600000")?;
        if self.skip.len() > 1_000 {
            return Err(value(&of("skip"), "they are too many", "at most 1000 positions"));
        }
        if used && self.token(key)?.is_none() && self.transport == Transport::Hec {
            return Err(value(&of("token"), "neither it nor `token_file` is set", SECRET));
        }
        Ok(())
    }
}

fn check_tls(key: &str, url: &Url) -> Result<(), ConfigError> {
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    if url.scheme() == "tls" && bare && anonymous && url.host().is_some() {
        return Ok(());
    }
    Err(value(key, "it is no address of syslog over TLS", "tls://HOST[:PORT]; the port is 6514 unless given"))
}

fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(table: &str) -> Result<(), ConfigError> {
        let base = "transport = \"https\"\naddress = \"https://siem.example.com/in\"\n";
        // What stands later in a table of TOML can't stand there twice.
        let own: Vec<_> =
            table.lines().filter_map(|line| line.split_once(" = ")).map(|(key, _)| key).collect();
        let kept: Vec<_> = base
            .lines()
            .filter(|line| line.split_once(" = ").is_none_or(|(key, _)| !own.contains(&key)))
            .collect();
        let drain: Drain = toml::from_str(&format!("{}\n{table}", kept.join("\n"))).unwrap();
        drain.check("drains.siem", true)
    }

    #[test]
    fn what_is_wrong_is_told_by_its_key_with_what_is_accepted() {
        for good in [
            "",
            "types = [\"key.*\", \"organization.forgotten\"]\norganizations = [\"_\"]",
            "transport = \"hec\"\ntoken = \"t\"\nacknowledge = true\nindex = \"audit\"",
            "transport = \"syslog\"\naddress = \"tls://[::1]:6514\"\nacknowledge = false",
            "address = \"http://127.0.0.1:8088/\"",
        ] {
            check(good).unwrap_or_else(|error| panic!("{good}: {error}"));
        }
        for (wrong, key, told) in [
            ("address = \"http://siem.example.com/\"", "drains.siem.address", "without TLS"),
            ("address = \"https://user@siem.example.com/\"", "drains.siem.address", "more than an address"),
            ("transport = \"syslog\"", "drains.siem.address", "tls://HOST"),
            ("transport = \"hec\"", "drains.siem.token", "token_file"),
            ("index = \"audit\"", "drains.siem.index", "hec"),
            ("acknowledge = true", "drains.siem.acknowledge", "syslog"),
            ("key_file = \"key.pem\"", "drains.siem.certificate_file", "both"),
            ("types = [\"key.isued\"]", "drains.siem.types", "of key there are key.issued"),
            ("token = \"\"", "drains.siem.token", "it is empty"),
            ("host = \"two words\"", "drains.siem.host", "no space"),
            ("max_events = 0", "drains.siem.max_events", "1 to 10000"),
            ("max_bytes = \"17000000\"", "drains.siem.max_bytes", "16777216"),
            ("timeout_ms = 1", "drains.siem.timeout_ms", "600000"),
        ] {
            let text = check(wrong).unwrap_err().to_string();
            assert!(text.contains(&format!("`{key}`")) && text.contains(told), "{wrong}: {text}");
        }
    }
}
