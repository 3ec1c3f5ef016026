//! One route as it runs: its conditions, its action, and the header operations of its three levels.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use mecha_config::StreamFilter;
use mecha_config::route::{Action, Route};
use mecha_http::{RequestHead, ResponseHead};

use crate::forward::ForwardPlan;
use crate::local::{DirectReply, RedirectPlan};
use crate::matcher::Matcher;
use crate::rules::Rules;
use crate::variables::Vars;

/// One route.
#[derive(Debug)]
pub struct RouteEntry {
    /// Its place among the routes of its virtual host, from 0.
    pub number: u32,
    /// What is done with a request that matched.
    pub action: RouteAction,
    matcher: Matcher,
    rules: Option<Box<Rules>>,
    host_rules: Option<Arc<Rules>>,
    router_rules: Option<Arc<Rules>>,
    filters: Option<Arc<Vec<StreamFilter>>>,
}

/// What is done with a request that matched.
#[derive(Debug)]
pub enum RouteAction {
    /// Sent to a cluster.
    Forward(ForwardPlan),
    /// Answered here.
    Direct(DirectReply),
    /// Sent elsewhere by the client.
    Redirect(RedirectPlan),
}

/// What the routes of one table share while it is built.
#[derive(Default)]
pub(crate) struct Building {
    pub(crate) router_rules: Option<Arc<Rules>>,
    pub(crate) host_rules: Option<Arc<Rules>>,
    pub(crate) filters: Option<Arc<Vec<StreamFilter>>>,
    names: HashMap<Box<str>, Arc<str>, RandomState>,
}

impl Building {
    /// One copy of a cluster's name for all routes that use it.
    pub(crate) fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        let shared: Arc<str> = name.into();
        self.names.insert(name.into(), shared.clone());
        shared
    }
}

/// Settings of stream filters at one level, with those of the level above for filters that have none here.
pub(crate) fn settings(
    own: &[StreamFilter],
    above: Option<&Arc<Vec<StreamFilter>>>,
) -> Option<Arc<Vec<StreamFilter>>> {
    if own.is_empty() {
        return above.cloned();
    }
    let is_own = |filter: &&StreamFilter| own.iter().any(|own| own.name() == filter.name());
    let inherited = above.into_iter().flat_map(|above| above.iter()).filter(|filter| !is_own(filter));
    Some(Arc::new(own.iter().chain(inherited).cloned().collect()))
}

impl RouteEntry {
    pub(crate) fn build(number: u32, route: &Route, building: &mut Building) -> Self {
        let mut rules = None;
        let action = match &route.action {
            Action::Forward(forward) => {
                rules = Rules::build(&forward.headers).map(Box::new);
                RouteAction::Forward(ForwardPlan::build(forward, building))
            }
            Action::Direct(direct) => RouteAction::Direct(DirectReply::build(direct)),
            Action::Redirect(redirect) => RouteAction::Redirect(RedirectPlan::build(redirect)),
        };
        RouteEntry {
            number,
            action,
            matcher: Matcher::build(&route.matcher),
            rules,
            host_rules: building.host_rules.clone(),
            router_rules: building.router_rules.clone(),
            filters: settings(&route.filters, building.filters.as_ref()),
        }
    }

    /// The settings of a stream filter for requests of this route; `None` = those of the listener. Routes win over virtual
    /// hosts, and those over routers (reference 1.7).
    pub fn filter(&self, name: &str) -> Option<&StreamFilter> {
        self.filters.as_ref()?.iter().find(|filter| filter.name() == name)
    }

    /// What the request must look like, in words.
    pub fn condition(&self) -> String {
        self.matcher.to_string()
    }

    /// The plan, when requests are forwarded.
    pub fn forward(&self) -> Option<&ForwardPlan> {
        match &self.action {
            RouteAction::Forward(plan) => Some(plan),
            _ => None,
        }
    }

    /// Changes a request head once, before its first try: header operations of route, virtual host and router in this
    /// order, then the authority, then the path (reference 1.7 rules 5 and 8). The old path goes into
    /// `x-mosn-original-path`; the query stays. An authority that follows the chosen host is set for each try
    /// by [`ForwardPlan::rewrite_authority`].
    pub fn rewrite_request(&self, head: &mut RequestHead, vars: &Vars<'_>) {
        for rules in self.levels() {
            rules.request.apply_to_request(head, vars);
        }
        let RouteAction::Forward(plan) = &self.action else { return };
        if let Some(rewrite) = plan.rewrite() {
            rewrite.apply(head, self.matcher.replaces(head.path()));
        }
    }

    /// Changes a response head before it is sent to the client: header operations of route, virtual host and router.
    pub fn rewrite_response(&self, head: &mut ResponseHead, vars: &Vars<'_>) {
        for rules in self.levels() {
            rules.response.apply_to_response(head, vars);
        }
    }

    pub(crate) fn matcher(&self) -> &Matcher {
        &self.matcher
    }

    fn levels(&self) -> impl Iterator<Item = &Rules> {
        let levels = [self.rules.as_deref(), self.host_rules.as_deref(), self.router_rules.as_deref()];
        levels.into_iter().flatten()
    }
}
