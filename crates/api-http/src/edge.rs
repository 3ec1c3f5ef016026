//! What holds for every call before its route is looked for, one file each (reference 1.1).

pub(crate) mod access;
pub(crate) mod account;
pub(crate) mod cors;
pub(crate) mod limit;
pub(crate) mod token;
