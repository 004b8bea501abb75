//! What goes on, what stops and what comes back when a server behind the node fails, one module a fault.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "all of it is tests"
)]

mod a_backup_is_restored;
mod a_log_is_verified_without_us;
mod a_node_starts_from_a_snapshot;
mod a_whole_log_is_rewritten;
mod a_witness_contradicts;
mod an_older_log_is_restored;
mod dev_is_killed;
mod nats_is_gone;
mod postgres_is_gone;
mod scene;
mod the_logs_files_are_edited;
mod what_is_away_is_told;
