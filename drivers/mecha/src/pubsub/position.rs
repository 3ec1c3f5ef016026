//! How far a group is: everything before `next` was handed over, and what of that is not done with. So what is stored
//! stays as short as the group has messages in flight, however far the others went past one that is refused again and
//! again.

use bytes::{Buf, BufMut, Bytes};

/// A group's position in a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// The first number that was never handed over.
    pub(crate) next: u64,
    /// Smaller numbers that are not done with, ascending.
    pub(crate) open: Vec<u64>,
}

impl Position {
    /// The first number that the group still needs.
    pub(crate) fn low(&self) -> u64 {
        self.open.first().copied().unwrap_or(self.next)
    }

    /// The stored form: eight bytes each, big end first.
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(8 + 8 * self.open.len());
        out.put_u64(self.next);
        self.open.iter().for_each(|number| out.put_u64(*number));
        Bytes::from(out)
    }

    /// Reads a stored form; `None` when it is none.
    pub(crate) fn decode(mut stored: Bytes) -> Option<Self> {
        if !stored.len().is_multiple_of(8) {
            return None;
        }
        let next = stored.try_get_u64().ok()?;
        let mut open = Vec::with_capacity(stored.len() / 8);
        while let Ok(number) = stored.try_get_u64() {
            open.push(number);
        }
        Some(Position { next, open })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_come_back_as_they_went() {
        for (open, low) in [(vec![], 9), (vec![3, 7], 3)] {
            let position = Position { next: 9, open };
            assert_eq!(position.low(), low);
            assert_eq!(Position::decode(position.encode()), Some(position));
        }
        assert_eq!(Position::decode(Bytes::from_static(b"123")), None);
        assert_eq!(Position::decode(Bytes::new()), None);
    }
}
