//! Arguments the way MOSN takes them. Go's flag package makes no difference between one dash and two (`-config x`,
//! `--config=x`, `--c x`), and does not join short flags; clap does. `main` passes every argument through here.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Commands whose flags are Dapr's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// `mecha daprd`, or the binary under the name `daprd`.
    Daprd,
    /// `mecha run`.
    Run,
}

/// The command and what follows it, when its flags are Dapr's: those are read by other rules than the rest.
pub(crate) fn foreign(args: &[OsString]) -> Option<(Foreign, Vec<OsString>)> {
    let (program, rest) = args.split_first()?;
    if Path::new(program).file_name().is_some_and(|name| name == "daprd") {
        return Some((Foreign::Daprd, rest.to_vec()));
    }
    let (command, rest) = rest.split_first()?;
    let foreign = match command.to_str()? {
        "daprd" => Foreign::Daprd,
        "run" => Foreign::Run,
        _ => return None,
    };
    Some((foreign, rest.to_vec()))
}

/// The same arguments with two dashes before a long name and one before a letter. The program's name and whatever
/// follows `--` stay as they are, and so do negative numbers.
pub(crate) fn normalise(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut args = args.into_iter();
    let mut out: Vec<OsString> = args.next().into_iter().collect();
    let mut literal = false;
    for arg in args {
        literal |= arg == "--";
        out.push(if literal { arg } else { flag(arg) });
    }
    out
}

/// One argument, rewritten when it is a flag with the other number of dashes.
fn flag(arg: OsString) -> OsString {
    let bytes = arg.as_bytes();
    let body = bytes.strip_prefix(b"--").or_else(|| bytes.strip_prefix(b"-")).unwrap_or_default();
    let dashes = bytes.len() - body.len();
    let name = body.split(|&byte| byte == b'=').next().unwrap_or_default();
    match (dashes, name) {
        (_, [first, ..]) if !first.is_ascii_alphabetic() => arg,
        (1, [_, _, ..]) => dashed("--", body),
        (2, [_]) => dashed("-", body),
        _ => arg,
    }
}

fn dashed(dashes: &str, body: &[u8]) -> OsString {
    let mut out = OsString::from(dashes);
    out.push(OsStr::from_bytes(body));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn daprs_commands_keep_their_arguments() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        let daprd = Some((Foreign::Daprd, words("-app-id a --mode=standalone")));
        assert_eq!(foreign(&words("/usr/bin/daprd -app-id a --mode=standalone")), daprd);
        assert_eq!(foreign(&words("mecha daprd -app-id a --mode=standalone")), daprd);
        assert_eq!(foreign(&words("mecha run -f x")), Some((Foreign::Run, words("-f x"))));
        assert_eq!(foreign(&words("mecha start -c x")), None);
    }

    fn normalised(line: &str) -> String {
        let args = normalise(line.split(' ').map(OsString::from));
        args.iter().map(|arg| arg.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn dashes_count_for_nothing() {
        for (given, expected) in [
            ("mecha start -c x", "mecha start -c x"),
            ("mecha start --c x", "mecha start -c x"),
            ("mecha start -c=x", "mecha start -c=x"),
            ("mecha start --c=x", "mecha start -c=x"),
            ("mecha start -config x", "mecha start --config x"),
            ("mecha start --config=x", "mecha start --config=x"),
            ("mecha start -config=a=b", "mecha start --config=a=b"),
            ("mecha start -sm k=v", "mecha start --sm k=v"),
            ("mecha start -sm=-k=v", "mecha start --sm=-k=v"),
            ("mecha start -disable-hot-restart=false", "mecha start --disable-hot-restart=false"),
            ("mecha -h", "mecha -h"),
            ("mecha -help", "mecha --help"),
            ("mecha start -restart-epoch -10", "mecha start --restart-epoch -10"),
            ("mecha start - -- -config --c", "mecha start - -- -config --c"),
            ("-mecha start", "-mecha start"),
        ] {
            assert_eq!(normalised(given), expected, "{given}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_kept() {
        let path = OsStr::from_bytes(b"-config=\xff").to_owned();
        let args = normalise([OsString::from("mecha"), path]);
        assert_eq!(args[1].as_bytes(), b"--config=\xff");
    }
}
