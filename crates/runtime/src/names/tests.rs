//! What is remembered, for how long, and who has to wait.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[derive(Default)]
struct Put(Mutex<Vec<Cluster>>);

impl Clusters for Put {
    fn put(&self, cluster: Cluster) {
        self.0.lock().push(cluster);
    }
}

/// Answers with as many hosts as it was asked before, beginning with none.
#[derive(Default)]
struct Counting(AtomicUsize);

impl Resolver for Counting {
    fn resolve(&self, app: &AppName) -> BoxFuture<'static, Result<Vec<HostAddress>, String>> {
        let count = self.0.fetch_add(1, Ordering::SeqCst);
        let host = |n: usize| HostAddress::Tcp(SocketAddr::from(([127, 0, 0, 1], 1000 + n as u16)));
        let hosts = (0..count).map(host).collect::<Vec<_>>();
        let why = format!("couldn't find service: {}", app.id);
        async move { if hosts.is_empty() { Err(why) } else { Ok(hosts) } }.boxed()
    }
}

fn names(put: &Arc<Put>) -> (Names, Arc<Counting>) {
    let resolver = Arc::new(Counting::default());
    let inner = Inner {
        resolver: resolver.clone(),
        fixed: Fixed::default(),
        mdns: None,
        host: IpAddr::from([10, 0, 0, 1]),
        clusters: put.clone(),
        tasks: tokio::runtime::Handle::current(),
        table: Mutex::default(),
        services: Mutex::default(),
    };
    (Names(Arc::new(inner)), resolver)
}

#[test]
fn a_name_is_an_id_and_perhaps_a_namespace() {
    let app = AppName::parse("orders", "mine").unwrap();
    assert_eq!((&*app.id, &*app.namespace), ("orders", "mine"));
    let app = AppName::parse("orders.theirs", "mine").unwrap();
    assert_eq!((&*app.id, &*app.namespace, &*app.to_string()), ("orders", "theirs", "orders.theirs"));
    for (text, why) in
        [("", "app id is empty"), ("a.b.c", "invalid app id a.b.c"), ("a/b", "invalid app id a/b")]
    {
        assert_eq!(AppName::parse(text, "").unwrap_err(), why);
    }
}

#[tokio::test]
async fn only_the_first_call_to_an_application_asks() {
    let put = Arc::new(Put::default());
    let (names, resolver) = names(&put);
    let app = AppName::parse("orders", "").unwrap();
    let both = [names.find(&app), names.find(&app)];
    let missed = futures_util::future::join_all(both).await;
    assert!(missed.iter().all(|found| found.as_ref().unwrap_err() == "couldn't find service: orders"));
    assert!(names.find(&app).await.is_err());
    assert_eq!(resolver.0.load(Ordering::SeqCst), 1, "an absence is remembered for a moment");

    names.0.table.lock().get_mut(&app).unwrap().absent = None;
    let known = names.find(&app).await.unwrap();
    assert_eq!(known.header, "dapr.invoke/orders");
    names.find(&app).await.unwrap();
    assert_eq!(resolver.0.load(Ordering::SeqCst), 2);
    let put: Vec<_> = put.0.lock().clone();
    assert_eq!((put.len(), put[0].hosts.len(), put[0].speaks), (1, 1, Some(Speaks::Dapr)));
}

#[tokio::test]
async fn an_older_answer_is_used_while_it_is_looked_up_again() {
    let put = Arc::new(Put::default());
    let (names, resolver) = names(&put);
    let app = AppName::parse("orders", "").unwrap();
    resolver.0.store(1, Ordering::SeqCst);
    names.find(&app).await.unwrap();
    names.0.table.lock().get_mut(&app).unwrap().known.as_mut().unwrap().1 -= REFRESH;
    let known = names.find(&app).await.unwrap();
    assert_eq!(known.cluster.hosts.len(), 1);
    let asking = names.0.table.lock().get(&app).unwrap().asking.clone().unwrap();
    asking.await.unwrap();
    assert_eq!(names.find(&app).await.unwrap().cluster.hosts.len(), 2);

    names.doubt(&app);
    assert_eq!(names.find(&app).await.unwrap().cluster.hosts.len(), 3, "doubt asks anew");
}
