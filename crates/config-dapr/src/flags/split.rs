//! The flags of the runtime among those of a command that has flags of its own (`mecha start`).

use std::ffi::OsString;

use super::Flags;
use super::table::{self, Takes};

impl Flags {
    /// Takes the runtime's flags out of `args`, each with its value: what is left, and what was taken. Names in `own` are
    /// the command's and stay; `renamed` gives other names for flags whose own name is taken.
    pub fn split(
        args: impl IntoIterator<Item = OsString>,
        own: &[&str],
        renamed: &[(&str, &str)],
    ) -> (Vec<OsString>, Vec<OsString>) {
        let (mut rest, mut taken) = (Vec::new(), Vec::new());
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let text = arg.to_str().unwrap_or_default();
            let bare = text.strip_prefix("--").or_else(|| text.strip_prefix('-')).unwrap_or_default();
            let (name, value) = match bare.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (bare, None),
            };
            let name = renamed
                .iter()
                .find(|(other, _)| *other == name)
                .map_or(if own.contains(&name) { "" } else { name }, |(_, name)| name);
            let Some(flag) = table::find(name).filter(|flag| !matches!(flag.takes, Takes::Instead(_))) else {
                rest.push(arg);
                continue;
            };
            match value {
                Some(value) => taken.push(OsString::from(format!("--{name}={value}"))),
                None => {
                    taken.push(OsString::from(format!("--{name}")));
                    if matches!(flag.takes, Takes::Value(..) | Takes::ValueLater(..)) {
                        taken.extend(args.next());
                    }
                }
            }
        }
        (rest, taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flag_goes_to_whose_it_is() {
        let words = |line: &str| line.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        let line = "-c mosn.json --app-id a --enable-mtls --log-level debug --dapr-config=c.yaml --app-port=8080 --strict";
        let (rest, taken) = Flags::split(words(line), &["config", "log-level"], &[("dapr-config", "config")]);
        assert_eq!(rest, words("-c mosn.json --log-level debug --strict"));
        assert_eq!(taken, words("--app-id a --enable-mtls --config=c.yaml --app-port=8080"));
    }
}
