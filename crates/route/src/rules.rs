//! Header operations of one level (route, virtual host or router), made ready to run. Additions come before
//! removals, as in MOSN.
//!
//! The fields that frame a message belong to the codecs: operations on `Content-Length` and `Transfer-Encoding`, and the
//! removal of `Host`, are left out.

use bytestring::ByteString;
use mecha_config::route::{HeaderAdd, HeaderRules};
use mecha_http::{Headers, RequestHead, ResponseHead};

use crate::rewrite::set_authority;
use crate::template::Template;
use crate::variables::Vars;

/// Operations on requests and responses.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) request: Operations,
    pub(crate) response: Operations,
}

/// Operations on one kind of message.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    add: Box<[Add]>,
    remove: Box<[Box<str>]>,
}

#[derive(Debug)]
struct Add {
    name: Box<str>,
    value: Template,
    append: bool,
}

impl Rules {
    /// The operations; `None` when there are none.
    pub(crate) fn build(rules: &HeaderRules) -> Option<Rules> {
        if rules.is_empty() {
            return None;
        }
        Some(Rules {
            request: Operations::build(&rules.request_add, &rules.request_remove),
            response: Operations::build(&rules.response_add, &rules.response_remove),
        })
    }
}

impl Operations {
    fn build(add: &[HeaderAdd], remove: &[String]) -> Self {
        let addition = |add: &HeaderAdd| Add {
            name: add.name.to_ascii_lowercase().into(),
            value: Template::parse(&add.value),
            append: add.append,
        };
        let removal = |name: &String| Box::from(name.to_ascii_lowercase());
        Operations {
            add: add.iter().map(addition).filter(|add| !frames(&add.name)).collect(),
            remove: remove.iter().map(removal).filter(|name| !frames(name) && !is_host(name)).collect(),
        }
    }

    pub(crate) fn apply_to_request(&self, head: &mut RequestHead, vars: &Vars<'_>) {
        for add in &self.add {
            if is_host(&add.name) {
                let value = add.render(&Vars { request: Some(head), ..*vars }, None);
                if let Ok(value) = ByteString::try_from(value) {
                    set_authority(head, value);
                }
                continue;
            }
            match &add.value {
                // The usual case: nothing to fill in, so nothing is copied but the field itself.
                Template::Text(text) => add.put(&mut head.headers, text.as_bytes()),
                Template::Parts(_) => {
                    let value = add.render(&Vars { request: Some(head), ..*vars }, None);
                    add.put(&mut head.headers, &value);
                }
            }
        }
        self.remove_from(&mut head.headers);
    }

    pub(crate) fn apply_to_response(&self, head: &mut ResponseHead, vars: &Vars<'_>) {
        for add in &self.add {
            match &add.value {
                Template::Text(text) => add.put(&mut head.headers, text.as_bytes()),
                Template::Parts(_) => {
                    let value = add.render(vars, Some(head));
                    add.put(&mut head.headers, &value);
                }
            }
        }
        self.remove_from(&mut head.headers);
    }

    fn remove_from(&self, headers: &mut Headers) {
        for name in &self.remove {
            headers.remove(name);
        }
    }
}

impl Add {
    fn render(&self, vars: &Vars<'_>, response: Option<&ResponseHead>) -> Vec<u8> {
        self.value.render(vars, response)
    }

    fn put(&self, headers: &mut Headers, value: &[u8]) {
        // A value that came out with bytes that HTTP forbids is left out: better no field than a smuggled one.
        let _ = if self.append { headers.append(&self.name, value) } else { headers.set(&self.name, value) };
    }
}

fn frames(name: &str) -> bool {
    matches!(name, "content-length" | "transfer-encoding")
}

fn is_host(name: &str) -> bool {
    matches!(name, "host" | ":authority")
}
