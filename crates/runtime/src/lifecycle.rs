//! The life of a runtime: components first, then (once the app has opened the APIs) the application, its health and its
//! subscriptions, and the end (reference 3.6). The app calls the three steps in their order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mecha_config::runtime::HealthCheck;
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::loader::LoadError;
use crate::runtime::Runtime;

/// How often the application's port is tried.
const PORT_PAUSE: Duration = Duration::from_millis(100);
/// How long one try may take.
const PORT_LIMIT: Duration = Duration::from_millis(500);
/// A line says so after every so many tries.
const PORT_TRIES: u32 = 100;

impl Runtime {
    /// Loads components. When this returns the APIs may open.
    ///
    /// # Errors
    /// A component that can't be initialised and must be.
    pub async fn begin(self: &Arc<Self>) -> Result<(), LoadError> {
        tracing::info!("Dapr trace sampler initialized: {}", self.sampler());
        self.load_components().await?;
        self.build_pipelines()
    }

    /// Waits for the application, reads what it wants, delivers to it while it is healthy; goes on until it is dropped.
    /// To be spawned once the APIs are open; `begun` is when the process began.
    pub async fn attend(self: Arc<Self>, begun: Instant) {
        if let Some(internal) = self.config().apis.internal.first() {
            self.names().announce(self.app_id(), *internal);
        }
        self.health().change(|status| status.outbound = true);
        if let Some(port) = self.config().app.port {
            self.find_application(port).await;
        }
        let health = self.config().app.health.clone().filter(|_| self.channel().is_some());
        if let Some(health) = &health {
            self.until_healthy(health).await;
        }
        self.health().change(|status| status.app = true);
        self.read_application_config().await;
        self.start_subscriptions().await;
        self.health().change(|status| status.ready = true);
        let elapsed = begun.elapsed().as_millis();
        tracing::info!("dapr initialized. Status: Running. Init Elapsed {elapsed}ms");
        match &health {
            Some(health) => self.follow_health(health).await,
            None => std::future::pending().await,
        }
    }

    /// Takes no more messages, settles those under way, and ends the streams that applications opened: as long as one is
    /// open its connection would not end.
    pub async fn quiesce(&self) {
        self.names().withdraw();
        self.close_subscriptions().await;
    }

    /// Lets go of every component; the last step.
    pub async fn close(&self) {
        self.close_components().await;
    }

    async fn find_application(&self, port: u16) {
        let app = &self.config().app;
        tracing::info!(
            "application protocol: {}. waiting on port {port}.  This will block until the app is listening on that port.",
            app.protocol.name()
        );
        let mut tries = 0;
        loop {
            let connect = TcpStream::connect((app.address.as_str(), port));
            if matches!(timeout(PORT_LIMIT, connect).await, Ok(Ok(_))) {
                break;
            }
            tries += 1;
            if tries % PORT_TRIES == 0 {
                tracing::warn!(
                    "waiting for application to listen on port {port}: nobody answers on {}:{port}; start it, or name the \
                     port that it listens on by --app-port",
                    app.address
                );
            }
            sleep(PORT_PAUSE).await;
        }
        tracing::info!("application discovered on port {port}");
    }

    /// What the application says about itself is about actors, which this version does not host: who counts on them must be
    /// told.
    async fn read_application_config(&self) {
        let Some(channel) = self.channel() else { return };
        if !self.config().app.init_config {
            tracing::info!("Skipping programmatic dapr configuration loading");
            return;
        }
        match channel.config().await {
            Ok(config) => {
                let entities = config.get("entities").and_then(|entities| entities.as_array());
                if let Some(entities) = entities.filter(|entities| !entities.is_empty()) {
                    let named: Vec<_> = entities.iter().filter_map(|entity| entity.as_str()).collect();
                    tracing::warn!(
                        "actor types {named:?} are not hosted: actors are not available in this version"
                    );
                }
            }
            Err(error) => tracing::warn!("failed to load application configuration: {error}"),
        }
    }

    async fn until_healthy(&self, check: &HealthCheck) {
        let mut ticks = ticks(check);
        while !self.is_healthy(check).await {
            ticks.tick().await;
        }
    }

    async fn follow_health(self: Arc<Self>, check: &HealthCheck) {
        let mut ticks = ticks(check);
        let mut failures = 0;
        loop {
            ticks.tick().await;
            if self.is_healthy(check).await {
                failures = 0;
                if !self.health().is_app_healthy() {
                    tracing::info!("App entered healthy status");
                    self.health().change(|status| status.app = true);
                    self.start_subscriptions().await;
                }
                continue;
            }
            failures += 1;
            if failures >= check.threshold && self.health().is_app_healthy() {
                tracing::warn!("App entered un-healthy status");
                self.health().change(|status| status.app = false);
                self.stop_subscriptions().await;
            }
        }
    }

    async fn is_healthy(&self, check: &HealthCheck) -> bool {
        let Some(channel) = self.channel() else { return true };
        matches!(timeout(check.timeout, channel.probe()).await, Ok(Ok(())))
    }
}

fn ticks(check: &HealthCheck) -> tokio::time::Interval {
    let mut ticks = interval(check.interval.max(Duration::from_millis(50)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    ticks
}
