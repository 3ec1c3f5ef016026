//! Mistakes in a Configuration, each where it is, and what is taken with a warning.

use super::*;

#[test]
fn mistakes_are_shown_where_they_are() {
    let cases = [
        (
            "  tracing: {samplingRate: '2'}",
            "c1.yaml:5:27: error: spec.tracing.samplingRate: \"2\" is no sampling rate (write a share from \"0\" to \"1\")",
        ),
        (
            "  metric: {rules: [{name: m, labels: [{name: l, regex: {a: '('}}]}]}",
            "c1.yaml:5:60: error: spec.metric.rules[0].labels[0].regex.a: \"(\" is no regular expression: unclosed group",
        ),
        (
            "  metric: {latencyDistributionBuckets: [5, 5]}",
            "c1.yaml:5:40: error: spec.metric.latencyDistributionBuckets: these bounds do not rise \
             (write each bound once, the smallest first)",
        ),
        (
            "  metric: {latencyDistributionBuckets: [0]}",
            "c1.yaml:5:41: error: spec.metric.latencyDistributionBuckets[0]: a bound is more than zero milliseconds",
        ),
        (
            "  httpPipeline: {handlers: [{name: a}]}",
            "c1.yaml:5:29: error: spec.httpPipeline.handlers[0]: a handler needs a name and a type \
             (name a middleware component)",
        ),
        (
            "  secrets: {scopes: [{storeName: a}, {storeName: a}]}",
            "c1.yaml:5:38: error: spec.secrets.scopes[1]: \"a\" storeName is repeated in secrets configuration",
        ),
        (
            "  secrets: {scopes: [{storeName: a, defaultAccess: maybe}]}",
            "c1.yaml:5:52: error: spec.secrets.scopes[0].defaultAccess: \
             defaultAccess \"maybe\" can be either allow or deny",
        ),
        (
            "  accessControl: {policies: [{appId: a, trustDomain: t}]}",
            "c1.yaml:5:30: error: spec.accessControl.policies[0]: this policy has no namespace \
             (set namespace: it says who the caller is)",
        ),
        (
            "  accessControl: {defaultAction: ask}",
            "c1.yaml:5:34: error: spec.accessControl.defaultAction: \"ask\" can be either allow or deny",
        ),
        (
            "  api: {allowed: [{name: a, version: v1, protocol: tcp}]}",
            "c1.yaml:5:52: error: spec.api.allowed[0].protocol: \"tcp\" can be either http or grpc",
        ),
    ];
    for (spec, expected) in cases {
        let (settings, said) = load(spec);
        assert_eq!(said, [expected]);
        assert_eq!(settings, None);
    }
}

#[test]
fn what_is_unknown_is_taken_with_a_warning() {
    let (settings, said) = load("  traicing: {}\n  metric: {http: {increasedCardinalty: true}}");
    assert!(settings.is_some());
    assert_eq!(
        said,
        [
            "c1.yaml:5:3: warning: spec.traicing: unknown key \"traicing\" is ignored (did you mean \"tracing\"?)",
            "c1.yaml:6:19: warning: spec.metric.http.increasedCardinalty: unknown key \"increasedCardinalty\" is \
             ignored (did you mean \"increasedCardinality\"?)",
        ]
    );
    let component = "kind: Component\nspec: {type: a}\n";
    assert_eq!(
        load_files(&[component], &[]).1,
        ["c1.yaml:1:7: warning: kind: the kind Component is no Configuration and is ignored here \
          (other resources are loaded from the folders of --resources-path)"]
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let (settings, found) = load_configuration(&["/no/such.yaml".into()], &environment(&[]));
    assert_eq!(settings, None);
    assert_eq!(
        found.to_string(),
        "/no/such.yaml: error: can't be read: No such file or directory (os error 2) \
         (give a Configuration that exists with --config)\n"
    );
}
