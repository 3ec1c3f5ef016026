//! What a driver can do beyond the base of its building block. Metadata shows the names, the runtime looks before it
//! asks, and the conformance suites choose their tests by them.

use std::fmt;

/// One ability. The names are those that the metadata API reports (reference 1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum Feature {
    /// State: etags and first-write concurrency.
    Etag,
    /// State: several operations as one.
    Transactional,
    /// State: the query API.
    QueryApi,
    /// State and messages: expiry by `ttlInSeconds`.
    Ttl,
    /// State: may hold the state of actors.
    Actor,
    /// State: deletes every key of a prefix.
    DeleteWithPrefix,
    /// State: lists keys by an SQL LIKE pattern.
    KeysLike,
    /// Messages: takes several at once by itself.
    BulkPublish,
    /// Messages: hands over several at once by itself.
    BulkSubscribe,
    /// Messages: a subscriber may name topics by pattern.
    SubscribeWildcards,
    /// Secrets: one secret may have several keys.
    MultipleKeyValuesPerSecret,
}

impl Feature {
    /// Every feature.
    pub const ALL: [Feature; 11] = [
        Feature::Etag,
        Feature::Transactional,
        Feature::QueryApi,
        Feature::Ttl,
        Feature::Actor,
        Feature::DeleteWithPrefix,
        Feature::KeysLike,
        Feature::BulkPublish,
        Feature::BulkSubscribe,
        Feature::SubscribeWildcards,
        Feature::MultipleKeyValuesPerSecret,
    ];

    /// As metadata shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Feature::Etag => "ETAG",
            Feature::Transactional => "TRANSACTIONAL",
            Feature::QueryApi => "QUERY_API",
            Feature::Ttl => "TTL",
            Feature::Actor => "ACTOR",
            Feature::DeleteWithPrefix => "DELETE_WITH_PREFIX",
            Feature::KeysLike => "KEYS_LIKE",
            Feature::BulkPublish => "BULK_PUBLISH",
            Feature::BulkSubscribe => "BULK_SUBSCRIBE",
            Feature::SubscribeWildcards => "SUBSCRIBE_WILDCARDS",
            Feature::MultipleKeyValuesPerSecret => "MULTIPLE_KEY_VALUES_PER_SECRET",
        }
    }
}

/// A set of features.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Features(u32);

impl Features {
    /// Exactly these.
    pub const fn of(features: &[Feature]) -> Self {
        let mut bits = 0;
        let mut rest = features;
        while let [first, others @ ..] = rest {
            bits |= 1 << (*first as u32);
            rest = others;
        }
        Features(bits)
    }

    /// Whether `feature` is one of them.
    pub const fn has(self, feature: Feature) -> bool {
        self.0 & (1 << (feature as u32)) != 0
    }

    /// All of them, in the order of [`Feature::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Feature> {
        Feature::ALL.into_iter().filter(move |feature| self.has(*feature))
    }
}

impl fmt::Debug for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
