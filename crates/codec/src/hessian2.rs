//! Hessian 2.0, the serialisation that Dubbo and SOFA Bolt use by default.
//!
//! [`scan`] walks over values without taking them apart: that is all a proxied frame costs. [`text`] is what strings
//! look like on the wire. [`Decoder`] and [`Encoder`] turn whole values from and into [`Value`]s, for conversions.

pub mod scan;
pub mod text;

mod decode;
mod encode;
mod value;

pub use decode::{Bounds, Decoder};
pub use encode::Encoder;
pub use value::{Class, Containers, Dialect, Invalid, List, Map, Object, Value};
