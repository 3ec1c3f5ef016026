//! Multicast DNS (RFC 6762) as Dapr uses it (reference 3.7): an application is a service whose type is its id in the
//! domain `local.`, and whose port is that of the internal server. One socket, and one task of it, announce the own
//! application, answer questions and listen for what others say. IPv4 only.

mod book;
mod socket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use mecha_codec::mdns::{Data, Kind, Message, Name, Question, Record};
use mecha_config::cluster::HostAddress;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::{AppName, Resolver, host_name};
use book::Book;
use socket::Socket;

/// How long records hold, in seconds.
const TTL: u32 = 120;
/// When the question is asked again; the last pause is waited out.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(150),
    Duration::from_millis(350),
    Duration::from_millis(700),
    Duration::from_millis(800),
];
/// How long others may take that answer the same question, once one did.
const OTHERS: Duration = Duration::from_millis(20);
/// How long a look in the background listens, when somebody is known already.
const WINDOW: Duration = Duration::from_secs(1);
/// When the own application is announced again after the first time (RFC 6762 section 8.3).
const ANNOUNCE_AGAIN: Duration = Duration::from_secs(1);

/// The resolver, and the responder for the own application.
pub(super) struct Mdns {
    tasks: tokio::runtime::Handle,
    shared: Arc<Shared>,
    listener: Mutex<Option<AbortHandle>>,
}

struct Shared {
    socket: Mutex<Option<Arc<Socket>>>,
    own: Mutex<Option<Own>>,
    book: Mutex<Book>,
    /// Changes whenever the book does.
    news: watch::Sender<u64>,
}

/// The own application.
#[derive(Clone)]
struct Own {
    service: Name,
    instance: Name,
    host: Name,
    app_id: String,
    address: SocketAddr,
}

impl Mdns {
    pub(super) fn new(tasks: tokio::runtime::Handle) -> Arc<Self> {
        let shared = Shared {
            socket: Mutex::default(),
            own: Mutex::default(),
            book: Mutex::default(),
            news: watch::Sender::new(0),
        };
        Arc::new(Mdns { tasks, shared: Arc::new(shared), listener: Mutex::default() })
    }

    /// Announces the own application.
    pub(super) fn announce(&self, app_id: &str, address: SocketAddr) {
        let host = host_name();
        let instance = format!("{}:{}", host.split('.').next().unwrap_or_default(), std::process::id());
        let own = Own {
            service: service(app_id),
            instance: Name::new([instance.as_str(), app_id, "local"]),
            host: Name::new(host.split('.').chain(["local"])),
            app_id: app_id.to_owned(),
            address,
        };
        let answer = own.answer(TTL);
        *self.shared.own.lock() = Some(own);
        let Some(socket) = self.socket() else { return };
        self.tasks.spawn(async move {
            socket.send(&answer).await;
            sleep(ANNOUNCE_AGAIN).await;
            socket.send(&answer).await;
        });
    }

    /// Says that the own application goes.
    pub(super) fn withdraw(&self) {
        let own = self.shared.own.lock().take();
        if let (Some(own), Some(socket)) = (own, self.shared.socket.lock().clone()) {
            socket.send_now(&own.answer(0));
        }
    }

    /// The socket; opened, and its task started, at the first use. `None` when it can't be had, which is logged.
    fn socket(&self) -> Option<Arc<Socket>> {
        let mut socket = self.shared.socket.lock();
        if socket.is_none() {
            let _entered = self.tasks.enter();
            match Socket::open() {
                Ok(opened) => {
                    let opened = Arc::new(opened);
                    let listener = self.tasks.spawn(listen(self.shared.clone(), opened.clone()));
                    *self.listener.lock() = Some(listener.abort_handle());
                    *socket = Some(opened);
                }
                Err(error) => tracing::warn!("name resolution: mDNS is not available: {error}"),
            }
        }
        socket.clone()
    }
}

impl Drop for Mdns {
    fn drop(&mut self) {
        self.withdraw();
        if let Some(listener) = self.listener.lock().take() {
            listener.abort();
        }
    }
}

impl Resolver for Mdns {
    fn resolve(&self, app: &AppName) -> BoxFuture<'static, Result<Vec<HostAddress>, String>> {
        let (socket, shared, id) = (self.socket(), self.shared.clone(), app.id.clone());
        async move {
            if let Some(socket) = socket {
                shared.look(&socket, &id).await;
            }
            let found = shared.book.lock().addresses(&id, Instant::now());
            if found.is_empty() {
                return Err(format!("couldn't find service: {id}"));
            }
            Ok(found.into_iter().map(HostAddress::Tcp).collect())
        }
        .boxed()
    }

    fn doubt(&self, app: &AppName) {
        self.shared.book.lock().doubt(&app.id);
    }
}

impl Shared {
    /// Asks until somebody answers, or long enough. When somebody is known already, it listens for everybody.
    async fn look(&self, socket: &Socket, app_id: &str) {
        let known = !self.book.lock().follow(app_id, Instant::now()).is_empty();
        let mut news = self.news.subscribe();
        let question = Question { name: service(app_id), kind: Kind::PTR, unicast: false };
        let question = Message { questions: vec![question], ..Message::default() };
        if known {
            socket.send(&question).await;
            sleep(WINDOW).await;
            return;
        }
        for pause in PAUSES {
            socket.send(&question).await;
            let answered = async {
                while self.book.lock().addresses(app_id, Instant::now()).is_empty() {
                    if news.changed().await.is_err() {
                        return;
                    }
                }
            };
            if timeout(pause, answered).await.is_ok() {
                return sleep(OTHERS).await;
            }
        }
    }

    fn hear(&self, message: &Message) {
        if self.book.lock().read(message, Instant::now()) {
            self.news.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    /// What there is to say to a question.
    fn answer(&self, message: &Message) -> Option<Message> {
        let own = self.own.lock().clone()?;
        message.questions.iter().any(|question| own.is_meant(question)).then(|| own.answer(TTL))
    }
}

impl Own {
    fn is_meant(&self, question: &Question) -> bool {
        let asks = |kind| question.kind == kind || question.kind == Kind::ANY;
        (question.name == self.service && asks(Kind::PTR))
            || (question.name == self.instance && (asks(Kind::SRV) || asks(Kind::TXT)))
    }

    /// Everything about it in one message.
    fn answer(&self, ttl: u32) -> Message {
        let record = |name: &Name, unique, data| Record { name: name.clone(), ttl, unique, data };
        let address = match self.address {
            SocketAddr::V4(address) => Data::A(*address.ip()),
            SocketAddr::V6(address) => Data::Aaaa(*address.ip()),
        };
        let srv = Data::Srv { port: self.address.port(), target: self.host.clone() };
        Message {
            response: true,
            records: vec![
                record(&self.service, false, Data::Ptr(self.instance.clone())),
                record(&self.instance, true, srv),
                record(&self.instance, true, Data::Txt(vec![self.app_id.clone()])),
                // Other processes of this host may tell other addresses of it.
                record(&self.host, false, address),
            ],
            ..Message::default()
        }
    }
}

/// The service type of an application.
fn service(app_id: &str) -> Name {
    Name::new([app_id, "local"])
}

/// Hears and answers, until it is aborted.
async fn listen(shared: Arc<Shared>, socket: Arc<Socket>) {
    loop {
        let (message, from) = socket.receive().await;
        if message.response {
            shared.hear(&message);
        } else if let Some(answer) = shared.answer(&message) {
            socket.answer(answer, &message, from).await;
        }
    }
}

#[cfg(test)]
mod tests;
