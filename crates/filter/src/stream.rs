//! The filters, one file each.

mod counting;
mod fault;
mod transcoder;

pub(crate) use counting::Counting;
