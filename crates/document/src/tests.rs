//! Streams of documents: where each begins, that one that is wrong leaves the others alone, and values for others.

use proptest::prelude::*;
use serde_json::json;

use crate::{Document, Findings, Format, Node};

/// The documents of a stream as JSON with the line of their first value, and what was said.
fn stream(text: &str) -> (Vec<(u32, serde_json::Value)>, String) {
    let findings = Findings::default();
    let documents = Document::parse_all(text, "f", &findings);
    let values = documents.iter().map(|document| (document.root().line(), document.root().json())).collect();
    drop(documents);
    (values, findings.finish().to_string())
}

#[test]
fn lines_of_dashes_part_documents() {
    let text = "\u{feff}# first\na: 1\n---\nb: 2\n--- # third\n---\n\n--- {c: 3}\n---x: 4\n";
    let (values, said) = stream(text);
    // `---x` begins no document: it is a key of the last one, which does not go on after its brackets.
    assert_eq!(values, [(2, json!({"a": 1})), (4, json!({"b": 2}))]);
    assert!(said.starts_with("f:9:"), "{said}");
    let (values, said) = stream("%YAML 1.2\n# c\n---\na: 1\n...\n---\r\nb: 2\r\n");
    assert_eq!((values, said.as_str()), (vec![(4, json!({"a": 1})), (7, json!({"b": 2}))], ""));
    let block = "a: |\n  x\n  ---\n  y\n---\nb: 1\n";
    assert_eq!(stream(block).0, [(1, json!({"a": "x\n---\ny\n"})), (6, json!({"b": 1}))]);
    assert_eq!(stream(""), (Vec::new(), String::new()));
    assert_eq!(stream("---\n---\n# nothing\n"), (Vec::new(), String::new()));
}

#[test]
fn a_document_that_is_wrong_leaves_the_others_alone() {
    let (values, said) = stream("a: 1\n---\nb: [\n---\nc: *nothing\n---\nd: 4\n");
    assert_eq!(values, [(1, json!({"a": 1})), (7, json!({"d": 4}))]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].starts_with("f:3:") || lines[0].starts_with("f:4:"), "{said}");
    assert!(lines[1].starts_with("f:5:4: error:"), "{said}");
}

#[test]
fn findings_in_later_documents_have_their_lines() {
    let findings = Findings::default();
    let documents = Document::parse_all("a: 1\n---\nb:\n  c: x\n", "f", &findings);
    let second = documents[1].root().object().unwrap();
    second.object("b").unwrap().get("c").unwrap().flag();
    drop(second);
    drop(documents);
    assert_eq!(
        findings.finish().to_string(),
        "f:4:6: error: b.c: expected true or false, found the string \"x\"\n"
    );
}

#[test]
fn values_become_texts() {
    let findings = Findings::default();
    let text = "[a, 1, 1.50, true, null, {b: [1]}, \"\"]";
    let document = Document::parse(text, Format::Yaml, "f", &findings).unwrap();
    let plain: Vec<String> = document.root().items().map(Node::plain).collect();
    assert_eq!(plain, ["a", "1", "1.50", "true", "", r#"{"b":[1]}"#, ""]);
}

#[test]
fn errors_of_a_part_can_become_warnings() {
    let findings = Findings::default();
    let document = Document::parse("{a: 1, b: 2}", Format::Yaml, "f", &findings).unwrap();
    let values: Vec<_> = document.root().entries().map(|(_, value)| value).collect();
    values[0].error("wrong");
    let mark = findings.mark();
    assert!(!findings.soften(mark, "left out: "));
    values[1].error("wrong too");
    assert!(findings.failed(mark));
    assert!(findings.soften(mark, "left out: ") && !findings.failed(mark));
    drop(document);
    assert_eq!(
        findings.finish().to_string(),
        "f:1:5: error: a: wrong\nf:1:11: warning: b: left out: wrong too\n"
    );
}

proptest! {
    #[test]
    fn a_stream_is_read_as_its_parts_are(parts in prop::collection::vec("[a-z]{1,5}", 1..6)) {
        let documents: Vec<String> = parts.iter().map(|part| format!("k: \"{part}\"\n")).collect();
        let (values, said) = stream(&documents.join("---\n"));
        prop_assert_eq!(said, "");
        let values: Vec<_> = values.into_iter().map(|(_, value)| value).collect();
        let expected: Vec<_> = parts.iter().map(|part| json!({"k": part})).collect();
        prop_assert_eq!(values, expected);
    }
}
