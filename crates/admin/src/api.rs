//! The endpoints, one file each, in one table. A new one is a new file and a line here.

mod config_dump;
mod disable_log;
mod enable_log;
mod env;
mod explain;
mod features;
mod get_loglevel;
mod help;
mod metrics;
mod plugin;
mod states;
mod stats;
mod stats_glob;
mod update_loglevel;
mod version;

use hyper::{Method, StatusCode};

use crate::context::AdminContext;
use crate::reply::Reply;
use crate::request::Request;

/// One path.
pub(crate) struct Endpoint {
    path: &'static str,
    /// With which methods it can be asked.
    pub(crate) methods: Methods,
    /// One line for the list of paths; an alias has none and is not listed.
    help: &'static str,
    /// Makes the answer.
    pub(crate) handle: fn(&Request, &AdminContext) -> Reply,
}

/// The methods that an endpoint can be asked with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Methods {
    /// It tells.
    Get,
    /// It changes something.
    Post,
    /// MOSN does not look at the method.
    Either,
}

/// Every path, in the order in which they are listed.
const ENDPOINTS: [Endpoint; 16] = [
    config_dump::ENDPOINT,
    disable_log::ENDPOINT,
    disable_log::TUTORIAL,
    enable_log::ENDPOINT,
    env::ENDPOINT,
    explain::ENDPOINT,
    features::ENDPOINT,
    get_loglevel::ENDPOINT,
    plugin::ENDPOINT,
    states::ENDPOINT,
    stats::ENDPOINT,
    stats_glob::ENDPOINT,
    update_loglevel::ENDPOINT,
    version::ENDPOINT,
    metrics::ENDPOINT,
    help::ENDPOINT,
];

/// The endpoint of a path.
pub(crate) fn find(path: &str) -> Option<&'static Endpoint> {
    const { &ENDPOINTS }.iter().find(|endpoint| endpoint.path == path)
}

/// The answer to a path that nobody has: what there is instead.
pub(crate) fn unknown(path: &str) -> Reply {
    Reply::text(format!("there is no {path}\n{}", help::list())).with_status(StatusCode::NOT_FOUND)
}

impl Methods {
    /// HEAD is a GET whose body stays here.
    pub(crate) fn allow(self, method: &Method) -> bool {
        let get = *method == Method::GET || *method == Method::HEAD;
        match self {
            Methods::Get => get,
            Methods::Post => *method == Method::POST,
            Methods::Either => get || *method == Method::POST,
        }
    }

    /// As an `Allow` header lists them.
    pub(crate) fn names(self) -> &'static str {
        match self {
            Methods::Get => "GET, HEAD",
            Methods::Post => "POST",
            Methods::Either => "GET, HEAD, POST",
        }
    }
}
