//! Header values with variables in them, taken apart once. A percent sign that begins no variable stands for itself;
//! `%%` and `\%` are one percent sign.

use mecha_http::ResponseHead;

use crate::variables::{Variable, Vars};

/// A value that may hold variables.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Template {
    /// Nothing to fill in.
    Text(Box<str>),
    /// Put together for each message.
    Parts(Box<[Part]>),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Text(Box<str>),
    Variable(Variable),
}

impl Template {
    pub(crate) fn parse(value: &str) -> Template {
        let mut parts: Vec<Part> = Vec::new();
        let mut text = String::new();
        let mut rest = value;
        while let Some(at) = rest.find('%') {
            let (before, after) = rest.split_at(at);
            let after = after.strip_prefix('%').unwrap_or_default();
            if let Some(before) = before.strip_suffix('\\') {
                text.extend([before, "%"]);
                rest = after;
                continue;
            }
            text.push_str(before);
            match after.split_once('%') {
                Some(("", tail)) => {
                    text.push('%');
                    rest = tail;
                }
                Some((name, tail)) if is_name(name) => {
                    if !text.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut text).into()));
                    }
                    parts.push(Part::Variable(Variable::named(name)));
                    rest = tail;
                }
                _ => {
                    text.push('%');
                    rest = after;
                }
            }
        }
        text.push_str(rest);
        if parts.is_empty() {
            return Template::Text(text.into());
        }
        if !text.is_empty() {
            parts.push(Part::Text(text.into()));
        }
        Template::Parts(parts.into())
    }

    /// Calls `use_it` with the value for this message.
    pub(crate) fn with<R>(
        &self,
        vars: &Vars<'_>,
        response: Option<&ResponseHead>,
        use_it: impl FnOnce(&[u8]) -> R,
    ) -> R {
        match self {
            Template::Text(text) => use_it(text.as_bytes()),
            Template::Parts(parts) => use_it(&render(parts, vars, response)),
        }
    }

    /// The value for this message.
    pub(crate) fn render(&self, vars: &Vars<'_>, response: Option<&ResponseHead>) -> Vec<u8> {
        self.with(vars, response, <[u8]>::to_vec)
    }
}

fn render(parts: &[Part], vars: &Vars<'_>, response: Option<&ResponseHead>) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    for part in parts {
        match part {
            Part::Text(text) => out.extend_from_slice(text.as_bytes()),
            Part::Variable(variable) => variable.write(vars, response, &mut out),
        }
    }
    out
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}
