//! The requests that wait for answers, found by number without a search: the lower half of a number is a place in a list,
//! the upper half counts how often the place was taken, so that an answer to a request that was given up is known for
//! what it is. Places are taken again in the order in which they became free, and not before a few dozen exist: a count
//! comes round only after millions of requests.

use std::collections::VecDeque;
use std::task::Waker;

use crate::reader::Frame;

/// Most requests at once. The last place stays empty: its numbers are those of heartbeats.
pub(super) const MOST: usize = 65_535;
/// So many places are made before one is taken again.
const FIRST: usize = 16;

/// A place for one request.
#[derive(Default)]
pub(super) struct Slot {
    generation: u16,
    taken: bool,
    /// Who is told of the answer, or of the connection's end.
    pub(super) waker: Option<Waker>,
    pub(super) answer: Option<Frame>,
}

impl Slot {
    /// Takes the answer, and tells who waits for it.
    pub(super) fn give(&mut self, answer: Frame) {
        self.answer = Some(answer);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[derive(Default)]
pub(super) struct Slots {
    list: Vec<Slot>,
    free: VecDeque<u16>,
}

impl Slots {
    /// Takes a place; its number, or `None` when all are taken.
    pub(super) fn take(&mut self) -> Option<u32> {
        let reused = if self.list.len() >= FIRST { self.free.pop_front() } else { None };
        let at = match reused {
            Some(at) => at,
            None if self.list.len() < MOST => {
                let at = u16::try_from(self.list.len()).ok()?;
                self.list.push(Slot::default());
                at
            }
            None => return None,
        };
        let slot = self.list.get_mut(usize::from(at))?;
        slot.taken = true;
        Some(u32::from(slot.generation) << 16 | u32::from(at))
    }

    /// The place of a number, while it is taken under this number.
    pub(super) fn find(&mut self, id: u64) -> Option<&mut Slot> {
        let id = u32::try_from(id).ok()?;
        let slot = self.list.get_mut((id & 0xffff) as usize)?;
        (slot.taken && u32::from(slot.generation) == id >> 16).then_some(slot)
    }

    /// Frees the place of a number, if it is taken under it.
    pub(super) fn free(&mut self, id: u32) {
        if let Some(slot) = self.find(u64::from(id)) {
            *slot = Slot { generation: slot.generation.wrapping_add(1), ..Slot::default() };
            self.free.push_back((id & 0xffff) as u16);
        }
    }

    /// How many places are taken.
    pub(super) fn in_flight(&self) -> usize {
        self.list.len() - self.free.len()
    }

    /// Whether somebody waits for an answer that has not come.
    pub(super) fn is_awaited(&self) -> bool {
        self.list.iter().any(|slot| slot.taken && slot.answer.is_none())
    }

    /// Wakes everybody.
    pub(super) fn wake_all(&mut self) {
        self.list.iter_mut().filter_map(|slot| slot.waker.take()).for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_means_one_request_only() {
        let mut slots = Slots::default();
        let first = slots.take().unwrap();
        assert!(slots.find(u64::from(first)).is_some());
        slots.free(first);
        assert!(slots.find(u64::from(first)).is_none());
        slots.free(first);
        assert_eq!(slots.in_flight(), 0);
        for _ in 0..10 * FIRST {
            let next = slots.take().unwrap();
            assert_ne!(next, first);
            slots.free(next);
        }
        assert_eq!((slots.list.len(), slots.in_flight()), (FIRST, 0));
        assert!(slots.find(u64::MAX).is_none() && slots.find(0xffff).is_none());
    }

    #[test]
    fn places_run_out_and_come_back() {
        let mut slots = Slots::default();
        let all: Vec<u32> = std::iter::from_fn(|| slots.take()).collect();
        assert_eq!((all.len(), slots.in_flight()), (MOST, MOST));
        slots.free(all[7]);
        let again = slots.take().unwrap();
        assert_eq!((again & 0xffff, again >> 16), (all[7] & 0xffff, 1));
        assert!(slots.take().is_none());
    }
}
