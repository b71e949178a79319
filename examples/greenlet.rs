//! Two functions that switch to each other by hand, each going on where it was.
//!
//! Port of: the notes, "greenlet" (file 002, section 3.2 of the second count).
//!
//! Run: `cargo run --example greenlet`
//!
//! Try: take away the second `switch` in `test1`: who prints last, and why?
//!
//! Output:
//! ```text
//! in test1 12
//! in test2 56
//! in test1 34
//! in test2 78
//! main goes on; gr1 is suspended, gr2 is dead
//! ```
//! Differs: the notes' functions find each other as global variables. Here each gets a place where the
//! other's handle will be, since both cannot be made first.

use greenroom::greenlet::Greenlet;
use std::cell::OnceCell;
use std::rc::Rc;

/// Where the other greenlet will be found.
type Partner = Rc<OnceCell<Greenlet>>;

fn main() {
    let (to_gr1, to_gr2) = (Partner::default(), Partner::default());
    let gr1 = Greenlet::new({
        let gr2 = Rc::clone(&to_gr2);
        move |()| test1(&gr2)
    });
    let gr2 = Greenlet::new({
        let gr1 = Rc::clone(&to_gr1);
        move |()| test2(&gr1)
    });
    introduce(&to_gr1, &gr1);
    introduce(&to_gr2, &gr2);

    gr1.switch(());

    // `test2` has returned, so its parent goes on: whoever made it. `test1` still stands in its last
    // switch; when its last handle is dropped, it is unwound.
    let state = |greenlet: &Greenlet| {
        if greenlet.is_dead() {
            "dead"
        } else {
            "suspended"
        }
    };
    println!(
        "main goes on; gr1 is {}, gr2 is {}",
        state(&gr1),
        state(&gr2)
    );
}

fn test1(gr2: &Partner) {
    println!("in test1 12");
    partner(gr2).switch(());
    println!("in test1 34");
    partner(gr2).switch(());
}

fn test2(gr1: &Partner) {
    println!("in test2 56");
    partner(gr1).switch(());
    println!("in test2 78");
}

fn introduce(place: &Partner, greenlet: &Greenlet) {
    place
        .set(greenlet.clone())
        .expect("because it is introduced once");
}

fn partner(place: &Partner) -> &Greenlet {
    place
        .get()
        .expect("because both were introduced before the first switch")
}
