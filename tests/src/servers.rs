//! Real servers for a test: each private to it, on a free loopback port, gone at its end also when it fails.

mod block;
mod cluster;
mod nats;
mod nginx;
mod pause;
mod pgbouncer;
mod postgres;
mod proxy;
mod witness;

pub use block::{Block, Record};
pub use cluster::{Cluster, MEMBERS};
pub use nats::{Nats, ROOT};
pub use nginx::Nginx;
pub use pause::pause;
pub use pgbouncer::PgBouncer;
pub use postgres::{Postgres, SHARED, TEMPLATE, make_template};
pub use proxy::{Proxy, Way};
pub use witness::Witness;
