//! Hessian 2.0, the serialisation that Dubbo and SOFA Bolt use by default.
//!
//! [`scan`] walks over values without taking them apart: that is all a proxied frame costs. [`text`] is what strings
//! look like on the wire.

pub mod scan;
pub mod text;
