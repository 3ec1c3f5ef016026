//! A connection of either kind behind one type. Everything is sent as a pipeline with the place it belongs to, so a
//! cluster never has to guess.

use redis::aio::MultiplexedConnection;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, SingleNodeRoutingInfo, SlotAddr};
use redis::{Pipeline, RedisResult, Value};

/// Cheap to clone; clones share the connection.
#[derive(Clone)]
pub(crate) enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// Which node of a cluster commands are for; a single node takes everything.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// The master of this key.
    Key(&'a str),
    /// The master of this slot.
    Slot(u16),
    Anywhere,
}

impl Connection {
    /// The answers in the order of the commands, errors of the server among them.
    pub(super) async fn send(&mut self, commands: &Pipeline, place: Place<'_>) -> RedisResult<Vec<Value>> {
        match self {
            Connection::One(connection) => connection.send_packed_commands(commands, 0, commands.len()).await,
            Connection::Cluster(connection) => {
                let count = commands.len();
                connection.route_pipeline(commands.clone(), 0, count, place.into()).await
            }
        }
    }
}

impl From<Place<'_>> for SingleNodeRoutingInfo {
    fn from(place: Place<'_>) -> Self {
        match place {
            Place::Key(key) => SingleNodeRoutingInfo::SpecificNode(Route::with_key(key, SlotAddr::Master)),
            Place::Slot(slot) => SingleNodeRoutingInfo::SpecificNode(Route::new(slot, SlotAddr::Master)),
            Place::Anywhere => SingleNodeRoutingInfo::RandomPrimary,
        }
    }
}
