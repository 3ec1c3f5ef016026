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
