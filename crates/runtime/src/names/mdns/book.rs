//! What was heard of the applications that somebody asked for.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use mecha_codec::mdns::{Data, Message, Name};

use super::service;

/// How long an address holds at most (reference 3.7).
const LIFE: Duration = Duration::from_secs(60);
/// Most applications that are followed.
const MOST_APPS: usize = 1024;
/// Most addresses of one application.
const MOST_ADDRESSES: usize = 256;

/// Addresses of applications.
#[derive(Default)]
pub(super) struct Book(HashMap<String, Page>);

struct Page {
    service: Name,
    asked: Instant,
    addresses: Vec<(SocketAddr, Instant)>,
}

impl Book {
    /// Notes what is said about this application from now on; what is known by now.
    pub(super) fn follow(&mut self, app_id: &str, now: Instant) -> Vec<SocketAddr> {
        if self.0.len() >= MOST_APPS && !self.0.contains_key(app_id) {
            let oldest = self.0.iter().min_by_key(|(_, page)| page.asked).map(|(id, _)| id.clone());
            oldest.map(|oldest| self.0.remove(&oldest));
        }
        let new = || Page { service: service(app_id), asked: now, addresses: Vec::new() };
        self.0.entry(app_id.to_owned()).or_insert_with(new).asked = now;
        self.addresses(app_id, now)
    }

    /// The addresses that hold.
    pub(super) fn addresses(&mut self, app_id: &str, now: Instant) -> Vec<SocketAddr> {
        let Some(page) = self.0.get_mut(app_id) else { return Vec::new() };
        page.addresses.retain(|(_, until)| *until > now);
        page.addresses.iter().map(|(address, _)| *address).collect()
    }

    /// Drops the addresses of an application that could not be reached: a runtime that died took none of them back.
    pub(super) fn doubt(&mut self, app_id: &str) {
        if let Some(page) = self.0.get_mut(app_id) {
            page.addresses.clear();
        }
    }

    /// Takes in what a message says; whether that is news.
    pub(super) fn read(&mut self, message: &Message, now: Instant) -> bool {
        let mut news = false;
        for record in &message.records {
            let Data::Srv { port, target } = &record.data else { continue };
            let whose = |page: &&mut Page| {
                record.name.ends_with(&page.service) && record.name.labels() > page.service.labels()
            };
            let Some(page) = self.0.values_mut().find(whose) else { continue };
            for ip in addresses_of(message, target) {
                let address = SocketAddr::new(ip, *port);
                page.addresses.retain(|(known, _)| *known != address);
                let life = LIFE.min(Duration::from_secs(record.ttl.into()));
                if !life.is_zero() && page.addresses.len() < MOST_ADDRESSES {
                    page.addresses.push((address, now + life));
                }
                news = true;
            }
        }
        news
    }
}

fn addresses_of<'m>(message: &'m Message, host: &'m Name) -> impl Iterator<Item = IpAddr> + 'm {
    message.records.iter().filter(move |record| record.name == *host).filter_map(|record| match record.data {
        Data::A(ip) => Some(IpAddr::V4(ip)),
        // A link-local address means nothing without its interface.
        Data::Aaaa(ip) if !ip.is_unicast_link_local() => Some(IpAddr::V6(ip)),
        _ => None,
    })
}
