//! Paths of URLs as Go's servers clean them: what names a resource stays, whoever wrote it how.

use std::borrow::Cow;

/// The path without empty segments, `.` and `..`, with a slash before it and none at its end (but `/` stays). Escapes are
/// not looked into: a path is cleaned after it was decoded, or instead.
pub fn clean(path: &str) -> Cow<'_, str> {
    let is_odd = |segment: &str| matches!(segment, "" | "." | "..");
    let is_clean = |rest: &str| !rest.split('/').any(is_odd);
    if path == "/" || path.strip_prefix('/').is_some_and(is_clean) {
        return Cow::Borrowed(path);
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    Cow::Owned(format!("/{}", kept.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned() {
        for (path, cleaned) in [
            ("/", "/"),
            ("", "/"),
            ("/v1.0/healthz", "/v1.0/healthz"),
            ("/v1.0/healthz/", "/v1.0/healthz"),
            ("//v1.0//state/./s/../t", "/v1.0/state/t"),
            ("/../..", "/"),
            ("/a%2F%2Fb", "/a%2F%2Fb"),
            ("*", "/*"),
        ] {
            assert_eq!(clean(path), cleaned, "{path}");
        }
    }
}
