//! Bolt frames by hand, as real peers wrote them, and made of anything.

use super::*;
use crate::rpc::testing::*;

#[test]
fn frames_of_real_peers_are_forwarded_byte_for_byte() {
    for folder in ["bolt", "boltv2"] {
        for (name, frame) in goldens(folder) {
            println!("{folder}/{name}");
            for codec in [&V1, &V2] {
                assert_golden(codec, &frame);
                assert_survives_changes(codec, &frame);
            }
        }
    }
}
