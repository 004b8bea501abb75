//! What runs, in the order of its start, and how it ends.

use super::demo::Demo;
use super::nats::NatsServer;
use super::nodes::{self as further, Node};
use super::place::Home;
use super::port::Port;
use super::postgres::PostgresServer;
use super::provider::Provider;
use super::run::{DevError, KeptDemo};
use crate::config::Config;
use crate::serve::{Hangups, Running, ServeError};

#[derive(Default)]
pub(super) struct Parts {
    pub nats: Option<NatsServer>,
    pub postgres: Option<PostgresServer>,
    pub running: Option<Running>,
    /// The second and further ones.
    pub nodes: Vec<Node>,
    pub demo: Option<Demo>,
    pub provider: Option<Provider>,
    pub ports: Vec<Port>,
}

/// What runs, as it is told to people and to scripts.
pub(super) struct Up<'a> {
    pub config: &'a Config,
    pub nats: &'a NatsServer,
    pub postgres: &'a PostgresServer,
    /// The second and further ones.
    pub nodes: &'a [Node],
    pub admin_key: &'a str,
    pub demo: &'a KeptDemo,
    pub provider: Option<&'a Provider>,
}

impl Parts {
    /// `None`: a server is not there.
    pub fn up<'a>(&'a self, config: &'a Config, admin_key: &'a str, demo: &'a KeptDemo) -> Option<Up<'a>> {
        let (nats, postgres) = (self.nats.as_ref()?, self.postgres.as_ref()?);
        let provider = self.provider.as_ref();
        Some(Up { config, nats, postgres, nodes: &self.nodes, admin_key, demo, provider })
    }

    /// Until one of them ends by itself: which.
    pub async fn ended(&self, place: &Home, hangups: Hangups) -> DevError {
        let reload = || self.running.iter().for_each(Running::reload);
        tokio::select! {
            never = hangups.each(reload) => match never {},
            () = while_there(self.running.as_ref().map(Running::ended)) => DevError::Serve(ServeError::Ended),
            error = further::ended(&self.nodes) => error,
            _ = while_there(self.nats.as_ref().map(|it| it.child().exited())) => {
                DevError::Ended("nats-server".to_owned(), place.nats().join("nats.log"))
            }
            _ = while_there(self.postgres.as_ref().map(|it| it.child().exited())) => {
                DevError::Ended("PostgreSQL".to_owned(), place.postgres().join("postgres.log"))
            }
        }
    }

    /// The nodes first, so that nothing asks servers that are gone.
    pub async fn stop(&mut self) {
        let first = async {
            if let Some(running) = self.running.take() {
                running.shutdown().await;
            }
        };
        tokio::join!(first, further::stop(std::mem::take(&mut self.nodes)));
        if let Some(demo) = self.demo.take() {
            demo.stop().await;
        }
        if let Some(provider) = self.provider.take() {
            provider.stop().await;
        }
        let postgres = async {
            if let Some(postgres) = self.postgres.take() {
                postgres.stop().await;
            }
        };
        let nats = async {
            if let Some(nats) = self.nats.take() {
                nats.stop().await;
            }
        };
        tokio::join!(postgres, nats);
    }
}

/// What is not there does not end.
async fn while_there<T>(ends: Option<impl Future<Output = T>>) -> T {
    match ends {
        Some(ends) => ends.await,
        None => std::future::pending().await,
    }
}
