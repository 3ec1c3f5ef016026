//! A runtime with its gRPC API, in this process, and how its errors are read.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dapr::dapr::proto::runtime::v1::dapr_client::DaprClient;
use dapr::google::rpc::Status as RpcStatus;
use mecha_component::pubsub::DynPubSub;
use mecha_component::secrets::{Metadata, Secret, SecretStore};
use mecha_component::state::DynStateStore;
use mecha_component::{Driver, Drivers, Error, ErrorKind, Properties, Result, memory};
use mecha_config::Config;
use mecha_config::runtime as config;
use mecha_config::runtime::Component;
use mecha_metrics::Registry;
use mecha_proxy::{Listener, Snapshot, Worker, Workers};
use mecha_runtime::clusters::Nowhere;
use mecha_runtime::network::Entrance;
use mecha_runtime::{Loaded, Network, Parts, Runtime, doors};
use prost::Message;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tonic::Status;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};

static STATE: [Driver<dyn DynStateStore>; 1] = [memory::STATE];
static PUBSUB: [Driver<dyn DynPubSub>; 1] = [memory::PUBSUB];

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The runtime of the application `orders`, with the components `statestore`, `pubsub` and `vault`.
pub(crate) struct Sidecar {
    pub(crate) runtime: Arc<Runtime>,
    router: axum::Router,
    _worker: Option<Arc<Worker>>,
}

impl Sidecar {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    /// With another configuration.
    pub(crate) async fn with(change: impl FnOnce(&mut config::Runtime)) -> Self {
        let mut config = configuration();
        change(&mut config);
        let network = Network::default();
        let worker = config.app.port.is_some().then(|| house(&config, &network));
        let parts = Parts {
            config: Arc::new(config),
            drivers: Drivers { state: &STATE, pubsub: &PUBSUB, secrets: &[] },
            network,
            tasks: Handle::current(),
            clusters: Arc::new(Nowhere),
        };
        let runtime = Runtime::new(parts);
        runtime.load_components().await.unwrap();
        runtime.components().change(|snapshot| {
            let config = Component::new("vault", "secretstores.test");
            let loaded = Loaded { config, properties: Properties::default(), driver: Arc::new(Vault) as _ };
            snapshot.secrets.insert("vault".to_owned(), Arc::new(loaded));
        });
        let router = mecha_api_grpc::router(runtime.clone());
        Sidecar { runtime, router, _worker: worker }
    }

    /// For an application that serves gRPC at `address`.
    pub(crate) async fn before(address: SocketAddr, change: impl FnOnce(&mut config::Runtime)) -> Self {
        let sidecar = Self::with(|config| {
            config.app.port = Some(address.port());
            config.app.protocol = config::AppProtocol::Grpc;
            change(config);
        })
        .await;
        let channel = mecha_api_grpc::GrpcChannel::new(&sidecar.runtime);
        sidecar.runtime.set_channel(Arc::new(channel));
        sidecar
    }

    pub(crate) fn client(&self) -> DaprClient<axum::Router> {
        DaprClient::new(self.router.clone())
    }

    /// Its API behind a socket, until the test ends.
    pub(crate) async fn serve(&self) -> String {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let server = Server::builder().add_routes(Routes::from(self.router.clone()));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(socket)));
        format!("http://{address}")
    }

    /// A client that comes by HTTP/2 over a socket.
    pub(crate) async fn connected(&self) -> DaprClient<Channel> {
        DaprClient::connect(self.serve().await).await.unwrap()
    }

    pub(crate) fn router(&self) -> axum::Router {
        self.router.clone()
    }
}

/// A worker of this thread with the runtime's doors.
fn house(config: &config::Runtime, network: &Network) -> Arc<Worker> {
    let mut model = Config::default();
    doors::model(config).merge(&mut model);
    let worker = Workers::new(1, Registry::new(1)).worker(0, &Snapshot::build(&model, None));
    for listener in &model.listeners {
        worker.open(Listener::new(listener, 0, false, Vec::new()));
    }
    network.open(vec![Entrance { worker: worker.clone(), tasks: Handle::current() }]);
    worker
}

fn configuration() -> config::Runtime {
    let components =
        vec![Component::new("statestore", "state.in-memory"), Component::new("pubsub", "pubsub.in-memory")];
    config::Runtime {
        identity: config::Identity { app_id: "orders".to_owned(), ..Default::default() },
        apis: config::Apis { max_body: 64 << 10, ..Default::default() },
        process: config::Process { version: "1.18.3".to_owned(), ..Default::default() },
        resources: config::Resources { components, ..Default::default() },
        ..Default::default()
    }
}

/// The secret `db` with two keys.
struct Vault;

impl SecretStore for Vault {
    async fn get(&self, name: &str, metadata: &Metadata) -> Result<Secret> {
        let all = self.get_all(metadata).await?;
        let missing = || Error::new(ErrorKind::NotFound, format!("secret {name} not found"));
        all.get(name).cloned().ok_or_else(missing)
    }

    async fn get_all(&self, _: &Metadata) -> Result<BTreeMap<String, Secret>> {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let secret = Secret::from([pair("user", "me"), pair("password", "1234")]);
        Ok([("db".to_owned(), secret)].into())
    }
}

/// The first of the details that is an `ErrorInfo`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ErrorInfo {
    #[prost(string, tag = "1")]
    pub(crate) reason: String,
    #[prost(string, tag = "2")]
    pub(crate) domain: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(crate) metadata: BTreeMap<String, String>,
}

/// What a failed call says in `grpc-status-details-bin`.
pub(crate) fn details(status: &Status) -> RpcStatus {
    RpcStatus::decode(status.details()).unwrap()
}

pub(crate) fn error_info(status: &Status) -> ErrorInfo {
    let details = details(status);
    assert_eq!((details.code, details.message.as_str()), (status.code() as i32, status.message()));
    let info = details.details.iter().find(|any| any.type_url == "type.googleapis.com/google.rpc.ErrorInfo");
    ErrorInfo::decode(&*info.unwrap().value).unwrap()
}

/// Fails when it takes too long.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap()
}
