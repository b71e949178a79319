//! Who is there, under which name, in which room; and who hears what.
//!
//! One lock over all of it: a line is pushed to everybody in a room under the lock, so all of them see the
//! same order. Nothing under it parks or runs code of others. A member is a number; its name may change.
//!
//! Subtle: a push can fill somebody's box, which removes that member, which is announced, which can fill the
//! next one's. That is a loop with a list, not a recursion.

use super::outbox::{Outbox, Pushed};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where everybody begins.
pub(super) const LOBBY: &str = "lobby";

/// Bounds of a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatLimits {
    /// Bytes of a line.
    pub line_bytes_max: usize,
    /// Bytes that may wait for a client that reads slowly, before it is dropped.
    pub outbox_bytes_max: usize,
    /// Bytes that the kernel may hold for it beside those; it rounds, and counts its own needs. Left alone it
    /// would take megabytes for whoever does not read.
    pub kernel_bytes_max: usize,
    /// How long a client that leaves may take to hear what was said before.
    pub farewell: Duration,
    /// Lines that may be refused, one after the other, before a client is dropped.
    pub refused_max: u32,
    /// Bytes that a client may say in a second, after two seconds' worth at once; beyond that it is read later. Who
    /// floods a room would make slow readers of all who hear him.
    pub bytes_per_second: u32,
}

impl Default for ChatLimits {
    /// Lines of 512 bytes, 256 KiB for each client and 64 KiB in the kernel, 2 seconds at the end, 20 bad lines,
    /// 64 KiB per second.
    fn default() -> ChatLimits {
        ChatLimits {
            line_bytes_max: 512,
            outbox_bytes_max: 256 << 10,
            kernel_bytes_max: 64 << 10,
            farewell: Duration::from_secs(2),
            refused_max: 20,
            bytes_per_second: 64 << 10,
        }
    }
}

/// What a chat has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChatTotals {
    /// Members now.
    pub members: usize,
    /// Lines that were said, to a room or to one.
    pub lines: u64,
    /// Members that were dropped because they read too slowly.
    pub dropped: u64,
}

/// Everybody who has a name.
#[derive(Debug, Default)]
pub(super) struct Hall {
    // std's: see `outbox`.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Who has not said a name yet.
    strangers: HashMap<u64, Arc<Outbox>>,
    members: HashMap<u64, Member>,
    /// By name in lower case.
    names: BTreeMap<String, u64>,
    rooms: BTreeMap<String, BTreeSet<u64>>,
    next: u64,
    /// Names of those who were dropped, to be logged without the lock.
    slow: Vec<String>,
    is_closed: bool,
    totals: ChatTotals,
}

#[derive(Debug)]
struct Member {
    name: String,
    room: String,
    outbox: Arc<Outbox>,
}

/// The last line of every client when the server ends.
pub(super) const FAREWELL: &str = "* the server shuts down: goodbye\n";

impl Hall {
    /// Somebody without a name: its number.
    pub(super) fn arrive(&self, outbox: &Arc<Outbox>) -> u64 {
        self.with(|state| {
            let id = state.next;
            state.next += 1;
            state.strangers.insert(id, Arc::clone(outbox));
            if state.is_closed {
                outbox.close(Some(&FAREWELL.into()));
            }
            id
        })
    }

    /// A stranger with a name: in the lobby.
    pub(super) fn enter(&self, id: u64, name: &str) -> Result<(), String> {
        self.with(|state| {
            state.claim(name, None)?;
            let outbox = state.strangers.remove(&id).ok_or(GONE)?;
            state.names.insert(name.to_ascii_lowercase(), id);
            let member = Member {
                name: name.to_owned(),
                room: LOBBY.to_owned(),
                outbox,
            };
            state.members.insert(id, member);
            state.settle(id, LOBBY);
            Ok(())
        })
    }

    /// Frees the name, and tells the room; nothing if that has been done.
    pub(super) fn leave(&self, id: u64) {
        self.with(|state| {
            state.strangers.remove(&id);
            if let Some(gone) = state.remove(id) {
                state.tell_room(&gone.room, &format!("* {} leaves", gone.name));
            }
        });
    }

    pub(super) fn rename(&self, id: u64, name: &str) -> Result<(), String> {
        self.with(|state| {
            state.claim(name, Some(id))?;
            let member = state.members.get_mut(&id).ok_or(GONE)?;
            let old = std::mem::replace(&mut member.name, name.to_owned());
            let room = member.room.clone();
            state.names.remove(&old.to_ascii_lowercase());
            state.names.insert(name.to_ascii_lowercase(), id);
            state.tell_room(&room, &format!("* {old} is now {name}"));
            Ok(())
        })
    }

    pub(super) fn join(&self, id: u64, room: &str) -> Result<(), String> {
        self.with(|state| {
            let member = state.members.get_mut(&id).ok_or(GONE)?;
            if member.room == room {
                return Err(format!("you are in {room} already"));
            }
            let old = std::mem::replace(&mut member.room, room.to_owned());
            let name = member.name.clone();
            state.vacate(id, &old);
            state.tell_room(&old, &format!("* {name} goes to {room}"));
            state.settle(id, room);
            Ok(())
        })
    }

    /// To everybody in the room, the speaker too: that is the receipt, and shows the order.
    pub(super) fn say(&self, id: u64, text: &str) -> Result<(), String> {
        self.with(|state| {
            let speaker = state.members.get(&id).ok_or(GONE)?;
            let (room, line) = (speaker.room.clone(), format!("{}: {text}", speaker.name));
            state.totals.lines += 1;
            state.tell_room(&room, &line);
            Ok(())
        })
    }

    pub(super) fn tell(&self, id: u64, to: &str, text: &str) -> Result<(), String> {
        self.with(|state| {
            let from = state.members.get(&id).ok_or(GONE)?.name.clone();
            let heir = state.names.get(&to.to_ascii_lowercase()).copied();
            let heir = heir.ok_or_else(|| format!("nobody is called {to}"))?;
            let to = state.members.get(&heir).ok_or(GONE)?.name.clone();
            state.totals.lines += 1;
            state.tell_member(heir, &format!("{from} (to you): {text}"));
            state.tell_member(id, &format!("{from} (to {to}): {text}"));
            Ok(())
        })
    }

    /// A line of the server's own, to one.
    pub(super) fn answer(&self, id: u64, line: &str) {
        self.with(|state| state.tell_member(id, line));
    }

    /// How many rooms there are, and the first of them with how many are there.
    pub(super) fn rooms(&self, max: usize) -> (usize, Vec<(String, usize)>) {
        self.with(|state| {
            let rooms = state.rooms.iter().take(max);
            let rooms = rooms.map(|(room, members)| (room.clone(), members.len()));
            (state.rooms.len(), rooms.collect())
        })
    }

    /// A member's room, how many are there, and the first of their names: all of a full house would be copied under the
    /// lock, for whoever asks.
    pub(super) fn who(&self, id: u64, max: usize) -> Result<(String, usize, Vec<String>), String> {
        self.with(|state| {
            let room = &state.members.get(&id).ok_or(GONE)?.room;
            let ids = state.rooms.get(room).ok_or(GONE)?;
            let names = ids.iter().take(max);
            let names = names.filter_map(|id| Some(state.members.get(id)?.name.clone()));
            Ok((room.clone(), ids.len(), names.collect()))
        })
    }

    /// A line to everybody in every room.
    pub(super) fn announce(&self, line: &str) {
        self.with(|state| {
            let ids = state.members.keys().copied().collect();
            state.tell(ids, line);
        });
    }

    /// Tells everybody, and lets them go; nobody comes in any more.
    pub(super) fn close(&self) {
        self.with(|state| {
            state.is_closed = true;
            let farewell: Arc<str> = FAREWELL.into();
            let members = state.members.values().map(|member| &member.outbox);
            for outbox in members.chain(state.strangers.values()) {
                outbox.close(Some(&farewell));
            }
        });
    }

    pub(super) fn totals(&self) -> ChatTotals {
        self.with(|state| ChatTotals {
            members: state.members.len(),
            ..state.totals
        })
    }

    fn with<T>(&self, body: impl FnOnce(&mut State) -> T) -> T {
        let (outcome, slow) = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let outcome = body(&mut state);
            (outcome, std::mem::take(&mut state.slow))
        };
        // A logger is code of others: it may park, panic, or talk to this chat.
        for name in slow {
            log::warn!("{name} reads too slowly: dropped");
        }
        outcome
    }
}

/// A slow reader has been removed, and may not know it yet.
const GONE: &str = "you are no longer here";

impl State {
    /// Whether `id`, or somebody new, may take the name.
    fn claim(&self, name: &str, id: Option<u64>) -> Result<(), String> {
        match self.names.get(&name.to_ascii_lowercase()) {
            Some(owner) if Some(*owner) != id => Err(format!("{name} is taken")),
            _ => Ok(()),
        }
    }

    /// Puts a member into a room, and tells everybody there.
    fn settle(&mut self, id: u64, room: &str) {
        self.rooms.entry(room.to_owned()).or_default().insert(id);
        if let Some(member) = self.members.get(&id) {
            let line = format!("* {} joins {room}", member.name);
            self.tell_room(room, &line);
        }
    }

    /// Takes a member out of a room; an empty room is forgotten.
    fn vacate(&mut self, id: u64, room: &str) {
        if let Some(members) = self.rooms.get_mut(room) {
            members.remove(&id);
            if members.is_empty() {
                self.rooms.remove(room);
            }
        }
    }

    fn remove(&mut self, id: u64) -> Option<Member> {
        let gone = self.members.remove(&id)?;
        self.names.remove(&gone.name.to_ascii_lowercase());
        self.vacate(id, &gone.room);
        Some(gone)
    }

    fn tell_room(&mut self, room: &str, line: &str) {
        let ids = self.rooms.get(room).into_iter().flatten();
        self.tell(ids.copied().collect(), line);
    }

    fn tell_member(&mut self, id: u64, line: &str) {
        self.tell(vec![id], line);
    }

    /// Pushes a line to these members, and removes whoever has no room for it.
    fn tell(&mut self, ids: Vec<u64>, line: &str) {
        let mut news = vec![(ids, Arc::<str>::from(format!("{line}\n")))];
        while let Some((ids, line)) = news.pop() {
            for id in ids {
                let full = |member: &Member| member.outbox.push(&line) == Pushed::Full;
                if !self.members.get(&id).is_some_and(full) {
                    continue;
                }
                let Some(slow) = self.remove(id) else {
                    continue;
                };
                self.totals.dropped += 1;
                let others = self.rooms.get(&slow.room).into_iter().flatten();
                let notice = format!("* {} reads too slowly, and is dropped\n", slow.name);
                news.push((others.copied().collect(), notice.into()));
                self.slow.push(slow.name);
            }
        }
    }
}
