//! `spec.tracing`: how often, and where to. Exporters are kept for the log; they are not in effect yet.

use mecha_config::runtime::settings::Tracing;
use mecha_document::{Kind, Node, Object, shortened};

/// Reads what is there into `tracing`.
pub(super) fn tracing(fields: &Object<'_>, tracing: &mut Tracing) {
    if let Some(node) = fields.get("samplingRate") {
        tracing.sampling_rate = rate(node).or(tracing.sampling_rate);
    }
    if let Some(stdout) = fields.get("stdout").and_then(Node::flag) {
        tracing.stdout = stdout;
    }
    let zipkin = fields.object("zipkin").and_then(|zipkin| zipkin.text("endpointAddress").map(str::to_owned));
    if let Some(address) = zipkin {
        add(tracing, format!("zipkin {address}"));
    }
    if let Some(otel) = fields.object("otel") {
        otel.accept(&["isSecure", "headers", "timeout"]);
        let protocol = otel.text("protocol").unwrap_or("grpc");
        if let Some(address) = otel.text("endpointAddress") {
            add(tracing, format!("otel {protocol} {address}"));
        }
    }
}

fn add(tracing: &mut Tracing, exporter: String) {
    if !tracing.exporters.contains(&exporter) {
        tracing.exporters.push(exporter);
    }
}

/// A share from 0 to 1, as a string or a number.
fn rate(node: Node<'_>) -> Option<f64> {
    let text = if node.kind() == Kind::Number { node.text() } else { node.string()? };
    if text.is_empty() {
        return None;
    }
    let rate = text.trim().parse::<f64>().ok().filter(|rate| (0.0..=1.0).contains(rate));
    if rate.is_none() {
        node.error_with(
            format!("\"{}\" is no sampling rate", shortened(text)),
            "write a share from \"0\" to \"1\"",
        );
    }
    rate
}
