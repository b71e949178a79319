//! `select!`: parses the arms, and expands to one call of the engine and a chain of `if let`.
//!
//! The cases are written as one nested pair inside the call, so that whatever is temporary in them
//! lives until the call is over, and nothing is borrowed any more when an arm's body runs.

/// Waits for the first of several things, and runs what belongs to it.
///
/// | arm | happens when | gives |
/// |---|---|---|
/// | `recv(source) -> item => …` | an item was taken | `Ok(item)`, or `Err` when none will come |
/// | `send(sink, place) -> sent => …` | the item of `place` was sent | `Ok(())`, or `Err` with the item |
/// | `join(handle) => …` | the green thread has ended | nothing: `handle.join()` does not wait then |
/// | `wait(event) => …` | the event is set | nothing |
/// | `acquire(semaphore) -> guard => …` | a permit was taken | its guard |
/// | `readable(socket) -> result => …` | a read would not block | `io::Result<()>` |
/// | `writable(socket) -> result => …` | a write would not block | `io::Result<()>` |
/// | `after(duration) => …` | so much time has passed | nothing |
/// | `at(instant) => …` | it is so late | nothing |
/// | `default => …` | no other arm is ready now | nothing |
///
/// `source` is a [`Queue`](crate::queue::Queue), [`Channel`](crate::queue::Channel) or
/// [`Receiver`](crate::sync::mpsc::Receiver); `sink` likewise, or a sender. `place` is a place of type
/// `Option`: the item is taken out of it if it was sent, stays there if another arm wins, and with
/// `None` the arm is switched off. At most 24 arms; the patterns must be irrefutable; `-> pattern` may
/// be left out; after a body that is no block stands a comma. The body may `break`, `continue` and `return`.
///
/// Of several ready arms one is taken at random; after `biased;` the first. Parks, unless there is a
/// `default`.
///
/// # Cancel
/// Every arm is withdrawn first; nothing was received, sent or taken.
///
/// # Examples
/// ```
/// use greenroom::{queue::Queue, select, thread};
/// use std::time::Duration;
/// let (requests, answers) = (Queue::unbounded(), Queue::bounded(1));
/// requests.put(20).unwrap();
/// requests.shutdown();
/// let mut answer = None;
/// thread::scope(|s| {
///     s.spawn(|| assert_eq!(answers.iter().sum::<i32>(), 21));
///     loop {
///         select! {
///             biased;
///             send(answers, answer) -> sent => sent.unwrap(), // Off while `answer` is `None`.
///             recv(requests) -> request => match request {
///                 Ok(number) => answer = Some(number + 1),
///                 Err(_) => break,
///             },
///             after(Duration::from_secs(10)) => panic!("too late"),
///         }
///     }
///     answers.shutdown();
/// });
/// ```
#[macro_export]
macro_rules! select {
    (biased; $($arms:tt)+) => {
        $crate::__select_parse!([true] $($arms)+)
    };
    ($($arms:tt)+) => {
        $crate::__select_parse!([false] $($arms)+)
    };
}

/// Gives every arm a name.
#[doc(hidden)]
#[macro_export]
macro_rules! __select_parse {
    ($order:tt $($arms:tt)+) => {
        $crate::__select_arm!($order
            [__greenroom_a __greenroom_b __greenroom_c __greenroom_d __greenroom_e __greenroom_f
             __greenroom_g __greenroom_h __greenroom_i __greenroom_j __greenroom_k __greenroom_l
             __greenroom_m __greenroom_n __greenroom_o __greenroom_p __greenroom_q __greenroom_r
             __greenroom_s __greenroom_t __greenroom_u __greenroom_v __greenroom_w __greenroom_x]
            [] []
            $($arms)+)
    };
}

/// Not more than 24 arms:
/// ```compile_fail
/// let time = std::time::Duration::ZERO;
/// greenroom::select! {
///     after(time) => (), after(time) => (), after(time) => (), after(time) => (), after(time) => (),
///     after(time) => (), after(time) => (), after(time) => (), after(time) => (), after(time) => (),
///     after(time) => (), after(time) => (), after(time) => (), after(time) => (), after(time) => (),
///     after(time) => (), after(time) => (), after(time) => (), after(time) => (), after(time) => (),
///     after(time) => (), after(time) => (), after(time) => (), after(time) => (), after(time) => (),
/// }
/// ```
/// nor two defaults:
/// ```compile_fail
/// greenroom::select! { default => (), default => () }
/// ```
/// Takes the arms one by one: `[order] [names left] [arms so far] [default] arms…`.
///
/// Subtle: a body in braces is matched by its braces. `$body:block` would refuse, not pass over, a body
/// that is an `$expr` of the macro around.
#[doc(hidden)]
#[macro_export]
macro_rules! __select_arm {
    ($order:tt $names:tt $arms:tt $default:tt) => {
        $crate::__select_run!($order $arms $default)
    };

    ($order:tt $names:tt $arms:tt [] default => { $($body:tt)* } , $($rest:tt)*) => {
        $crate::__select_arm!($order $names $arms [{ $($body)* }] $($rest)*)
    };
    ($order:tt $names:tt $arms:tt [] default => { $($body:tt)* } $($rest:tt)*) => {
        $crate::__select_arm!($order $names $arms [{ $($body)* }] $($rest)*)
    };
    ($order:tt $names:tt $arms:tt [] default => $body:expr , $($rest:tt)*) => {
        $crate::__select_arm!($order $names $arms [$body] $($rest)*)
    };
    ($order:tt $names:tt $arms:tt [] default => $body:expr) => {
        $crate::__select_arm!($order $names $arms [$body])
    };
    ($order:tt $names:tt $arms:tt [$($taken:tt)+] default $($rest:tt)*) => {
        compile_error!("select! takes one default")
    };

    ($order:tt [] $arms:tt $default:tt $($rest:tt)+) => {
        compile_error!("select! takes at most 24 arms; use greenroom::select::Select")
    };

    ($order:tt $names:tt $arms:tt $default:tt
        $verb:ident $args:tt => $($rest:tt)*) => {
        $crate::__select_arm!($order $names $arms $default $verb $args -> _ => $($rest)*)
    };
    ($order:tt [$name:ident $($names:ident)*] [$($arms:tt)*] $default:tt
        $verb:ident $args:tt -> $pat:pat => { $($body:tt)* } , $($rest:tt)*) => {
        $crate::__select_arm!($order [$($names)*] [$($arms)* [$name $verb $args [$pat] { $($body)* }]]
            $default $($rest)*)
    };
    ($order:tt [$name:ident $($names:ident)*] [$($arms:tt)*] $default:tt
        $verb:ident $args:tt -> $pat:pat => { $($body:tt)* } $($rest:tt)*) => {
        $crate::__select_arm!($order [$($names)*] [$($arms)* [$name $verb $args [$pat] { $($body)* }]]
            $default $($rest)*)
    };
    ($order:tt [$name:ident $($names:ident)*] [$($arms:tt)*] $default:tt
        $verb:ident $args:tt -> $pat:pat => $body:expr , $($rest:tt)*) => {
        $crate::__select_arm!($order [$($names)*] [$($arms)* [$name $verb $args [$pat] $body]]
            $default $($rest)*)
    };
    ($order:tt [$name:ident $($names:ident)*] [$($arms:tt)*] $default:tt
        $verb:ident $args:tt -> $pat:pat => $body:expr) => {
        $crate::__select_arm!($order [$($names)*] [$($arms)* [$name $verb $args [$pat] $body]]
            $default)
    };

    ($order:tt $names:tt $arms:tt $default:tt $($rest:tt)+) => {
        compile_error!(
            "select! expects arms like `recv(queue) -> item => body,` or `default => body`"
        )
    };
}

/// Runs the arms and then the winner's body.
#[doc(hidden)]
#[macro_export]
macro_rules! __select_run {
    ([$order:tt] [$([$name:ident $verb:ident $args:tt [$pat:pat] $body:expr])*] []) => {{
        let $crate::__select_list!($($name)*) = $crate::select::private::run(
            $crate::__select_cases!($([$verb $args])*),
            $order,
            false,
        );
        $(if let ::std::option::Option::Some(__greenroom_won) = $name {
            match __greenroom_won {
                $pat => $body,
            }
        } else)* {
            $crate::select::private::nobody_won()
        }
    }};
    ([$order:tt] [$([$name:ident $verb:ident $args:tt [$pat:pat] $body:expr])*] [$default:expr]) => {{
        let $crate::__select_list!($($name)*) = $crate::select::private::run(
            $crate::__select_cases!($([$verb $args])*),
            $order,
            true,
        );
        $(if let ::std::option::Option::Some(__greenroom_won) = $name {
            match __greenroom_won {
                $pat => $body,
            }
        } else)* {
            $default
        }
    }};
}

/// `a b` as the pattern `(a, (b, ()))`.
#[doc(hidden)]
#[macro_export]
macro_rules! __select_list {
    () => { () };
    ($name:ident $($names:ident)*) => { ($name, $crate::__select_list!($($names)*)) };
}

/// The cases, as a list of the same shape.
#[doc(hidden)]
#[macro_export]
macro_rules! __select_cases {
    () => { () };
    ([send ($sink:expr, $place:expr $(,)?)] $($rest:tt)*) => {
        (
            $crate::select::private::send(&$sink, &mut $place),
            $crate::__select_cases!($($rest)*),
        )
    };
    ([$verb:ident ($what:expr $(,)?)] $($rest:tt)*) => {
        (
            $crate::select::private::$verb(&$what),
            $crate::__select_cases!($($rest)*),
        )
    };
}
