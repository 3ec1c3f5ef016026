//! Making a connection: to the node, to the cluster, or to the master that the Sentinels name at the moment. One that
//! stands has answered a PING, so a wrong login or a server that is still loading shows here.

use std::time::Duration;

use mecha_component::Result;
use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClientBuilder;
use redis::io::tcp::TcpSettings;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, Pipeline,
    RedisConnectionInfo, RedisResult, Value,
};

use super::connection::{Connection, Place};
use crate::error;
use crate::options::{Host, Kind, Login, Options};

/// Most commands that wait to be written to one connection; further callers wait for a place.
const WAITING: usize = 1024;
/// How often a cluster's connection asks another node by itself, within the time of the answer.
const REDIRECTS: u32 = 3;

/// Connects within `dialTimeout`. A connection of a link whose commands block `blocking` long waits that much longer.
pub(super) async fn connect(options: &Options, blocking: Duration) -> Result<Connection> {
    let connecting = async {
        let mut connection = match &options.kind {
            Kind::Node => Connection::One(node(options).await?),
            Kind::Cluster => cluster(options, blocking).await?,
            Kind::Sentinel { master, login } => Connection::One(sentinel(options, master, login).await?),
        };
        check(&mut connection).await?;
        Ok(connection)
    };
    match tokio::time::timeout(options.dial, connecting).await {
        Ok(connected) => connected.map_err(|error| error::unreachable(&error, options)),
        Err(_) => Err(error::silent(options)),
    }
}

async fn node(options: &Options) -> RedisResult<MultiplexedConnection> {
    let host = options.hosts.first().ok_or((redis::ErrorKind::InvalidClientConfig, "no host"))?;
    let client = Client::open(info(host, &options.login, options.database)?)?;
    client.get_multiplexed_async_connection_with_config(&config(options)).await
}

async fn sentinel(options: &Options, master: &str, login: &Login) -> RedisResult<MultiplexedConnection> {
    let addresses = options.hosts.iter().map(address);
    let mut builder = SentinelClientBuilder::new(addresses, master, SentinelServerType::Master)?
        .set_client_to_redis_db(options.database)
        .set_client_to_redis_tcp_settings(tcp())
        .set_client_to_sentinel_tcp_settings(tcp());
    if let Some(username) = &options.login.username {
        builder = builder.set_client_to_redis_username(username);
    }
    if let Some(password) = &options.login.password {
        builder = builder.set_client_to_redis_password(password);
    }
    if let Some(username) = &login.username {
        builder = builder.set_client_to_sentinel_username(username);
    }
    if let Some(password) = &login.password {
        builder = builder.set_client_to_sentinel_password(password);
    }
    let client = builder.build()?.async_get_client().await?;
    client.get_multiplexed_async_connection_with_config(&config(options)).await
}

async fn cluster(options: &Options, blocking: Duration) -> RedisResult<Connection> {
    // A cluster has one database, whatever redisDB says.
    let nodes = options.hosts.iter().map(|host| info(host, &options.login, 0));
    let mut builder = ClusterClientBuilder::new(nodes.collect::<RedisResult<Vec<_>>>()?)
        .connection_timeout(options.dial)
        .retries(REDIRECTS)
        .tcp_settings(tcp());
    if let Some(answer) = options.answer {
        builder = builder.response_timeout(answer + blocking);
    }
    // The limit of a whole exchange is the link's.
    let client = builder.overall_response_timeout(None).build()?;
    Ok(Connection::Cluster(client.get_async_connection().await?))
}

async fn check(connection: &mut Connection) -> RedisResult<()> {
    let mut ping = Pipeline::new();
    ping.cmd("PING");
    match connection.send(&ping, Place::Anywhere).await?.pop() {
        // A user need not be allowed to ask.
        Some(Value::ServerError(error)) if error.code() != "NOPERM" => Err(error.into()),
        _ => Ok(()),
    }
}

/// The link has limits of its own for answers.
fn config(options: &Options) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(options.dial))
        .set_response_timeout(None)
        .set_pipeline_buffer_size(WAITING)
}

fn info(host: &Host, login: &Login, database: i64) -> RedisResult<ConnectionInfo> {
    let mut redis = RedisConnectionInfo::default().set_db(database);
    if let Some(username) = &login.username {
        redis = redis.set_username(username);
    }
    if let Some(password) = &login.password {
        redis = redis.set_password(password);
    }
    Ok(address(host).into_connection_info()?.set_tcp_settings(tcp()).set_redis_settings(redis))
}

fn address(host: &Host) -> ConnectionAddr {
    ConnectionAddr::Tcp(host.name.clone(), host.port)
}

fn tcp() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}
