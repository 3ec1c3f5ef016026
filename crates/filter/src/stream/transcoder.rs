//! `transcoder` (MOSN reference 1.6): chooses what a request becomes on its way to the upstream. It only chooses; the
//! exchange converts request and answer where they meet the upstream ([`crate::transcode`]).

use mecha_config::filter::Transcoder;
use mecha_route::header_fits;

use crate::{Choice, Next, Phase, StreamFilter, View};

impl StreamFilter for Transcoder {
    fn phase(&self) -> Phase {
        Phase::AfterRoute
    }

    fn on_request(&self, view: &mut View<'_>) -> Next {
        let fitting =
            self.rules.iter().find(|rule| rule.headers.iter().all(|wanted| header_fits(wanted, view.head)));
        if let Some(rule) = fitting {
            *view.conversion = Some(Choice { protocol: rule.protocol, conversion: rule.conversion.clone() });
        }
        Next::Continue
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytestring::ByteString;
    use fastrand::Rng;
    use mecha_config::Protocol;
    use mecha_config::filter::{Conversion, TranscoderRule};
    use mecha_config::route::{HeaderMatch, ValueMatch};
    use mecha_http::{Headers, Method, RequestHead, Version};

    use super::*;

    fn rule(value: Option<&str>, protocol: Protocol) -> TranscoderRule {
        let header =
            |value: &str| HeaderMatch { name: "x-to".to_owned(), value: ValueMatch::Exact(value.to_owned()) };
        let headers = value.map(header).into_iter().collect();
        TranscoderRule { headers, protocol, conversion: Arc::new(Conversion::default()) }
    }

    fn chosen(rules: Vec<TranscoderRule>, to: &str) -> Option<Protocol> {
        let mut headers = Headers::new();
        headers.append("x-to", to.as_bytes()).unwrap();
        let mut head = RequestHead {
            version: Version::Http11,
            method: Method::POST,
            authority: ByteString::from_static("a"),
            target: ByteString::from_static("/"),
            headers,
            rpc: None,
        };
        let mut conversion = None;
        let rng = &mut Rng::with_seed(1);
        let view = &mut View { head: &mut head, cluster: None, rng, conversion: &mut conversion };
        assert_eq!(Transcoder { rules }.on_request(view), Next::Continue);
        conversion.map(|choice| choice.protocol)
    }

    #[test]
    fn the_first_rule_that_fits_is_chosen() {
        let rules = || vec![rule(Some("dubbo"), Protocol::Dubbo), rule(Some("bolt"), Protocol::Bolt)];
        assert_eq!(chosen(rules(), "dubbo"), Some(Protocol::Dubbo));
        assert_eq!(chosen(rules(), "bolt"), Some(Protocol::Bolt));
        assert_eq!(chosen(rules(), "other"), None);
        let all = vec![rule(None, Protocol::BoltV2), rule(Some("bolt"), Protocol::Bolt)];
        assert_eq!(chosen(all, "bolt"), Some(Protocol::BoltV2));
    }
}
