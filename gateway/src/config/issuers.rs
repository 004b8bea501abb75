//! Where people sign in.

use ipnet::IpNet;
use serde::Deserialize;

use super::lenient;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Issuers {
    /// Networks open to issuers although they are loopback, private or otherwise special.
    #[serde(deserialize_with = "lenient::list")]
    pub allow: Vec<IpNet>,
    /// Issuers of one organization, or of the installation, that are not removed.
    #[serde(deserialize_with = "lenient::number")]
    pub max: usize,
}

impl Default for Issuers {
    fn default() -> Self {
        Self { allow: Vec::new(), max: 20 }
    }
}
