//! Nothing that a file can hold makes the reader panic, and its verdict is always one of two.

use proptest::prelude::*;

use super::with;
use crate::{Format, Loaded, parse};

fn verdict(loaded: &Loaded) {
    assert_eq!(loaded.config.is_none(), loaded.diagnostics.has_errors());
}

/// Texts made of what configurations are made of.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\n",
        " ",
        "-",
        "- ",
        ": ",
        "&a ",
        "*a",
        "? ",
        "|\n",
        "null",
        "true",
        "0",
        "1e9",
        "servers",
        "\"servers\"",
        "\"listeners\"",
        "\"routers\"",
        "\"name\"",
        "\"match\"",
        "\"\\ud800\"",
        "!!str ",
        "<<",
        "\u{e9}",
        "\u{feff}",
        "#",
        "%",
        "\t",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        verdict(&parse(&text, Format::Json, "f"));
        verdict(&parse(&text, Format::Yaml, "f"));
    }

    #[test]
    fn pieces_do_not_panic(text in pieces()) {
        verdict(&parse(&text, Format::Json, "f"));
        verdict(&parse(&text, Format::Yaml, "f"));
    }

    #[test]
    fn a_damaged_configuration_does_not_panic(
        at in any::<prop::sample::Index>(), length in 0usize..30, new in pieces()
    ) {
        let mut text = with("", "", "", "");
        let start = at.index(text.len());
        let end = (start + length).min(text.len());
        text.replace_range(start..end, &new);
        verdict(&parse(&text, Format::Json, "f"));
        verdict(&parse(&text, Format::Yaml, "f"));
    }

    #[test]
    fn json_is_read_as_serde_json_reads_it(text in pieces()) {
        let strict = serde_json::from_str::<serde_json::Value>(&text).is_ok();
        let said = parse(&text, Format::Json, "f").diagnostics.to_string();
        // A syntax error has no key; every other finding in such a text has one, or is about the root.
        let ours = !said.contains("expected a value")
            && !said.contains("after the")
            && !said.contains("this string")
            && !said.contains("a key in double quotes")
            && !said.contains("the file ends before")
            && !said.contains("is not a number as JSON");
        prop_assert_eq!(strict, ours, "{}", said);
    }
}
