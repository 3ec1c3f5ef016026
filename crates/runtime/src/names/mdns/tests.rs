//! Two resolvers on one host, over the loopback interface's multicast.

use super::*;

fn app(id: &str) -> AppName {
    AppName::parse(id, "").unwrap()
}

/// A name that no other run of the tests uses at the same time.
fn unique(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

#[tokio::test]
async fn an_application_that_is_announced_is_found_until_it_goes() {
    let id = unique("orders");
    let (there, here) =
        (Mdns::new(tokio::runtime::Handle::current()), Mdns::new(tokio::runtime::Handle::current()));
    let address: SocketAddr = "127.0.0.1:50002".parse().unwrap();
    there.announce(&id, address);
    assert_eq!(here.resolve(&app(&id)).await, Ok(vec![HostAddress::Tcp(address)]));

    let mut news = here.shared.news.subscribe();
    news.mark_unchanged();
    there.withdraw();
    let gone = async {
        while !here.shared.book.lock().addresses(&id, Instant::now()).is_empty() {
            news.changed().await.unwrap();
        }
    };
    timeout(Duration::from_secs(10), gone).await.unwrap();
}

#[tokio::test]
async fn an_application_that_nobody_announces_is_not_found() {
    let here = Mdns::new(tokio::runtime::Handle::current());
    let id = unique("nobody");
    let error = here.resolve(&app(&id)).await.unwrap_err();
    assert_eq!(error, format!("couldn't find service: {id}"));
}

#[test]
fn several_instances_are_told_apart_by_their_addresses() {
    let own = |port: u16| Own {
        service: service("orders"),
        instance: Name::new([format!("h:{port}").as_str(), "orders", "local"]),
        host: Name::new(["h", "local"]),
        app_id: "orders".to_owned(),
        address: SocketAddr::from(([10, 0, 0, 1], port)),
    };
    let (mut book, now) = (Book::default(), Instant::now());
    assert!(!book.read(&own(1).answer(TTL), now), "nobody asked");
    assert!(book.follow("orders", now).is_empty());
    book.read(&own(1).answer(TTL), now);
    book.read(&own(2).answer(TTL), now);
    assert_eq!(book.addresses("orders", now), [own(1).address, own(2).address]);
    book.read(&own(1).answer(0), now);
    assert_eq!(book.addresses("orders", now), [own(2).address]);
    assert!(book.addresses("orders", now + Duration::from_secs(61)).is_empty());
}

#[tokio::test]
async fn an_application_that_is_not_reached_has_no_address_until_it_says_one_again() {
    let id = unique("restarted");
    let here = Mdns::new(tokio::runtime::Handle::current());
    let own = |port: u16| Own {
        service: service(&id),
        instance: Name::new([format!("h:{port}").as_str(), id.as_str(), "local"]),
        host: Name::new(["h", "local"]),
        app_id: id.clone(),
        address: SocketAddr::from(([10, 0, 0, 1], port)),
    };
    let addresses = || here.shared.book.lock().addresses(&id, Instant::now());
    here.shared.book.lock().follow(&id, Instant::now());
    here.shared.hear(&own(1).answer(TTL));
    assert_eq!(addresses(), [own(1).address]);
    here.doubt(&app(&id));
    here.shared.hear(&own(2).answer(TTL));
    assert_eq!(addresses(), [own(2).address], "only where it is since it came back");
}
