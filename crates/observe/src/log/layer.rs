//! Turns events into lines. The text is made on the thread that logs, because an event's values do not outlive the
//! call; the time is written by the output's thread.

use std::fmt::{self, Write};
use std::sync::atomic::Ordering::Relaxed;
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::form::{self, Pair, Text};
use super::{LogHandle, level};
use crate::output::Batch;
use crate::stamp::Stamps;

/// Our crates' names begin with it; it says nothing in a log.
const OWN: &str = "mecha_";
/// The crate of the binary.
const BINARY: &str = "mecha";
/// The field that holds the text itself.
const MESSAGE: &str = "message";

pub(super) struct LinesLayer {
    log: LogHandle,
}

/// A span's fields as text, kept with the span.
struct SpanText(String);

/// One line.
struct Line {
    at: SystemTime,
    text: Text,
}

/// Collects the fields of an event or a span.
#[derive(Default)]
struct Fields {
    message: String,
    rest: Vec<Pair>,
}

impl LinesLayer {
    pub(super) fn new(log: LogHandle) -> Self {
        LinesLayer { log }
    }

    fn filter(&self) -> LevelFilter {
        level::filter(level::from_index(self.log.level.load(Relaxed)))
    }

    /// Libraries tell of every frame in their debug lines. Who asks for DEBUG wants to know what this process decides;
    /// TRACE shows all.
    fn is_wanted(&self, metadata: &Metadata<'_>) -> bool {
        let filter = self.filter();
        let target = metadata.target();
        let is_own = target.starts_with(OWN) || target.split("::").next() == Some(BINARY);
        *metadata.level() <= filter
            && (is_own || *metadata.level() <= Level::INFO || filter == LevelFilter::TRACE)
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LinesLayer {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.is_wanted(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.filter())
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().replace(SpanText(form::pairs(&fields.rest)));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        values.record(&mut fields);
        if let Some(SpanText(text)) = span.extensions_mut().get_mut() {
            text.push_str(&form::pairs(&fields.rest));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let output = &self.log.output;
        if !output.is_enabled() {
            return;
        }
        let metadata = event.metadata();
        let target = metadata.target();
        let target = target.strip_prefix(OWN).unwrap_or(target);
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut message = String::new();
        write_spans(event, &context, &mut message);
        message.push_str(&fields.message);
        let at = SystemTime::now();
        let text = self.log.form.line(at, *metadata.level(), target, &message, &fields.rest);
        if let Err(line) = output.offer(Box::new(Line { at, text })) {
            output.count_dropped(line.lines());
        }
    }
}

/// `listener{name="in"}:stream: `, outermost first; nothing outside of spans.
fn write_spans<S: Subscriber + for<'a> LookupSpan<'a>>(
    event: &Event<'_>,
    context: &Context<'_, S>,
    out: &mut String,
) {
    let Some(scope) = context.event_scope(event) else { return };
    let mut separator = "";
    for span in scope.from_root() {
        out.push_str(separator);
        out.push_str(span.name());
        if let Some(SpanText(text)) = span.extensions().get().filter(|SpanText(text)| !text.is_empty()) {
            out.push('{');
            out.push_str(text.trim_start());
            out.push('}');
        }
        separator = ":";
    }
    out.push_str(": ");
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            MESSAGE => self.message.push_str(value),
            name => self.rest.push(Pair { name, value: value.to_owned(), is_text: true }),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            MESSAGE => drop(write!(self.message, "{value:?}")),
            name => self.rest.push(Pair { name, value: format!("{value:?}"), is_text: false }),
        }
    }
}

impl Batch for Line {
    fn lines(&self) -> u64 {
        1
    }

    fn render(&self, stamps: &mut Stamps, out: &mut String) {
        match &self.text {
            Text::Stamped(text) => {
                stamps.log.write(self.at, out);
                out.push(' ');
                out.push_str(text);
            }
            Text::Whole(text) => out.push_str(text),
        }
        out.push('\n');
    }

    fn settled(&self, _written: u64, _dropped: u64) {}
}
