//! The drivers that are compiled in, one cargo feature each. A new driver is a crate under `drivers/` and a line here.

use mecha_component::Drivers;

/// Every driver of this binary.
pub(crate) static DRIVERS: Drivers = Drivers {
    state: &[
        mecha_component::memory::STATE,
        mecha_driver_mecha::STATE,
        #[cfg(feature = "redis")]
        mecha_driver_redis::STATE,
        #[cfg(feature = "sqlite")]
        mecha_driver_sqlite::STATE,
    ],
    pubsub: &[
        mecha_component::memory::PUBSUB,
        mecha_driver_mecha::PUBSUB,
        #[cfg(feature = "redis")]
        mecha_driver_redis::PUBSUB,
    ],
    secrets: &[mecha_driver_local::ENV, mecha_driver_local::FILE],
};
