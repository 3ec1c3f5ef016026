//! Two runtimes that call each other over the loopback interface, each with a thread and a worker of its own, and the
//! application of the one that is called.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use axum::Router;
use mecha_component::Drivers;
use mecha_config::runtime as config;
use mecha_config::{Cluster, Config};
use mecha_metrics::Registry;
use mecha_proxy::{Listener, Snapshot, Worker, Workers};
use mecha_runtime::channel::AppChannel;
use mecha_runtime::channel::http::HttpChannel;
use mecha_runtime::network::Entrance;
use mecha_runtime::{Body, Clusters, Invocation, Network, Parts, Runtime, doors};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Runs `future` on a thread of its own, for as long as it goes on.
pub(crate) fn on_a_thread<F: Future<Output = ()>>(future: impl FnOnce() -> F + Send + 'static) {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(future());
    });
}

/// Serves `app` from now on; its address.
pub(crate) fn serve(app: Router) -> SocketAddr {
    let (tell, told) = mpsc::channel();
    on_a_thread(move || async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        tell.send(listener.local_addr().unwrap()).unwrap();
        axum::serve(listener, app).await.unwrap();
    });
    told.recv().unwrap()
}

/// The runtime of the application `id` on this thread, with its doors.
pub(crate) fn runtime(id: &str, change: impl FnOnce(&mut config::Runtime)) -> Arc<Runtime> {
    runtime_in(id, change, |_| ())
}

/// With something changed in the model of the process.
pub(crate) fn runtime_in(
    id: &str,
    change: impl FnOnce(&mut config::Runtime),
    house: impl FnOnce(&mut Config),
) -> Arc<Runtime> {
    let mut config = configuration(id);
    change(&mut config);
    let mut model = Config::default();
    doors::model(&config).merge(&mut model);
    house(&mut model);
    let snapshot = Snapshot::build(&model, None);
    let worker = Workers::new(1, Registry::new(1)).worker(0, &snapshot);
    for listener in &model.listeners {
        worker.open(Listener::new(listener, 0, true, Vec::new()));
    }
    worker.enter();
    let network = Network::default();
    network.open(vec![Entrance { worker: worker.clone(), tasks: Handle::current() }]);
    Runtime::new(Parts {
        config: Arc::new(config),
        drivers: Drivers { state: &[], pubsub: &[], secrets: &[] },
        network,
        tasks: Handle::current(),
        clusters: Arc::new(Live { worker, snapshot: Mutex::new(snapshot) }),
    })
}

/// Puts clusters into the snapshot of the only worker.
struct Live {
    worker: Arc<Worker>,
    snapshot: Mutex<Snapshot>,
}

impl Clusters for Live {
    fn put(&self, cluster: Cluster) {
        let mut snapshot = self.snapshot.lock();
        *snapshot = snapshot.with_cluster(&cluster);
        self.worker.set_snapshot(&snapshot);
    }
}

/// The runtime of `orders` with its internal server; the address of that. `None`: the application has no server.
pub(crate) fn callee(
    app: Option<SocketAddr>,
    change: impl FnOnce(&mut config::Runtime) + Send + 'static,
) -> SocketAddr {
    callee_with(app, change, |runtime| Arc::new(HttpChannel::new(runtime)))
}

/// With another channel to the application.
pub(crate) fn callee_with(
    app: Option<SocketAddr>,
    change: impl FnOnce(&mut config::Runtime) + Send + 'static,
    channel: impl FnOnce(&Arc<Runtime>) -> Arc<dyn AppChannel> + Send + 'static,
) -> SocketAddr {
    let (tell, told) = mpsc::channel();
    on_a_thread(move || async move {
        let runtime = runtime("orders", |config| {
            config.app.port = app.map(|app| app.port());
            change(config);
        });
        if app.is_some() {
            runtime.set_channel(channel(&runtime));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        tell.send(listener.local_addr().unwrap()).unwrap();
        axum::serve(listener, mecha_api_grpc::internal_router(runtime)).await.unwrap();
    });
    told.recv().unwrap()
}

/// The runtime of `shop` on this thread, which knows where `orders` is.
pub(crate) fn caller(orders: SocketAddr) -> Arc<Runtime> {
    runtime("shop", |config| {
        config.process.static_names.insert("orders".to_owned(), vec![orders.to_string()]);
    })
}

/// A call to `orders`.
pub(crate) fn to_orders(request: http::Request<Body>) -> Invocation {
    Invocation { target: "orders".to_owned(), request }
}

pub(crate) fn get(path: &str) -> http::Request<Body> {
    http::Request::get(path).body(Body::empty()).unwrap()
}

pub(crate) fn post(path: &str, body: Body) -> http::Request<Body> {
    http::Request::post(path).body(body).unwrap()
}

/// Fails when it takes too long.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap()
}

fn configuration(id: &str) -> config::Runtime {
    config::Runtime {
        identity: config::Identity {
            app_id: id.to_owned(),
            namespace: "here".to_owned(),
            ..Default::default()
        },
        process: config::Process { host_ip: Some([10, 1, 2, 3].into()), ..Default::default() },
        ..Default::default()
    }
}
