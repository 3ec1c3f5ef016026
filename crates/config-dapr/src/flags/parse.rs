//! From arguments to flags.

use std::ffi::OsString;

use mecha_base::names::nearest;

use super::table::{self, Definition, FLAGS, Instead, Takes};
use super::{FlagError, Flags, Parsed, value};

impl Flags {
    /// Reads the arguments after the command's name. Every word must belong to a flag.
    pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Parsed, FlagError> {
        let mut reader =
            Reader { args: args.into_iter(), flags: Flags::default(), instead: None, command: false };
        match reader.read()? {
            Some(word) => Err(FlagError::Unexpected { word: word.to_string_lossy().into_owned() }),
            None => Ok(reader.parsed()),
        }
    }

    /// Reads the arguments before a command: up to `--`, or to the first word that belongs to no flag. Returns the
    /// command and its arguments too. Flags may be letters here (`-a orders -p 8080`), as in Dapr's command line.
    pub fn parse_command(
        args: impl IntoIterator<Item = OsString>,
    ) -> Result<(Parsed, Vec<OsString>), FlagError> {
        let mut reader =
            Reader { args: args.into_iter(), flags: Flags::default(), instead: None, command: true };
        let mut command: Vec<OsString> = reader.read()?.into_iter().collect();
        command.extend(&mut reader.args);
        Ok((reader.parsed(), command))
    }
}

struct Reader<I> {
    args: I,
    flags: Flags,
    instead: Option<Instead>,
    /// Whether a command follows.
    command: bool,
}

impl<I: Iterator<Item = OsString>> Reader<I> {
    /// Reads flags; returns the word that is none.
    fn read(&mut self) -> Result<Option<OsString>, FlagError> {
        while let Some(word) = self.args.next() {
            let Some(text) = word.to_str().filter(|text| text.len() > 1 && text.starts_with('-')) else {
                return Ok(Some(word));
            };
            if text == "--" {
                return Ok(if self.command { None } else { self.args.next() });
            }
            let bare = text.strip_prefix("--").or_else(|| text.strip_prefix('-')).unwrap_or(text);
            let (name, given) = match bare.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (bare, None),
            };
            let flag = self.find(text, name)?;
            self.take(flag, given)?;
        }
        Ok(None)
    }

    fn find(&self, word: &str, name: &str) -> Result<&'static Definition, FlagError> {
        let mut letters = name.chars();
        if let (true, Some(letter), None) = (self.command, letters.next(), letters.next())
            && let Some(flag) = table::find_letter(letter)
        {
            return Ok(flag);
        }
        let name = if name == "h" { "help" } else { name };
        table::find(name).ok_or_else(|| FlagError::Unknown {
            flag: word.split('=').next().unwrap_or(word).to_owned(),
            nearest: nearest(name, FLAGS.iter().map(|flag| flag.name)).map(|name| format!("--{name}")),
        })
    }

    fn take(&mut self, flag: &'static Definition, given: Option<String>) -> Result<(), FlagError> {
        let name = format!("--{}", flag.name);
        let invalid = |value: &str| {
            let (flag, value) = (name.clone(), value.to_owned());
            move |problem| FlagError::Invalid { flag, value, problem }
        };
        let on = |given: Option<&str>| {
            let text = given.unwrap_or("true");
            value::switch(text).map_err(invalid(text))
        };
        match &flag.takes {
            Takes::Switch(set) => set(&mut self.flags, on(given.as_deref())?),
            Takes::SwitchLater => {
                if on(given.as_deref())? {
                    self.flags.later.push(name);
                }
            }
            Takes::Instead(instead) => {
                if on(given.as_deref())? {
                    self.instead = self.instead.max(Some(*instead));
                }
            }
            Takes::Value(form, set) => {
                let text = self.value(&name, form, given)?;
                set(&mut self.flags, &text).map_err(invalid(&text))?;
            }
            Takes::ValueLater(form, check) => {
                let text = self.value(&name, form, given)?;
                if !text.is_empty() {
                    check(&text).map_err(invalid(&text))?;
                    self.flags.later.push(format!("{name} {text}"));
                }
            }
        }
        Ok(())
    }

    /// The value of a flag: behind its `=`, or the next word, whatever that looks like (`--app-max-concurrency -1`).
    fn value(&mut self, flag: &str, form: &'static str, given: Option<String>) -> Result<String, FlagError> {
        if let Some(value) = given {
            return Ok(value);
        }
        let no_value = || FlagError::NoValue { flag: flag.to_owned(), form };
        let value = self.args.next().ok_or_else(no_value)?;
        value.into_string().map_err(|value| FlagError::Invalid {
            flag: flag.to_owned(),
            value: value.to_string_lossy().into_owned(),
            problem: "is not UTF-8 text".to_owned(),
        })
    }

    fn parsed(&mut self) -> Parsed {
        let flags = Box::new(std::mem::take(&mut self.flags));
        match self.instead {
            None => Parsed::Run(flags),
            Some(Instead::Wait) => Parsed::Wait(flags),
            Some(Instead::BuildInfo) => Parsed::BuildInfo,
            Some(Instead::Version) => Parsed::Version,
            Some(Instead::Help) => Parsed::Help,
        }
    }
}
