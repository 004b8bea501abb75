//! Those who are told what happens: a collector like Splunk's, which takes any POST as well, and a receiver of syslog over
//! TLS. Each keeps what it took, and fails as it is told to.

mod collector;
mod syslog;

pub use collector::{Collected, Collector, Mood};
pub use syslog::{Frame, Syslog};
