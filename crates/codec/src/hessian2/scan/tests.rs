//! Every form of a value is skipped to its end, and what is malformed or too much is refused at once.

use std::time::{Duration, Instant};

use super::*;

/// Skips one value and says where it ended.
fn skip(input: &[u8]) -> Result<usize, ScanError> {
    let mut scanner = Scanner::new(input, 0);
    scanner.skip_value().map(|()| scanner.position())
}

/// Values in the forms of the specification, one each.
fn values() -> Vec<Vec<u8>> {
    let plain: &[&[u8]] = &[
        b"N",
        b"T",
        b"F",
        b"\x80",
        b"\xbf",
        b"\xc0\x00",
        b"\xcf\xff",
        b"\xd0\x00\x00",
        b"\xd7\xff\xff",
        b"I\x7f\xff\xff\xff",
        b"\xd8",
        b"\xef",
        b"\xf0\x00",
        b"\xff\xff",
        b"\x38\x00\x00",
        b"\x3f\xff\xff",
        b"Y\x80\x00\x00\x00",
        b"L\x80\x00\x00\x00\x00\x00\x00\x00",
        b"\x5b",
        b"\x5c",
        b"\x5d\x80",
        b"\x5e\x80\x00",
        b"\x5f\x00\x00\x2f\xda",
        b"D\x40\x28\x80\x00\x00\x00\x00\x00",
        b"J\x00\x00\x00\xd0\x4b\x92\x84\xb8",
        b"K\x00\xe3\x83\x8f",
        b"\x00",
        b"\x05hello",
        b"\x01\xc3\x83",
        b"\x02\xe4\xb8\xad\xe6\x96\x87",
        b"\x02\xed\xa0\xbd\xed\xb8\x80",
        b"\x02\xf0\x9f\x98\x80",
        b"\x30\x03abc",
        b"S\x00\x05hello",
        b"R\x00\x01aR\x00\x01bS\x00\x01c",
        b"R\x00\x01a\x02bc",
        b"\x20",
        b"\x23\x01\x02\x03",
        b"\x34\x02\xff\xfe",
        b"B\x00\x03abc",
        b"A\x00\x02ab\x21c",
        b"A\x00\x02abA\x00\x00B\x00\x01c",
        b"\x51\x90",
        b"\x78",
        b"\x7a\x91\x92",
        b"\x72\x04[int\x91\x92",
        b"\x71\x90N",
        b"V\x04[int\x92\x91\x92",
        b"X\x92\x91\x92",
        b"U\x04List\x91\x92Z",
        b"W\x91\x05helloZ",
        b"WZ",
        b"HZ",
        b"H\x01a\x91\x01b\x7a\x91\x92Z",
        b"M\x03map\x91\x01aZ",
        b"M\x90\x91\x01aZ",
        b"C\x03Car\x92\x05color\x05model\x60\x03red\x08corvette",
        b"C\x03Car\x92\x05color\x05modelO\x90\x03red\x08corvette",
        b"C\x05Empty\x90\x60",
        // A list of two objects of one class, then one that holds itself.
        b"\x7bC\x01A\x91\x01x\x60\x91\x60\x92\x60\x51\x90",
        // A definition within a value of an object of another class.
        b"C\x01A\x91\x01x\x60C\x01B\x91\x01y\x61N",
    ];
    plain.iter().map(|value| value.to_vec()).collect()
}

#[test]
fn every_form_is_skipped_to_its_end() {
    for value in values() {
        let mut followed = value.clone();
        followed.extend_from_slice(b"Zrest");
        assert_eq!(skip(&followed), Ok(value.len()), "{value:02x?}");
    }
}

#[test]
fn a_value_that_is_cut_is_refused() {
    for value in values() {
        for end in 0..value.len() {
            assert!(skip(&value[..end]).is_err(), "{value:02x?} cut at {end}");
        }
    }
}

#[test]
fn classes_are_remembered_from_value_to_value() {
    let mut scanner = Scanner::new(b"C\x01A\x92\x01x\x01y\x60\x91\x92\x60\x93\x94\x61", 0);
    assert_eq!(scanner.skip_value(), Ok(()));
    assert_eq!(scanner.skip_value(), Ok(()));
    assert_eq!(scanner.skip_value(), Err(ScanError::UnknownClass));
}

#[test]
fn strings_are_borrowed() {
    let mut scanner = Scanner::new(b"\x05helloNR\x00\x01a\x01b\x91", 0);
    assert_eq!(scanner.text(), Ok(Text::Whole(Span { at: 1, len: 5 })));
    assert_eq!(scanner.text(), Ok(Text::Null));
    assert_eq!(scanner.text(), Ok(Text::Chunks));
    assert_eq!(scanner.text(), Err(ScanError::Unexpected(0x91)));
}

#[test]
fn numbers_are_read_in_every_form() {
    let cases: &[(&[u8], i64)] = &[
        (b"\x90", 0),
        (b"\x80", -16),
        (b"\xc8\x00", 0),
        (b"\xc7\x00", -256),
        (b"\xd3\xff\xff", -1),
        (b"\xd7\xff\xff", 262_143),
        (b"I\x80\x00\x00\x00", i64::from(i32::MIN)),
        (b"\xe0", 0),
        (b"\xd8", -8),
        (b"\xf7\x00", -256),
        (b"\x3b\xff\xff", -1),
        (b"Y\xff\xff\xff\xfe", -2),
        (b"L\x7f\xff\xff\xff\xff\xff\xff\xff", i64::MAX),
    ];
    for (bytes, number) in cases {
        assert_eq!(Scanner::new(bytes, 0).integer(), Ok(Some(*number)), "{bytes:02x?}");
    }
    assert_eq!(Scanner::new(b"\x01a", 0).integer(), Ok(None));
}

#[test]
fn malformed_values_are_told_apart() {
    assert_eq!(skip(b"Z"), Err(ScanError::Unexpected(b'Z')));
    assert_eq!(skip(b"\x40"), Err(ScanError::Unexpected(0x40)));
    assert_eq!(skip(b"H\x01aZ"), Err(ScanError::Unexpected(b'Z')), "a key without a value");
    assert_eq!(skip(b"X\x8f"), Err(ScanError::BadLength));
    assert_eq!(skip(b"\x60"), Err(ScanError::UnknownClass));
    assert_eq!(skip(b"O\x8f"), Err(ScanError::UnknownClass));
    assert_eq!(skip(b"\x01\x80"), Err(ScanError::BadText));
    assert_eq!(skip(b"R\x00\x01a\x91"), Err(ScanError::Unexpected(0x91)), "a string goes on as a string");
    assert_eq!(skip(b"C\x91"), Err(ScanError::Unexpected(0x91)));
}

#[test]
fn length_bombs_are_refused_without_work() {
    let bombs: &[&[u8]] = &[
        b"XI\x7f\xff\xff\xff\x91",
        b"V\x01aI\x7f\xff\xff\xff\x91",
        b"C\x01aI\x7f\xff\xff\xff\x01x",
        b"S\xff\xffa",
        b"B\xff\xffa",
    ];
    let started = Instant::now();
    for bomb in bombs {
        assert_eq!(skip(bomb), Err(ScanError::Truncated), "{bomb:02x?}");
    }
    // A class of many fields whose objects are written in one byte each.
    let mut wide = b"C\x01AI\x00\x01\x00\x00".to_vec();
    wide.resize(wide.len() + 0x10000, 0);
    wide.resize(wide.len() + 0x8000, 0x60);
    assert_eq!(skip(&wide), Err(ScanError::Truncated));
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[test]
fn depth_is_bounded() {
    for opening in [&b"\x79"[..], b"W", b"H\x91", b"U\x01a", b"M\x90\x91"] {
        let mut nested = opening.repeat(100_000);
        assert_eq!(skip(&nested), Err(ScanError::TooDeep), "{opening:02x?}");
        nested.truncate(opening.len() * MAX_DEPTH);
        assert_eq!(skip(&nested), Err(ScanError::Truncated), "{opening:02x?}");
    }
    let mut deepest = b"\x79".repeat(MAX_DEPTH);
    deepest.push(b'N');
    assert_eq!(skip(&deepest), Ok(deepest.len()));
    let mut objects = b"C\x01A\x91\x01x".to_vec();
    objects.resize(100_000, 0x60);
    assert_eq!(skip(&objects), Err(ScanError::TooDeep));
}

#[test]
fn values_and_classes_are_bounded() {
    let mut many = vec![b'W'];
    many.resize(MAX_VALUES as usize + 8, b'N');
    assert_eq!(skip(&many), Err(ScanError::TooMany));
    let mut classes = b"C\x01A\x90".repeat(MAX_CLASSES + 1);
    classes.push(0x60);
    assert_eq!(skip(&classes), Err(ScanError::TooMany));
}

#[test]
fn a_cycle_is_a_reference_that_is_skipped() {
    // A list that holds itself, and two objects that hold each other.
    assert_eq!(skip(b"\x79\x51\x90"), Ok(3));
    let pair = b"C\x01A\x91\x01x\x60\x60\x51\x90";
    assert_eq!(skip(pair), Ok(pair.len()));
}
