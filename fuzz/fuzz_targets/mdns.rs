//! Datagrams of multicast DNS, which anybody on the network can send: what was read can be written, and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mecha_codec::mdns::{Data, Message};

fuzz_target!(|input: &[u8]| {
    let Ok(message) = Message::decode(input) else { return };
    // A text that is no UTF-8 may have grown when it was read, and is cut when it is written.
    let has_grown =
        |data: &Data| matches!(data, Data::Txt(texts) if texts.iter().any(|text| text.len() > 255));
    if !message.records.iter().any(|record| has_grown(&record.data)) {
        assert_eq!(Message::decode(&message.encode()), Ok(message));
    }
});
