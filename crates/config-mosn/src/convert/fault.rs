//! The stream filter `fault` (reference 1.6).

use mecha_config::filter::{Fault, FaultAbort, FaultDelay};
use mecha_document::Object;

use super::matcher;

/// Its settings.
pub(super) fn fault(fields: &Object<'_>) -> Fault {
    Fault {
        delay: fields.object("delay").and_then(|fields| delay(&fields)),
        abort: fields.object("abort").and_then(|fields| abort(&fields)),
        upstream_cluster: fields.text("upstream_cluster").map(str::to_owned),
        headers: matcher::headers(fields),
    }
}

fn delay(fields: &Object<'_>) -> Option<FaultDelay> {
    let percentage = percentage(fields);
    let time = fields.duration("fixed_delay");
    if time.is_none() && fields.get("fixed_delay").is_none() {
        fields.node().warn_with("without a \"fixed_delay\" nothing waits", "set for example \"1s\"");
    }
    Some(FaultDelay { percentage: percentage?, time: time? })
}

fn abort(fields: &Object<'_>) -> Option<FaultAbort> {
    let percentage = percentage(fields);
    let Some(status) = fields.get("status") else {
        fields.node().warn_with("without a \"status\" nothing is answered", "set for example 503");
        return None;
    };
    Some(FaultAbort { percentage: percentage?, status: status.whole(200, 599)? })
}

/// Of a hundred; absent means none, as in MOSN.
fn percentage(fields: &Object<'_>) -> Option<u32> {
    match fields.get("percentage") {
        Some(node) => node.whole(0, 100),
        None => {
            fields.node().warn_with("without a \"percentage\" it is 0, and nothing happens", "set 1 to 100");
            Some(0)
        }
    }
}
