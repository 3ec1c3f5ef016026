//! The filters, one file each.

mod fault;
mod transcoder;
