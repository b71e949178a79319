//! Runs every model of `greenroom_models`, each as a test of its own.

use std::fs;
use std::path::Path;

macro_rules! models {
    ($($area:ident { $($model:ident)* })*) => {
        $(mod $area {
            $(#[test]
            fn $model() {
                greenroom_models::$area::$model();
            })*
        })*

        const LISTED: &[(&str, &[&str])] =
            &[$((stringify!($area), &[$(stringify!($model)),*])),*];
    };
}

models! {
    state {
        wake_against_suspend
        two_wakers_enqueue_once
        unpark_against_park_and_internal_wake
        unpark_during_an_internal_wait_is_kept
        cancel_against_suspend
        result_has_exactly_one_owner
    }
    join {
        finish_against_a_green_joiner
        finish_against_an_os_joiner
        finish_against_two_joiners
        abandon_against_a_joiner
    }
    inbox {
        push_against_take_all
        push_against_close
    }
    sleep {
        inbox_against_sleep
        two_bringers_ring_once
        wake_from_elsewhere_reaches_a_sleeping_worker
        submit_against_two_sleepers
        spawn_of_a_busy_worker_is_found
        spawns_of_a_busy_worker_are_found
        stopping_against_sleep
        two_tasks_wake_each_other
    }
    readiness {
        events_against_reads
        data_and_end_in_one_edge
        events_against_both_directions
        full_send_buffer_keeps_the_end
    }
    source {
        event_against_park
        event_against_withdraw
        two_readers_on_two_workers
        reader_and_writer_on_one_socket
        registration_moves_between_events
        poller_closes_under_a_waiter
    }
    wait {
        waker_against_a_green_waiter
        waker_against_an_os_waiter
        two_waiters_woken_one_by_one
        wake_against_timeout_of_a_green_waiter
        wake_against_timeout_of_an_os_waiter
        timeout_does_not_swallow_a_wake
        wake_against_cancel
    }
    word_lock {
        two_holders
        try_against_a_holder
    }
    gift {
        giver_against_a_green_waiter
        giver_against_an_os_waiter
        gift_against_timeout_of_a_green_waiter
        gift_against_timeout_of_an_os_waiter
        gift_against_cancel
        two_gifts_go_by_arrival
    }
    mutex {
        two_lockers_elsewhere
        two_lockers_of_one_worker
        two_quick_lockers_of_one_worker
        three_lockers_elsewhere
        three_lockers_of_two_workers
        newcomer_overtakes
        cancel_against_unlock
        cancel_against_hand_over
        timeout_against_unlock
        timeout_against_hand_over
        overtaken_waiter_is_not_overtaken_for_long
        short_waiter_is_overtaken
    }
    queue {
        put_against_get_with_room
        put_against_get_without_room
        two_getters_against_two_putters
        put_against_a_getters_timeout
        get_against_a_putters_timeout
        put_against_a_getters_cancel
        shutdown_against_a_getter
        shutdown_against_a_putter
        shutdown_alone_wakes_a_putter
        peeker_against_a_getter
        peeker_against_a_putter
        join_against_the_last_item
    }
    select {
        two_selects_meet
        two_selects_meet_in_opposite_order
        green_select_against_two_givers
        os_select_against_two_givers
        two_selects_against_two_items
        select_against_timeout
        select_against_cancel
        put_arm_that_loses_keeps_its_item
        impatient_select_against_a_waiting_one
        put_arm_wakes_a_peeker
        two_arms_at_one_queue
    }
}

/// A model that is written but not listed above would never run.
#[test]
fn every_model_is_listed() {
    for (area, models) in LISTED {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/{area}.rs"));
        let text = fs::read_to_string(path).expect("the area has a file");
        let written: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("pub fn ")?.split('(').next())
            .collect();
        let mut listed = models.to_vec();
        listed.sort_unstable();
        let mut sorted = written.clone();
        sorted.sort_unstable();
        assert_eq!(listed, sorted, "in {area}");
    }
}
