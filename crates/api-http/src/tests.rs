//! The API as a client sees it: statuses, headers and bodies, over drivers in memory and an application that writes down
//! what it is asked.

mod fixture;
mod invoke;
mod mechanics;
mod publish;
mod state;
mod system;
mod wire;

use fixture::{Answer, Fixture};
