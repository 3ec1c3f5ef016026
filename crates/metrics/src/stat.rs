//! What a metric is: a variant of an enum that knows its key, its kind and its help text. The `metrics!` table
//! writes such an enum once, so that a name cannot exist without a description, nor a series without a name.

/// How a metric behaves over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from zero at the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution of durations.
    Histogram,
}

impl Kind {
    /// The word that a Prometheus `# TYPE` line uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A list of metrics, one variant each.
pub trait Metric: Copy + Send + Sync + 'static {
    /// Every variant, in the order in which they are shown; `ALL[m.index()]` is `m`.
    const ALL: &'static [Self];
    /// How many variants there are.
    const COUNT: usize = Self::ALL.len();
    /// The variant's place in [`Metric::ALL`].
    fn index(self) -> usize;
    /// The key: MOSN's own where MOSN has one (`request_total`), without the type prefix.
    fn name(self) -> &'static str;
    /// Counter, gauge or histogram.
    fn kind(self) -> Kind;
    /// One line that says what is counted, for the Prometheus `# HELP` line.
    fn help(self) -> &'static str;
}

/// The counters and gauges that one kind of scope keeps, and the histograms that go with them.
pub trait Stat: Metric {
    /// MOSN's metrics type, the prefix of every Prometheus name: `downstream`, `upstream`.
    const TYPE: &'static str;
    /// The durations that the scope keeps beside its counters.
    type Histogram: Metric;
}

/// Declares an enum of metrics from a table of `Variant Kind "key" "help";` lines and implements [`Metric`] for it.
macro_rules! metrics {
    ($(#[$meta:meta])* pub enum $name:ident { $($variant:ident $kind:ident $key:literal $help:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = $help] $variant,)+
        }

        impl $crate::Metric for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            #[inline]
            fn index(self) -> usize {
                self as usize
            }

            fn name(self) -> &'static str {
                match self { $(Self::$variant => $key),+ }
            }

            #[inline]
            fn kind(self) -> $crate::Kind {
                match self { $(Self::$variant => $crate::Kind::$kind),+ }
            }

            fn help(self) -> &'static str {
                match self { $(Self::$variant => $help),+ }
            }
        }
    };
}
pub(crate) use metrics;
