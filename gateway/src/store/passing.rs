//! The bucket of what passes at the authorization server: authorization requests, codes, sessions, refresh tokens,
//! unused registrations. Each entry ends by itself, and changes by compare-and-set alone.

use super::bucket::Bucket;
use super::{Client, OAUTH};

/// All entries together, in the bucket's files: beyond that nothing new is taken.
pub const MAX_BYTES: u64 = 1_073_741_824;

/// Over a connection of control's. An entry that says nothing else ends with this process's memory of it.
pub fn bucket(client: Client) -> Bucket {
    Bucket::new(client, OAUTH)
}
