//! Read and write buffers, lent by the thread while bytes are in flight, so that an idle connection
//! holds none.

use std::cell::RefCell;

use bytes::BytesMut;

/// The size of a fresh buffer in bytes: a usual head and a small body.
pub const SMALL: usize = 8 << 10;
/// The size of a buffer for a body that fills small ones, in bytes.
pub const LARGE: usize = 64 << 10;
/// How many idle buffers a thread keeps.
const KEPT: usize = 128;

thread_local! {
    static IDLE: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer with room for at least [`SMALL`] bytes.
pub fn take() -> BytesMut {
    IDLE.try_with(|idle| idle.borrow_mut().pop())
        .ok()
        .flatten()
        .unwrap_or_else(|| BytesMut::with_capacity(SMALL))
}

/// Gives a buffer back. It is kept only when it is of the usual size and nothing refers to its bytes any more.
pub fn give(mut buffer: BytesMut) {
    buffer.clear();
    // What is left of a large buffer may look like a usual one: the first question brings all of it back to light.
    let large = buffer.capacity() > 2 * SMALL || buffer.try_reclaim(2 * SMALL + 1);
    if large || !buffer.try_reclaim(SMALL) {
        return;
    }
    let _ = IDLE.try_with(|idle| {
        let mut idle = idle.borrow_mut();
        if idle.len() < KEPT {
            idle.push(buffer);
        }
    });
}

/// Gives an empty buffer back, unless something still refers to bytes that were read into it: such a one goes on being
/// used from where it stands, since another would have to be made in its place.
pub fn give_unless_shared(buffer: &mut BytesMut) {
    if buffer.is_empty() && buffer.capacity() > 0 && buffer.try_reclaim(SMALL) {
        give(std::mem::take(buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_in_use_is_not_lent_again() {
        let mut buffer = take();
        buffer.extend_from_slice(b"hello");
        let share = buffer.split().freeze();
        give(buffer);
        let mut next = take();
        next.extend_from_slice(b"other");
        assert_eq!(&share[..], b"hello");
        let address = next.as_ptr();
        give(next);
        assert_eq!(take().as_ptr(), address);
    }

    #[test]
    fn a_shared_buffer_stays_until_its_share_is_gone() {
        let mut buffer = take();
        buffer.extend_from_slice(b"head");
        let share = buffer.split().freeze();
        give_unless_shared(&mut buffer);
        assert!(buffer.capacity() > 0);
        drop(share);
        give_unless_shared(&mut buffer);
        assert_eq!(buffer.capacity(), 0);
    }

    #[test]
    fn what_is_left_of_a_large_buffer_is_not_kept() {
        let mut buffer = BytesMut::with_capacity(LARGE);
        buffer.resize(LARGE - SMALL, 0);
        drop(buffer.split().freeze());
        assert!(buffer.capacity() <= 2 * SMALL);
        let address = buffer.as_ptr();
        give(buffer);
        let next = take();
        assert_ne!(next.as_ptr(), address);
        assert!(next.capacity() <= 2 * SMALL);
    }
}
