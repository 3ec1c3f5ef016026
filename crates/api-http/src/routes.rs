//! Every route (reference 1.2), and how one is found: by the first two segments of the path, then segment by segment.
//! Routes of one path stand in the order they are tried in, so what is spelt out comes before what is a parameter.

mod table;

use futures_util::future::BoxFuture;
use mecha_config::runtime::Settings;

use crate::call::Call;
use crate::handlers::{health, invoke, later, metadata, publish, secrets, shutdown, state};
use crate::reply::Outcome;

pub(crate) use crate::edge::access::is_open;
pub(crate) use table::{Found, REST, Table};

/// A version of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    Alpha1,
    Alpha2,
    Beta1,
}

impl Version {
    /// As it stands in paths.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Version::V1 => "v1.0",
            Version::Alpha1 => "v1.0-alpha1",
            Version::Alpha2 => "v1.0-alpha2",
            Version::Beta1 => "v1.0-beta1",
        }
    }

    /// As access rules name it.
    pub(crate) const fn group(self) -> &'static str {
        match self {
            Version::V1 => "v1",
            Version::Alpha1 => "v1alpha1",
            Version::Alpha2 => "v1alpha2",
            Version::Beta1 => "v1beta1",
        }
    }
}

/// What answers a call.
pub(crate) type Handler = fn(Call) -> BoxFuture<'static, Outcome>;

/// A route.
pub(crate) struct Route {
    /// As access rules name it.
    pub(crate) group: &'static str,
    pub(crate) version: Version,
    /// Empty = any.
    pub(crate) methods: &'static [&'static str],
    /// The path after the version: `{name}` is a segment, `*` at the end one or more.
    pub(crate) template: &'static str,
    /// Of the endpoint, in logs and metrics.
    pub(crate) name: &'static str,
    pub(crate) handler: Handler,
}

impl Route {
    /// Whether it is one of the health checks: always open, not logged when the settings say so.
    pub(crate) fn is_health(&self) -> bool {
        self.group == "healthz"
    }

    /// Whether the public port has it too.
    pub(crate) fn is_public(&self) -> bool {
        self.is_health() || self.group == "metadata"
    }
}

const GET: &[&str] = &["GET"];
const POST: &[&str] = &["POST"];
const PUT: &[&str] = &["PUT"];
const DELETE: &[&str] = &["DELETE"];
const WRITE: &[&str] = &["POST", "PUT"];
const CRUD: &[&str] = &["GET", "POST", "PUT", "DELETE"];
const ANY: &[&str] = &[];

use Version::{Alpha1, Alpha2, Beta1, V1};

/// A line of [`ROUTES`].
const fn on(
    group: &'static str,
    version: Version,
    methods: &'static [&'static str],
    template: &'static str,
    name: &'static str,
    handler: Handler,
) -> Route {
    Route { group, version, methods, template, name, handler }
}

/// A handler made of an async function.
macro_rules! to {
    ($handler:path) => {
        |call| Box::pin($handler(call))
    };
}

/// The one that calls without a route go to.
pub(crate) static FALLBACK: Route = on("invoke", V1, ANY, "invoke/*", "InvokeService", to!(invoke::invoke));

/// Every route.
#[rustfmt::skip]
pub(crate) static ROUTES: &[Route] = &[
    on("state", V1, WRITE, "state/{storeName}", "SaveState", to!(state::save)),
    on("state", V1, WRITE, "state/{storeName}/bulk", "GetBulkState", to!(state::get_many)),
    on("state", V1, WRITE, "state/{storeName}/transaction", "ExecuteStateTransaction", to!(state::transact)),
    on("state", V1, GET, "state/{storeName}/{key}", "GetState", to!(state::get)),
    on("state", V1, DELETE, "state/{storeName}/{key}", "DeleteState", to!(state::delete)),
    on("state", Alpha1, WRITE, "state/{storeName}/query", "QueryStateAlpha1", to!(state::query)),
    on("publish", V1, WRITE, "publish/bulk/{pubsubname}/*", "BulkPublishEvent", to!(publish::publish_bulk)),
    on("publish", Alpha1, WRITE, "publish/bulk/{pubsubname}/*", "BulkPublishEventAlpha1", to!(publish::publish_bulk)),
    on("publish", V1, WRITE, "publish/{pubsubname}/*", "PublishEvent", to!(publish::publish)),
    on("invoke", V1, ANY, "invoke/*", "InvokeService", to!(invoke::invoke)),
    on("secrets", V1, GET, "secrets/{secretStoreName}/bulk", "GetBulkSecret", to!(secrets::get_all)),
    on("secrets", V1, GET, "secrets/{secretStoreName}/{key}", "GetSecret", to!(secrets::get)),
    on("metadata", V1, GET, "metadata", "GetMetadata", to!(metadata::get)),
    on("metadata", V1, PUT, "metadata/{key}", "PutMetadata", to!(metadata::put)),
    on("healthz", V1, GET, "healthz", "Healthz", to!(health::ready)),
    on("healthz", V1, GET, "healthz/outbound", "HealthzOutbound", to!(health::outbound)),
    on("shutdown", V1, POST, "shutdown", "Shutdown", to!(shutdown::shutdown)),

    on("bindings", V1, WRITE, "bindings/{name}", "InvokeBinding", to!(later::bindings)),
    on("configuration", V1, GET, "configuration/{storeName}", "GetConfiguration", to!(later::configuration)),
    on("configuration", Alpha1, GET, "configuration/{storeName}", "GetConfigurationAlpha1", to!(later::configuration)),
    on("configuration", V1, GET, "configuration/{storeName}/subscribe", "SubscribeConfiguration", to!(later::configuration)),
    on("configuration", Alpha1, GET, "configuration/{storeName}/subscribe", "SubscribeConfigurationAlpha1", to!(later::configuration)),
    on("configuration", V1, GET, "configuration/{storeName}/{configurationSubscribeID}/unsubscribe", "UnsubscribeConfiguration", to!(later::configuration)),
    on("configuration", Alpha1, GET, "configuration/{storeName}/{configurationSubscribeID}/unsubscribe", "UnsubscribeConfigurationAlpha1", to!(later::configuration)),
    on("lock", Alpha1, POST, "lock/{storeName}", "TryLockAlpha1", to!(later::locks)),
    on("unlock", Alpha1, POST, "unlock/{storeName}", "UnlockAlpha1", to!(later::locks)),
    on("crypto", Alpha1, PUT, "crypto/{name}/encrypt", "EncryptAlpha1", to!(later::crypto)),
    on("crypto", Alpha1, PUT, "crypto/{name}/decrypt", "DecryptAlpha1", to!(later::crypto)),
    on("subtlecrypto", Alpha1, POST, "subtlecrypto/{name}/getkey", "SubtleGetKeyAlpha1", to!(later::subtle_crypto)),
    on("subtlecrypto", Alpha1, POST, "subtlecrypto/{name}/encrypt", "SubtleEncryptAlpha1", to!(later::subtle_crypto)),
    on("subtlecrypto", Alpha1, POST, "subtlecrypto/{name}/decrypt", "SubtleDecryptAlpha1", to!(later::subtle_crypto)),
    on("subtlecrypto", Alpha1, POST, "subtlecrypto/{name}/wrapkey", "SubtleWrapKeyAlpha1", to!(later::subtle_crypto)),
    on("subtlecrypto", Alpha1, POST, "subtlecrypto/{name}/unwrapkey", "SubtleUnwrapKeyAlpha1", to!(later::subtle_crypto)),
    on("subtlecrypto", Alpha1, POST, "subtlecrypto/{name}/sign", "SubtleSignAlpha1", to!(later::subtle_crypto)),
    on("subtlecrypto", Alpha1, POST, "subtlecrypto/{name}/verify", "SubtleVerifyAlpha1", to!(later::subtle_crypto)),
    on("actors", V1, WRITE, "actors/{actorType}/{actorId}/state", "ExecuteActorStateTransaction", to!(later::actors)),
    on("actors", V1, CRUD, "actors/{actorType}/{actorId}/method/{method}", "InvokeActor", to!(later::actors)),
    on("actors", V1, GET, "actors/{actorType}/{actorId}/state/{key}", "GetActorState", to!(later::actors)),
    on("actors", V1, CRUD, "actors/{actorType}/{actorId}/reminders/{name}", "ActorReminder", to!(later::actors)),
    on("actors", V1, &["POST", "PUT", "DELETE"], "actors/{actorType}/{actorId}/timers/{name}", "ActorTimer", to!(later::actors)),
    on("workflows", Alpha1, GET, "workflows/{workflowComponent}/{instanceID}", "GetWorkflowAlpha1", to!(later::workflows)),
    on("workflows", Alpha1, POST, "workflows/{workflowComponent}/{instanceID}/raiseEvent/{eventName}", "RaiseEventWorkflowAlpha1", to!(later::workflows)),
    on("workflows", Alpha1, POST, "workflows/{workflowComponent}/{workflowName}/start", "StartWorkflowAlpha1", to!(later::workflows)),
    on("workflows", Alpha1, POST, "workflows/{workflowComponent}/{instanceID}/pause", "PauseWorkflowAlpha1", to!(later::workflows)),
    on("workflows", Alpha1, POST, "workflows/{workflowComponent}/{instanceID}/resume", "ResumeWorkflowAlpha1", to!(later::workflows)),
    on("workflows", Alpha1, POST, "workflows/{workflowComponent}/{instanceID}/terminate", "TerminateWorkflowAlpha1", to!(later::workflows)),
    on("workflows", Alpha1, POST, "workflows/{workflowComponent}/{instanceID}/purge", "PurgeWorkflowAlpha1", to!(later::workflows)),
    on("workflows", Beta1, GET, "workflows/{workflowComponent}/{instanceID}", "GetWorkflowBeta1", to!(later::workflows)),
    on("workflows", Beta1, POST, "workflows/{workflowComponent}/{instanceID}/raiseEvent/{eventName}", "RaiseEventWorkflowBeta1", to!(later::workflows)),
    on("workflows", Beta1, POST, "workflows/{workflowComponent}/{workflowName}/start", "StartWorkflowBeta1", to!(later::workflows)),
    on("workflows", Beta1, POST, "workflows/{workflowComponent}/{instanceID}/pause", "PauseWorkflowBeta1", to!(later::workflows)),
    on("workflows", Beta1, POST, "workflows/{workflowComponent}/{instanceID}/resume", "ResumeWorkflowBeta1", to!(later::workflows)),
    on("workflows", Beta1, POST, "workflows/{workflowComponent}/{instanceID}/terminate", "TerminateWorkflowBeta1", to!(later::workflows)),
    on("workflows", Beta1, POST, "workflows/{workflowComponent}/{instanceID}/purge", "PurgeWorkflowBeta1", to!(later::workflows)),
    on("workflows", V1, GET, "workflows/{workflowComponent}/{instanceID}", "GetWorkflow", to!(later::workflows)),
    on("workflows", V1, POST, "workflows/{workflowComponent}/{instanceID}/raiseEvent/{eventName}", "RaiseEventWorkflow", to!(later::workflows)),
    on("workflows", V1, POST, "workflows/{workflowComponent}/{workflowName}/start", "StartWorkflow", to!(later::workflows)),
    on("workflows", V1, POST, "workflows/{workflowComponent}/{instanceID}/pause", "PauseWorkflow", to!(later::workflows)),
    on("workflows", V1, POST, "workflows/{workflowComponent}/{instanceID}/resume", "ResumeWorkflow", to!(later::workflows)),
    on("workflows", V1, POST, "workflows/{workflowComponent}/{instanceID}/terminate", "TerminateWorkflow", to!(later::workflows)),
    on("workflows", V1, POST, "workflows/{workflowComponent}/{instanceID}/purge", "PurgeWorkflow", to!(later::workflows)),
    on("jobs", V1, &["POST", "GET", "DELETE"], "jobs/{name}", "Job", to!(later::jobs)),
    on("jobs", Alpha1, &["POST", "GET", "DELETE"], "jobs/{name}", "JobAlpha1", to!(later::jobs)),
    on("conversation", Alpha1, POST, "conversation/{name}/converse", "ConverseAlpha1", to!(later::conversation)),
    on("conversation", Alpha2, POST, "conversation/{name}/converse", "ConverseAlpha2", to!(later::conversation)),
];

/// The routes that are open on the API port.
pub(crate) fn open(settings: &Settings) -> Table {
    Table::of(ROUTES.iter().filter(|route| is_open(route, settings)))
}

/// The routes of the public port.
pub(crate) fn public() -> Table {
    Table::of(ROUTES.iter().filter(|route| route.is_public()))
}
