//! The stream filters of the listener, as the exchange asks them and does what they say.

use std::future::{Future as _, poll_fn};
use std::task::Poll;
use std::time::Duration;

use mecha_base::Result;
use mecha_filter::{Next, Phase, View};
use mecha_http::RequestHead;
use mecha_route::RouteEntry;
use tokio::time::sleep;

use super::Exchange;

impl Exchange<'_> {
    /// Asks the filters of a phase; whether the request goes on. Otherwise it was answered.
    pub(super) async fn pass_filters(
        &mut self,
        phase: Phase,
        route: Option<&RouteEntry>,
        cluster: Option<&str>,
        head: &mut RequestHead,
    ) -> Result<bool> {
        let door = self.door;
        for filter in &door.listener.stream_filters {
            let settings = route.and_then(|route| route.filter(filter.name())).unwrap_or(filter);
            let filter = mecha_filter::of(settings);
            if filter.phase() != phase {
                continue;
            }
            let mut next = filter.on_request(&mut View {
                head,
                cluster,
                rng: self.pick.rng(),
                conversion: &mut self.choice,
            });
            loop {
                match next {
                    Next::Continue => break,
                    Next::Wait { time, flag, then } => {
                        self.flight.flag(flag);
                        self.wait(time).await?;
                        next = *then;
                    }
                    Next::Reply(reply) => {
                        self.flight.flag(reply.flag);
                        self.reply_filter(reply).await?;
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    /// Waits, as long as the client does.
    async fn wait(&mut self, time: Duration) -> Result<()> {
        let mut waited = Box::pin(sleep(time));
        poll_fn(|cx| {
            if waited.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            // What it still sends of its body waits in the buffers meanwhile.
            self.down.poll_gone(cx, "during an injected delay").map(Err)
        })
        .await
    }
}
