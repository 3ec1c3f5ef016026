//! The ground every other room stands on: errors with a side and a retry rule, durations as MOSN
//! writes them, drain, the CPU quota, and cells that belong to one worker. No I/O, no policy.

pub mod cpu;
pub mod drain;
pub mod duration;
pub mod error;
pub mod flags;
pub mod names;
pub mod path;
pub mod percent;
pub mod timer;
pub mod worker;

pub use error::{Error, Kind, Result, RetrySafety, Side};
pub use flags::ResponseFlags;
