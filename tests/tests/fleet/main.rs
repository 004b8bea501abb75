//! Many nodes over real servers, each a process of its own: what holds of all of them, and when.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may; what it measured goes to standard error"
)]

mod a_node_is_cut_off_with_the_logs_leader;
mod a_node_takes_what_the_machine_gives;
mod a_node_that_ends_refuses_nobody_who_looks;
mod a_revocation_says_when_it_holds_everywhere;
mod a_revoked_key_is_refused_at_every_node;
mod a_sign_in_spreads_over_controls;
mod a_state_that_lasts_is_said;
mod a_worker_is_killed_in_mid_batch;
mod a_worker_is_killed_while_it_hands_over;
mod a_worker_is_killed_while_it_sends;
mod every_secret_is_renewed_under_load;
mod everything_is_restarted_under_load;
mod nothing_is_written_that_a_member_can_not_read;
mod the_example_deployment_serves;
mod the_logs_leader_is_killed;
mod two_controls_sign_and_append_at_once;
mod who_has_no_key_takes_nobody_out;
mod who_is_in_the_fleet_is_known;
