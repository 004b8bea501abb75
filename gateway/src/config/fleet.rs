//! This process among the others of the installation.

use serde::Deserialize;

use super::{Config, ConfigError, check, lenient};

/// What the others know it by, and how long they count with it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fleet {
    /// What people call it; without one, the machine's name and the roles.
    pub name: Option<String>,
    /// How long others count with it after it was last heard, before its staleness begins to count.
    #[serde(deserialize_with = "lenient::number")]
    pub lease_ms: u64,
}

impl Default for Fleet {
    fn default() -> Self {
        Self { name: None, lease_ms: 10_000 }
    }
}

impl Fleet {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let readable =
            |name: &String| (1..=64).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        if !self.name.as_ref().is_none_or(readable) {
            let accepted = "1 to 64 characters, no control characters";
            return Err(check::value("fleet.name", "nobody could read it", accepted));
        }
        if !(500..=60_000).contains(&self.lease_ms) {
            let problem = format!("{} is out of bounds", self.lease_ms);
            return Err(check::value("fleet.lease_ms", &problem, "500 to 60000"));
        }
        Ok(())
    }
}

impl Config {
    /// What people call this process.
    pub fn fleet_name(&self) -> String {
        self.fleet.name.clone().unwrap_or_else(|| {
            let machine = rustix::system::uname();
            let roles: Vec<_> = self.roles.iter().map(|role| role.as_str()).collect();
            format!("{} ({})", machine.nodename().to_string_lossy(), roles.join(", "))
        })
    }
}
