//! Walks over the fields of either shape.

use http::HeaderMap;

use super::block::Block;

/// Name and value of every field, in order.
pub struct Iter<'a>(Inner<'a>);

enum Inner<'a> {
    Block { block: &'a Block, next: usize },
    Map(http::header::Iter<'a, http::HeaderValue>),
}

impl<'a> Iter<'a> {
    pub(super) fn block(block: &'a Block) -> Self {
        Iter(Inner::Block { block, next: 0 })
    }

    pub(super) fn map(map: &'a HeaderMap) -> Self {
        Iter(Inner::Map(map.iter()))
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Inner::Block { block, next } => {
                let field = block.fields().get(*next)?;
                *next += 1;
                Some((block.bytes(field.name), block.bytes(field.value)))
            }
            Inner::Map(fields) => {
                fields.next().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
            }
        }
    }
}
