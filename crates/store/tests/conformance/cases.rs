//! One case for every rule of the contract, run for every store.

mod commits;
mod dedup;
mod kept;
mod leases;
mod order;
mod redrives;
mod schedules;
mod upkeep;

use std::pin::Pin;

use crate::rig::{Backend, Rig, run};

/// A rule that a store is held to.
pub(crate) type Case = for<'a> fn(&'a mut Rig) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

fn check(backend: Backend, case: Case) {
    let mut rig = Rig::new(backend);
    run(async {
        case(&mut rig).await;
        rig.assert_balanced().await;
    });
}

/// Makes two tests of every case, and the list of all.
macro_rules! cases {
    ($($file:ident { $($name:ident)+ })+) => {
        pub(crate) const ALL: &[(&str, Case)] =
            &[$($((stringify!($name), |rig| Box::pin($file::$name(rig)))),+),+];

        mod memory {
            $($(#[test] fn $name() {
                super::check(super::Backend::Memory, |rig| Box::pin(super::$file::$name(rig)));
            })+)+
        }

        mod sqlite {
            $($(#[test] fn $name() {
                super::check(super::Backend::Sqlite, |rig| Box::pin(super::$file::$name(rig)));
            })+)+
        }
    };
}

cases! {
    commits {
        an_accepted_message_is_there_as_it_was_sent
        a_message_for_an_unknown_queue_is_not_found
        an_acknowledged_message_is_gone
        a_second_ack_finds_nothing
        a_receipt_of_an_earlier_lease_is_stale
        any_receipt_is_good_enough_where_any_is_asked_for
        a_message_that_was_never_leased_has_no_receipt
        a_receipt_counts_after_its_lease_ran_out_while_nobody_leased_again
        a_receipt_whose_lease_ran_out_is_stale_where_it_must_be_held
        an_extended_lease_lasts_longer
        a_lease_can_be_ended_by_extending_it_until_now
        a_failed_release_keeps_the_failure_and_the_count
        a_throttled_release_does_not_count
        a_failure_ends_a_row_of_throttles
        a_released_message_waits_until_its_time
        a_release_voids_its_receipt
        a_buried_message_lies_in_the_dead_letters_with_its_reason
        a_stale_bury_changes_nothing
        a_guard_that_is_not_met_changes_nothing_at_all
        a_guard_that_is_met_lets_all_be_made
        one_effect_that_is_stale_does_not_stop_the_others
        effects_are_made_in_order
    }
    leases {
        messages_come_in_the_order_in_which_they_can_be_leased
        a_leased_message_is_not_leased_again
        an_expired_lease_gives_its_message_back_without_help
        a_delayed_message_waits
        a_lease_counts_and_remembers_the_first
        no_more_than_asked_for_are_leased
        no_more_bytes_than_asked_for_are_leased_but_always_one_message
        a_message_that_was_leased_too_often_is_buried_instead
        throttled_leases_bury_nothing
        next_due_says_when_there_is_something_to_lease
        an_unknown_queue_has_nothing_to_lease
        reclaiming_gives_every_lease_back_uncounted
        reclaiming_leaves_clients_what_they_leased
        tokens_are_new_at_every_lease
    }
    order {
        a_group_is_leased_in_its_order
        a_group_waits_for_the_message_that_is_leased
        other_groups_go_on_while_one_waits
        an_expired_lease_frees_its_group
        a_group_waits_for_the_last_message_of_a_batch
        a_released_message_goes_first_again
        a_released_message_holds_its_group_back_until_its_time
        burying_the_first_lets_the_group_go_on
        a_message_leased_too_often_is_buried_and_its_group_goes_on
        next_due_of_ordered_queues_is_when_a_group_is_free
        an_attempt_gives_the_same_messages_again
        an_attempt_is_over_when_a_message_of_it_was_touched
        an_attempt_counts_for_five_minutes
        a_queue_without_order_takes_no_notice_of_attempts
    }
    dedup {
        a_second_message_with_a_key_is_not_stored
        a_key_counts_after_its_message_is_gone
        a_key_counts_until_its_time
        keys_are_those_of_a_queue
        a_key_with_another_digest_is_a_mismatch
        digests_count_only_when_both_have_one
        a_key_survives_a_restart
        a_duplicate_within_one_commit_is_found
    }
    redrives {
        dead_letters_go_back_where_they_came_from
        dead_letters_go_elsewhere
        a_redrive_moves_only_what_failed_in_its_way
        a_redrive_moves_no_more_than_asked_for_at_once
        a_message_without_an_origin_stays
        a_message_that_is_where_it_should_go_stays
        a_message_that_is_leased_stays
        later_dead_letters_stay
        a_message_that_dies_later_stays_whatever_its_place
        a_cancelled_redrive_moves_nothing_more
        a_redrive_into_a_removed_queue_fails
        a_redrive_survives_a_restart_with_its_rate
        an_unknown_redrive_is_none
        redrives_are_listed_newest_first_and_ten_at_most
        moving_fits_the_group_to_the_queue
    }
    schedules {
        a_schedule_is_changed_by_who_knows_its_version
        due_schedules_come_in_the_order_of_their_times
        firing_moves_on_and_stores_the_event_together
        a_time_is_fired_once
        a_schedule_that_is_paused_or_changed_or_gone_does_not_fire
        the_newest_firings_are_kept
        a_removed_schedule_takes_its_firings_along
        schedules_survive_a_restart
    }
    upkeep {
        stats_tell_ready_leased_and_delayed_apart
        browsing_pages_and_filters_and_leaves_all_as_it_is
        groups_count_failures_of_a_kind
        a_message_can_be_edited_while_nobody_has_leased_it
        a_message_can_be_discarded_while_nobody_has_leased_it
        purging_removes_leased_messages_too
        expiring_removes_the_oldest_first
        sweeping_forgets_what_is_over
        accounts_add_up_after_everything
    }
    kept {
        a_queue_keeps_its_number
        a_queue_with_messages_does_not_change_its_kind
        a_removed_queue_is_gone_with_all_that_was_in_it
        the_number_of_a_removed_queue_is_not_used_again
        documents_are_replaced_and_removed
        results_are_replaced_and_kept
        meters_add_up
        everything_survives_a_restart
        receipts_survive_a_restart
    }
}

#[test]
fn there_is_a_case_for_every_rule() {
    assert!(ALL.len() >= 45);
}
