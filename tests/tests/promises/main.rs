//! What Keyledger promises, one module a promise, shown over real servers: a node with all its roles, its
//! nats-server and PostgreSQL, real MCP clients before it and servers behind it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "all of it is tests"
)]

mod a_client_acts_by_a_keys_right;
mod a_command_is_carried_out_for_a_key_that_works_now;
mod a_command_says_when_it_holds_everywhere;
mod a_control_that_lags_gives_nothing_away;
mod a_copy_is_handed_on_as_one;
mod a_database_role_without_rights_is_told;
mod a_fault_has_one_name_on_every_listener;
mod a_filter_that_shows_nothing_says_so;
mod a_full_history_still_takes_things_away;
mod a_key_polls_the_tasks_that_it_made;
mod a_key_that_changes_changes_at_once;
mod a_key_that_no_list_has_is_told;
mod a_member_that_died_can_be_forgotten;
mod a_name_stands_beside_an_id;
mod a_person_ends_with_all_that_they_hold;
mod a_person_reaches_no_other_organization;
mod a_person_signs_in;
mod a_person_signs_in_with_a_browser;
mod a_refusal_says_why_and_nothing_more;
mod a_server_says_how_it_is_called;
mod a_session_belongs_to_its_caller;
mod a_shell_is_offered_what_is_there;
mod a_siem_is_told_what_happens;
mod a_worker_rests_beside_a_newer_schema;
mod an_admin_says_which_clients_may;
mod an_answer_arrives_as_it_is_sent;
mod an_audit_report_is_evidence;
mod an_early_answer_reaches_its_client;
mod an_event_that_no_writer_signed_is_believed_by_nobody;
mod an_invitation_is_accepted_once;
mod an_open_stream_ends_with_its_key;
mod an_operator_ends_what_was_granted;
mod an_organization_can_be_forgotten;
mod an_organization_has_its_bounds;
mod an_upstream_can_not_hurt;
mod an_upstream_that_fails_leaves_a_trace;
mod every_endpoint_denies;
mod every_upstream_reads_the_message_that_was_judged;
mod granted;
mod nobody_holds_a_listener;
mod official_clients_get_the_right_refusal;
mod official_clients_list_and_call;
mod official_clients_sign_in;
mod the_admin_api_answers_as_documented;
mod the_body_is_what_is_authorized;
mod the_command_line_speaks_the_api;
mod the_log_is_copied_with_its_proof;
mod the_read_models_may_lie_behind_a_pooler;
mod the_same_command_is_done_once;
mod the_upstream_knows_who_calls;
mod two_admins_can_not_lose_a_change;
mod verify_tells_nothing_of_others;
mod well_known_clients_get_in;
mod what_happens_is_followed;
mod what_happens_is_sent;
mod what_is_in_the_log_is_proven;
mod what_is_read_and_tried_is_told;
mod what_is_taken_is_given_back;
