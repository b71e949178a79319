//! The same bodies against `std::fs` and greenroom's: what holds of one holds of the other.
//!
//! Each runs once with std, then with greenroom on an OS thread and on green threads.

use super::ground::{Dir, in_all_places};
use crate::common::watchdog;

/// What the bodies may name.
macro_rules! world {
    ($name:ident, $fs:path, $unix:path, $thread:path) => {
        mod $name {
            pub(super) use super::Dir;
            use fs::{DirBuilder, File, OpenOptions};
            use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};
            use std::sync::Arc;
            use std::time::{Duration, SystemTime, UNIX_EPOCH};
            use unix_fs::{
                DirBuilderExt, DirEntryExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt,
                PermissionsExt,
            };
            use $fs as fs;
            use $thread as thread;
            use $unix as unix_fs;

            include!("bodies/streams.rs");
            include!("bodies/paths.rs");
            include!("bodies/directories.rs");
            include!("bodies/options.rs");
            include!("bodies/bad_input.rs");
        }
    };
}

world!(in_std, std::fs, std::os::unix::fs, std::thread);
world!(
    in_greenroom,
    greenroom::fs,
    greenroom::os::unix::fs,
    greenroom::thread
);

macro_rules! tests {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            {
                let _watchdog = watchdog();
                in_std::$name(&Dir::new());
            }
            in_all_places(in_greenroom::$name);
        }
    )*};
}

tests! {
    paths_with_nul_are_invalid_everywhere
    paths_too_long_or_empty_are_refused
    file_without_room_in_memory_is_an_error
    directories_are_made_and_removed
    remove_dir_all_removes_links_and_not_their_targets
    many_threads_make_the_same_directories
    read_dir_gives_each_entry_once
    entries_know_their_kinds
    read_dir_refuses_what_is_none
    dir_builder_has_a_mode
    combinations_of_options_are_allowed_or_not
    constructors_open_as_they_say
    modes_and_flags_reach_the_kernel
    fifo_opened_without_waiting_stays_non_blocking
    fifo_with_both_ends_open_is_a_pipe
    fifo_opens_wait_for_each_other
    devices_read_and_write
    locks_exclude_each_other
    lock_waits_for_its_turn
    texts_are_std_s
    types_implement_the_same
    metadata_tells_kinds_apart
    links_lead_to_what_they_name
    permissions_are_set_and_seen
    owners_are_set_and_left
    times_are_set_to_the_nanosecond
    copy_takes_contents_and_permissions
    rename_replaces_and_refuses
    file_written_is_read_back
    small_reads_walk_through_the_file
    empty_slices_read_and_write_nothing
    seek_goes_where_it_is_told
    seek_beyond_the_limits_is_refused_and_moves_nothing
    positioned_calls_leave_the_position_alone
    offsets_that_do_not_exist_are_invalid
    vectored_calls_fill_in_order
    append_writes_at_the_end_wherever_the_position_is
    whole_file_functions_agree_with_files
    clones_share_position_and_length
    set_len_cuts_and_extends
    many_threads_read_one_file_at_their_offsets
    reads_of_a_shared_file_take_whole_records
}
