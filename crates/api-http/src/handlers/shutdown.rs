//! The end of the process, as an API caller asks for it.

use crate::call::Call;
use crate::reply::{Outcome, empty};

/// `POST /v1.0/shutdown`. The answer leaves before the end: a drain lets it, and a forced end waits a moment.
pub(crate) async fn shutdown(call: Call) -> Outcome {
    let forced = call.header("dapr-force-shutdown").eq_ignore_ascii_case("true");
    call.runtime.shutdown().request(forced);
    Ok(empty())
}
