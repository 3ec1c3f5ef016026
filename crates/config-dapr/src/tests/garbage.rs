//! Nothing that a file or an argument can hold makes a reader panic, and its verdict is always one of two.

use proptest::prelude::*;

use super::{Folder, environment};
use crate::resources::load_resources;
use crate::{Flags, load_configuration, load_multi};

const FILE: &str = "f.yaml";

/// A file that every reader finds something in.
const SOUND: &str = "version: 1
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: a, namespace: b}
apps: [{appDirPath: ., command: [x], env: {A: 1}}]
spec: {type: state.redis, metadata: [{name: a, value: {b: [1]}}], tracing: {samplingRate: '1'},
  policies: {retries: {a: {policy: exponential, matching: {httpStatusCodes: '1-2'}}}}, topic: t}
scopes: [orders]
---
kind: Resiliency
apiVersion: dapr.io/v1alpha1
metadata: {name: r}
spec: {policies: {timeouts: {a: 1s}, circuitBreakers: {c: {trip: x}}}, targets: {apps: {a: {retry: a}}}}
";

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ": ",
        "\n",
        " ",
        "  ",
        "- ",
        "---\n",
        "--- ",
        "...\n",
        "%YAML 1.2\n",
        "&a ",
        "*a",
        "? ",
        "|\n",
        "null",
        "true",
        "0",
        "-1",
        "kind: Component\n",
        "kind: Resiliency\n",
        "spec: ",
        "metadata: ",
        "name: ",
        "apiVersion: dapr.io/v1alpha1\n",
        "apps: ",
        "common: ",
        "\"",
        "'",
        "$A",
        "${",
        "!!str ",
        "<<",
        "\u{e9}",
        "\u{feff}",
        "#",
        "\t",
        "\r\n",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// Every reader of files on this text.
fn read(text: &str) {
    let folder = Folder::with(&[(FILE, text)]);
    let file = folder.path().join(FILE);
    let identity = mecha_config::runtime::Identity { app_id: "orders".to_owned(), ..Default::default() };
    let loaded = load_resources(&[folder.path().to_path_buf()], &identity);
    assert_eq!(loaded.resources.is_none(), loaded.diagnostics.has_errors(), "{}", loaded.diagnostics);
    let env = environment(&[("A", "x: [")]);
    let (settings, found) = load_configuration(std::slice::from_ref(&file), &env);
    assert_eq!(settings.is_none(), found.has_errors(), "{found}");
    let (run, found) = load_multi(&file, &env);
    assert_eq!(run.is_none(), found.has_errors(), "{found}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn pieces_do_not_panic(text in pieces()) {
        read(&text);
    }

    #[test]
    fn damaged_files_do_not_panic(at in any::<prop::sample::Index>(), length in 0usize..30, new in pieces()) {
        let mut text = SOUND.to_owned();
        let start = at.index(text.len());
        let end = (start + length).min(text.len());
        text.replace_range(start..end, &new);
        read(&text);
    }

    #[test]
    fn arguments_do_not_panic(words in prop::collection::vec("-{0,3}[a-z-]{0,9}(=.{0,9})?", 0..9)) {
        let _ = Flags::parse(words.iter().map(Into::into));
        let _ = Flags::parse_command(words.iter().map(Into::into));
    }
}
