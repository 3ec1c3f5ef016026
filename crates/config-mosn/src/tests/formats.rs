//! The two formats: where their mistakes are, and that both give the same tree.

use crate::{Format, parse};

fn fault(text: &str, format: Format) -> String {
    let loaded = parse(text, format, "f");
    assert!(loaded.config.is_none());
    loaded.diagnostics.to_string().lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_mistake_in_json_is_shown_where_it_is() {
    let cases = [
        ("", "f:1:1: error: expected a value, found the end of the file"),
        ("{\n  \"a\": 1,\n}", "f:3:1: error: expected a key after the comma; remove the comma"),
        ("{\"a\": [1, 2,]}", "f:1:13: error: expected a value after the comma; remove the comma"),
        ("{\"a\": 1\n \"b\": 2}", "f:2:2: error: expected `,` or `}` after the value"),
        ("[1 2]", "f:1:4: error: expected `,` or `]` after the value"),
        ("{a: 1}", "f:1:2: error: expected a key in double quotes"),
        ("{\"a\" 1}", "f:1:6: error: expected `:` after the key"),
        ("{\"a\": // no\n1}", "f:1:7: error: expected a value; JSON has no comments (YAML has)"),
        ("{\"a\": 'b'}", "f:1:7: error: expected a value; strings stand in double quotes"),
        ("{\"a\": True}", "f:1:7: error: expected a value, found `True`; strings stand in \"\""),
        ("{\"a\": \"b}", "f:1:7: error: this string is not closed; expected `\"`"),
        (
            "{\"a\": \"b,\n\"c\": 1}",
            "f:1:7: error: this string runs over a line break or holds a control character \
             (close it with `\"`, or write \\n)",
        ),
        ("{\"a\": \"\\x\"}", "f:1:7: error: this string holds an escape that JSON does not know"),
        ("{\"a\": 01}", "f:1:7: error: `01` is not a number as JSON writes it"),
        ("{\"a\": 1e}", "f:1:7: error: `1e` is not a number as JSON writes it"),
        ("{\"a\":\n {\"b\": 1", "f:2:9: error: the file ends before the `{` of line 2, column 2 is closed"),
        ("{} {}", "f:1:4: error: expected the end of the file after the closing bracket"),
        ("{\"\u{e9}\u{1f600}\": x}", "f:1:8: error: expected a value, found `x`; strings stand in \"\""),
    ];
    for (text, expected) in cases {
        assert_eq!(fault(text, Format::Json), expected, "in: {text}");
    }
    let deep = "[".repeat(1000);
    assert_eq!(fault(&deep, Format::Json), "f:1:129: error: nested deeper than 128 levels");
}

#[test]
fn a_mistake_in_yaml_is_shown_where_it_is() {
    let cases = [
        ("servers:\n  - a: 1\n   b: 2\n", "f:3:"),
        ("a: 1\n---\nb: 2\n", "f:2:1: error: a second document begins here"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "f:3:3: error: merge keys (`<<`) are not supported"),
        ("a: !mine b\n", "f:1:"),
        ("? [a]\n: b\n", "f:1:3: error: a key must be a single word or string"),
        ("a: *nothing\n", "f:1:4: error:"),
        ("a: &x [*x]\n", "f:1:8: error: this alias stands inside what it refers to"),
        ("", "f:1:1: error: expected an object, found nothing"),
    ];
    for (text, expected) in cases {
        let said = fault(text, Format::Yaml);
        assert!(said.starts_with(expected), "{said}\nshould begin: {expected}\nin: {text}");
    }
    let deep = "[".repeat(1000);
    assert!(fault(&deep, Format::Yaml).starts_with("f:1:"));
}

#[test]
fn aliases_can_not_make_a_small_file_huge() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let list = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{list}]\n"));
    }
    assert!(fault(&text, Format::Yaml).contains("aliases stand for more than 100000 values"));
}

#[test]
fn yaml_findings_have_their_lines_and_aliases_work() {
    let text = "
servers:
  - listeners:
      - &l
        name: one
        adress: 127.0.0.1:1
      - *l
";
    let said = parse(text, Format::Yaml, "f.yaml").diagnostics.to_string();
    let lines: Vec<&str> = said.lines().collect();
    assert!(
        lines[0].starts_with("f.yaml:5:9: error: servers[0].listeners[0]: this listener has no address"),
        "{said}"
    );
    assert!(lines.contains(
        &"f.yaml:6:9: warning: servers[0].listeners[1].adress: unknown key \"adress\" is ignored (did you mean \"address\"?)"
    ), "{said}");
}

#[test]
fn a_byte_order_mark_says_nothing() {
    let text = super::with("", "", "", "");
    let marked = format!("\u{feff}{text}");
    assert_eq!(super::clean(&marked), super::clean(&text));
    assert!(parse(&marked, Format::Yaml, "f").config.is_some());
}
