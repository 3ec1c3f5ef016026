//! Header operations of a router, virtual host or route (reference 1.7). What could not be sent is refused
//! here, so that the request path need not look again.

use mecha_config::route::{HeaderAdd, HeaderRules};
use mecha_document::{Node, Object, shortened};

/// The four lists.
pub(super) fn rules(fields: &Object<'_>) -> HeaderRules {
    let added = |key| fields.each(key, add);
    let removed = |key| fields.each(key, |node| name(Some(node), node));
    HeaderRules {
        request_add: added("request_headers_to_add"),
        request_remove: removed("request_headers_to_remove"),
        response_add: added("response_headers_to_add"),
        response_remove: removed("response_headers_to_remove"),
    }
}

fn add(node: Node<'_>) -> Option<HeaderAdd> {
    let fields = node.object()?;
    let append = fields.get("append").and_then(Node::flag).unwrap_or(true);
    let Some(header) = fields.object("header") else {
        node.error_with("there is no header to add", "write \"header\": {\"key\": ..., \"value\": ...}");
        return None;
    };
    let name = name(header.get("key"), header.node());
    let value = header.text_at("value");
    if let Some((node, text)) = value
        && text.contains(['\r', '\n', '\0'])
    {
        node.error("a header's value can't hold a line break or a NUL (RFC 9110 section 5.5)");
    }
    let value = value.map_or("", |(_, text)| text).to_owned();
    Some(HeaderAdd { name: name?, value, append })
}

/// A header's name in lower case. A leading `:` is HTTP/2's own and can't be touched.
pub(super) fn name(node: Option<Node<'_>>, parent: Node<'_>) -> Option<String> {
    let Some(node) = node else {
        parent.error("the header's name is missing");
        return None;
    };
    let text = node.string()?;
    if text.is_empty() || !text.bytes().all(is_token) {
        let message = format!("\"{}\" is not a header's name (RFC 9110 section 5.1)", shortened(text));
        node.error_with(message, "use letters, digits and -");
        return None;
    }
    Some(text.to_ascii_lowercase())
}

/// `tchar` of RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A cookie's name, which is a token too (RFC 6265 section 4.1.1) but keeps its case.
pub(super) fn cookie_name(fields: &Object<'_>) -> Option<String> {
    let Some((node, text)) = fields.text_at("name") else {
        fields.node().error("the cookie's name is missing");
        return None;
    };
    if !text.bytes().all(is_token) {
        node.error(format!("\"{}\" is not a cookie's name", shortened(text)));
        return None;
    }
    Some(text.to_owned())
}
