//! Routers: virtual hosts, matches and actions (MOSN reference 1.7). Regular expressions are kept
//! compiled, so that a model that exists is a model that works.

use std::time::Duration;

use regex::Regex;

use crate::filter::StreamFilter;
use crate::proxy::Protocol;

/// A route table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Router {
    /// `router_config_name`; listeners refer to it.
    pub name: String,
    /// In configuration order.
    pub virtual_hosts: Vec<VirtualHost>,
    /// Applied after the virtual host's.
    pub headers: HeaderRules,
    /// Settings of stream filters where neither virtual host nor route has any.
    pub filters: Vec<StreamFilter>,
}

/// The routes of some domains.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VirtualHost {
    /// Shown by explain and in logs.
    pub name: String,
    /// Lower case: `host`, `host:port`, `host:*`, `*.suffix`, `*.suffix:port`, `*`.
    pub domains: Vec<String>,
    /// The first that matches is taken.
    pub routes: Vec<Route>,
    /// Applied after the route's.
    pub headers: HeaderRules,
    /// Settings of stream filters where the route has none.
    pub filters: Vec<StreamFilter>,
}

/// A match and what follows from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// What a request must look like.
    pub matcher: RouteMatch,
    /// What is done with it.
    pub action: Action,
    /// Settings of stream filters; they win over the listener's.
    pub filters: Vec<StreamFilter>,
}

/// What a request must look like: the path and every header.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RouteMatch {
    /// The path, without the query.
    pub path: PathMatch,
    /// All must hold.
    pub headers: Vec<HeaderMatch>,
}

/// How a path is compared.
#[derive(Clone, Debug, Default)]
pub enum PathMatch {
    /// Every path.
    #[default]
    Any,
    /// Paths that begin so; case-sensitive.
    Prefix(String),
    /// Equal, ignoring ASCII case.
    Exact(String),
    /// The expression occurs anywhere in the path.
    Regex(Regex),
}

impl PartialEq for PathMatch {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (PathMatch::Any, PathMatch::Any) => true,
            (PathMatch::Prefix(a), PathMatch::Prefix(b)) | (PathMatch::Exact(a), PathMatch::Exact(b)) => {
                a == b
            }
            (PathMatch::Regex(a), PathMatch::Regex(b)) => a.as_str() == b.as_str(),
            _ => false,
        }
    }
}

/// A header condition. The name `method` stands for the request method (reference 1.7 rule 3).
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderMatch {
    /// Lower case.
    pub name: String,
    /// What its value must be.
    pub value: ValueMatch,
}

/// What a value must be.
#[derive(Clone, Debug)]
pub enum ValueMatch {
    /// Anything, but it must be there.
    Present,
    /// Exactly this.
    Exact(String),
    /// The expression occurs anywhere in the value.
    Regex(Regex),
}

impl PartialEq for ValueMatch {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (ValueMatch::Present, ValueMatch::Present) => true,
            (ValueMatch::Exact(a), ValueMatch::Exact(b)) => a == b,
            (ValueMatch::Regex(a), ValueMatch::Regex(b)) => a.as_str() == b.as_str(),
            _ => false,
        }
    }
}

/// What is done with a request that matched.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Sent to a cluster.
    Forward(Box<Forward>),
    /// Answered here.
    Direct(DirectResponse),
    /// Sent elsewhere by the client.
    Redirect(Redirect),
}

/// How a request is sent to a cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forward {
    /// Where to.
    pub target: Target,
    /// What the cluster speaks; `None` = what the client speaks.
    pub upstream_protocol: Option<Protocol>,
    /// The global timeout, tries included; `None` = the default of 60 s for the response head.
    pub timeout: Option<Duration>,
    /// When and how often to try again.
    pub retry: RetryPolicy,
    /// Replaces the matched prefix (or exact path).
    pub prefix_rewrite: Option<String>,
    /// Replaces what the expression finds; `prefix_rewrite` wins.
    pub regex_rewrite: Option<RegexRewrite>,
    /// The authority that the upstream sees.
    pub host_rewrite: Option<String>,
    /// The authority that the upstream sees is the chosen host's name.
    pub auto_host_rewrite: bool,
    /// The authority that the upstream sees is this request header's value.
    pub auto_host_rewrite_header: Option<String>,
    /// Applied first, before the virtual host's and the router's.
    pub headers: HeaderRules,
    /// What consistent hashing looks at; the first entry counts.
    pub hash_policy: Vec<HashPolicy>,
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// Always this cluster.
    Cluster(String),
    /// One of these by weight; a weight of zero is never chosen.
    Weighted(Vec<WeightedCluster>),
    /// The cluster that this request header (lower case) names. The header goes no further.
    Header(String),
}

impl Default for Target {
    fn default() -> Self {
        Target::Cluster(String::new())
    }
}

/// One choice of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightedCluster {
    /// The cluster's name.
    pub name: String,
    /// Its share of the sum.
    pub weight: u32,
}

/// When and how often a request is tried again (reference 1.7 rule 10).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryPolicy {
    /// `retry_on`: retry on bad statuses, resets and per-try timeouts as well as on failed connections.
    pub on_failure: bool,
    /// `num_retries`; at least 3 tries are made after a failed connection in any case.
    pub retries: u32,
    /// `retry_timeout`: how long one try may take; `None` = as long as the whole request.
    pub try_timeout: Option<Duration>,
    /// Statuses that count as failures; empty = 500 and above.
    pub status_codes: Vec<u16>,
}

/// Replace by expression.
#[derive(Clone, Debug)]
pub struct RegexRewrite {
    /// What to find in the path.
    pub pattern: Regex,
    /// What to put there; `\1` refers to a group, as in RE2.
    pub substitution: String,
}

impl PartialEq for RegexRewrite {
    fn eq(&self, other: &Self) -> bool {
        self.pattern.as_str() == other.pattern.as_str() && self.substitution == other.substitution
    }
}

/// What a consistent-hash balancer looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashPolicy {
    /// A request header's value.
    Header(String),
    /// A cookie, made when absent.
    Cookie {
        /// Its name.
        name: String,
        /// Its path.
        path: String,
        /// How long it lives.
        ttl: Duration,
    },
    /// The client's address.
    SourceIp,
}

/// An answer given here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectResponse {
    /// 200 to 599.
    pub status: u16,
    /// Sent as text.
    pub body: String,
}

/// Sends the client elsewhere; the query is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redirect {
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
    /// Another path.
    pub path: Option<String>,
    /// Another host.
    pub host: Option<String>,
    /// Another scheme; a default port of the old one is dropped.
    pub scheme: Option<String>,
}

/// Header operations of one level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderRules {
    /// Added to requests.
    pub request_add: Vec<HeaderAdd>,
    /// Removed from requests; lower case.
    pub request_remove: Vec<String>,
    /// Added to responses.
    pub response_add: Vec<HeaderAdd>,
    /// Removed from responses; lower case.
    pub response_remove: Vec<String>,
}

impl HeaderRules {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.request_add.is_empty()
            && self.request_remove.is_empty()
            && self.response_add.is_empty()
            && self.response_remove.is_empty()
    }
}

/// A header to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderAdd {
    /// Lower case.
    pub name: String,
    /// May hold `%variable%`s.
    pub value: String,
    /// Beside a header of that name, or in its place.
    pub append: bool,
}
