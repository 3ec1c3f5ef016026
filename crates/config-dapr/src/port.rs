//! The port that other runtimes call when no flag names one: the same at each start of the same application, so that
//! nobody has to learn a new one after a restart (reference 3.1).

use std::path::Path;

/// The lowest of the ports that are taken, as in Dapr.
pub(crate) const FIRST: u16 = 47_300;

/// How many ports there are to choose from, as in Dapr: more applications on one host are unlikely.
const COUNT: u64 = 2_048;

/// A port from [`FIRST`] on that depends on nothing else. It may be taken: whoever binds it takes any other then.
pub(crate) fn stable(app_id: &str, folder: &Path, user: u32, host: &str) -> u16 {
    let user = user.to_string();
    let folder = folder.as_os_str().as_encoded_bytes();
    let parts = [app_id.as_bytes(), folder, user.as_bytes(), host.as_bytes()];
    let bytes = parts.iter().flat_map(|part| part.iter().chain(std::iter::once(&0)));
    // FNV-1a, 64 bits: the sum is never sent to anybody, it only has to spread and to stay the same.
    let sum = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    FIRST + ((sum ^ (sum >> 32)) % COUNT) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_the_same_each_time_and_another_for_another_application() {
        let port = |app: &str| stable(app, Path::new("/srv"), 1000, "host");
        assert_eq!(port("orders"), port("orders"));
        assert_ne!(port("orders"), port("checkout"));
        assert_ne!(stable("a", Path::new("/x"), 1, "h"), stable("a", Path::new("/y"), 1, "h"));
        assert_ne!(stable("a", Path::new("/x"), 1, "h"), stable("a", Path::new("/x"), 2, "h"));
        assert!((0..500).all(|n| (FIRST..FIRST + 2_048).contains(&port(&n.to_string()))));
    }
}
