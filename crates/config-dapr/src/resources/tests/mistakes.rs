//! Every mistake has its file and line, all of them at once.

use super::*;

#[test]
fn duplicates_are_said_in_daprs_words() {
    let text = "
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: foo
spec:
  type: secretstores.local.file
  version: v1
---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: foo
spec:
  type: state.in-memory
  version: v1
---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: foo
spec:
  type: pubsub.in-memory
  version: v1
";
    let folder = Folder::with(&[("r.yaml", text)]);
    let loaded = load_resources(&[folder.path().to_path_buf()], &identity());
    assert!(loaded.resources.is_none());
    assert_eq!(
        loaded.fatal().unwrap(),
        "duplicate definition of Component name foo (state.in-memory/v1) with existing foo (secretstores.local.file/v1)\n\
         duplicate definition of Component name foo (pubsub.in-memory/v1) with existing foo (secretstores.local.file/v1)"
    );
    let said = folder.lines(&loaded.diagnostics.to_string());
    assert!(
        said[0].starts_with("r.yaml:13:9: error: metadata.name: duplicate definition of Component"),
        "{said:?}"
    );
}

#[test]
fn a_name_may_be_that_of_another_kind_or_of_another_application() {
    let subscription = "apiVersion: dapr.io/v2alpha1\nkind: Subscription\nmetadata: {name: foo}\n\
        spec: {pubsubname: b, topic: t, routes: {default: /}}\n";
    let text = format!("{}---\n{subscription}", component("foo", ""));
    assert_eq!(clean(&text).subscriptions.len(), 1);
    let scoped = format!(
        "{}---\n{}",
        component("foo", "scopes: [checkout]\n"),
        component("foo", "scopes: [orders]\n")
    );
    assert_eq!(names(&clean(&scoped)), ["foo"]);
    let twice = format!(
        "{subscription}---\n{}",
        subscription.replace("v2", "v1").replace("routes: {default: /}", "route: /")
    );
    assert_eq!(
        load(&twice).1,
        [
            "r.yaml:8:18: error: metadata.name: duplicate definition of Subscription name foo with existing foo"
        ]
    );
}

#[test]
fn a_document_that_can_not_be_read_names_file_and_line_and_the_others_are_still_checked() {
    let text = format!(
        "{}---\na: [1\nb: 2\n---\napiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {{name: b}}\nspec:\n  typ: state.redis\n",
        component("a", "")
    );
    let (resources, said) = load(&text);
    assert!(resources.is_none());
    assert!(said[0].starts_with("r.yaml:7:"), "{said:?}");
    assert_eq!(
        said[1..],
        [
            "r.yaml:13:3: error: spec: this component has no type (set spec.type, for example state.redis)",
            "r.yaml:13:3: warning: spec.typ: unknown key \"typ\" is ignored (did you mean \"type\"?)",
        ]
    );
}

/// Each case is a kind, the rest of a resource, and the one line that is said of it.
fn said_of(cases: &[(&str, &str, &str)]) {
    for (kind, rest, expected) in cases {
        let text = format!("apiVersion: dapr.io/v1alpha1\nkind: {kind}\n{rest}");
        let (_, said) = load(&text);
        assert_eq!(said, [*expected], "in:\n{text}");
    }
}

#[test]
fn mistakes_in_components_are_shown_where_they_are() {
    said_of(&[
        ("Component", "spec: {type: a}", "r.yaml:1:1: error: this Component has no name (set metadata.name)"),
        (
            "Component",
            "metadata: {name: a/b}\nspec: {type: a}",
            "r.yaml:3:18: error: metadata.name: invalid name \"a/b\" for \"Component\": may not contain '/'",
        ),
        (
            "Component",
            "metadata: {name: ..}\nspec: {type: a}",
            "r.yaml:3:18: error: metadata.name: invalid name \"..\" for \"Component\": may not be '..'",
        ),
        ("Component", "metadata: {name: a}", "r.yaml:1:1: error: this Component has no spec (add spec)"),
        (
            "Component",
            "metadata: {name: a}\nspec: {type: a, initTimeout: 5}",
            "r.yaml:4:30: error: spec.initTimeout: \"5\": the unit is missing; write for example \"5s\" or \"5ms\"",
        ),
        (
            "Component",
            "metadata: {name: a}\nspec: {type: a, metadata: {a: b}}",
            "r.yaml:4:27: error: spec.metadata: expected a list, found an object",
        ),
        (
            "Component",
            "metadata: {name: a}\nspec: {type: a, metadata: [{value: b}]}",
            "r.yaml:4:28: error: spec.metadata[0]: this entry has no name (set name)",
        ),
    ]);
}

#[test]
fn mistakes_in_subscriptions_and_endpoints_are_shown_where_they_are() {
    said_of(&[
        (
            "Subscription",
            "metadata: {name: a}\nspec: {topic: t, route: /}",
            "r.yaml:4:7: error: spec: this subscription has no pubsubname (set spec.pubsubname)",
        ),
        (
            "Subscription",
            "metadata: {name: a}\nspec: {topic: t, pubsubname: p}",
            "r.yaml:4:7: warning: spec: this subscription has no route: its messages reach nobody (set spec.route)",
        ),
        (
            "HTTPEndpoint",
            "metadata: {name: a}\nspec: {}",
            "r.yaml:4:7: error: spec: this endpoint has no URL (set spec.baseUrl, for example http://pay.example:8080)",
        ),
        (
            "HTTPEndpoint",
            "metadata: {name: a}\nspec: {baseUrl: pay.example}",
            "r.yaml:4:17: error: spec.baseUrl: \"pay.example\" is no URL of an HTTP service \
             (write http://host:port or https://host:port)",
        ),
        (
            "HTTPEndpoint",
            "metadata: {name: a}\nspec: {baseUrl: http://a, clientTLS: {renegotiation: Never}}",
            "r.yaml:4:38: warning: spec.clientTLS: \"clientTLS\" is not available yet and has no effect",
        ),
    ]);
}

#[test]
fn documents_that_are_left_out_are_named() {
    let cases = [
        (
            "dapr.io/v1alpha1",
            "MCPServer",
            "r.yaml:2:7: warning: kind: the kind MCPServer is not available yet and is ignored",
        ),
        (
            "dapr.io/v1alpha1",
            "WorkflowAccessPolicy",
            "r.yaml:2:7: warning: kind: the kind WorkflowAccessPolicy is not available yet and is ignored",
        ),
        (
            "dapr.io/v1alpha1",
            "Configuration",
            "r.yaml:2:7: warning: kind: a Configuration is not read from a folder of resources \
             (name its file with --config)",
        ),
        (
            "dapr.io/v1alpha1",
            "Componnent",
            "r.yaml:2:7: warning: kind: the kind \"Componnent\" is unknown and is ignored \
             (there are Component, Subscription, Resiliency and HTTPEndpoint)",
        ),
        (
            "v1alpha1",
            "Component",
            "r.yaml:1:13: warning: apiVersion: this Component has the apiVersion \"v1alpha1\" and is ignored \
             (write apiVersion: dapr.io/v1alpha1)",
        ),
    ];
    for (version, kind, expected) in cases {
        let (resources, said) =
            load(&format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\nspec: {{}}\n"));
        assert_eq!(said, [expected]);
        assert_eq!(resources, Some(Resources::default()));
    }
}

#[test]
fn files_and_folders_that_are_no_resources_are_said() {
    let (resources, said) = load_for(&identity(), &[("store.json", "{}"), ("a.yaml", "")]);
    assert_eq!(
        said,
        [
            "store.json: warning: is no YAML file and is not loaded (resources are in files that end in .yaml or .yml)"
        ]
    );
    assert!(resources.is_some());
    let loaded = load_resources(&["/no/such/folder".into()], &identity());
    assert_eq!(
        loaded.diagnostics.to_string(),
        "/no/such/folder: error: can't be read: No such file or directory (os error 2) \
         (give a folder that exists with --resources-path)\n"
    );
    assert_eq!(
        loaded.fatal().unwrap(),
        "/no/such/folder: can't be read: No such file or directory (os error 2) \
         (give a folder that exists with --resources-path)"
    );
}
