//! What is told about calls: the log and the metrics.

use std::io::Write;
use std::sync::Arc;

use dapr::dapr::proto::runtime::v1 as pb;
use parking_lot::Mutex;
use tonic::Request;

use crate::kit::Sidecar;

/// Lines that were logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn calls(log: Option<bool>) -> (Sidecar, String) {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let sidecar = Sidecar::with(|config| config.apis.log_calls = log).await;
    let mut request = Request::new(pb::GetMetadataRequest {});
    request.metadata_mut().insert("user-agent", "a-client/1".parse().unwrap());
    sidecar.client().get_metadata(request).await.unwrap();
    sidecar.client().get_secret(pb::GetSecretRequest::default()).await.unwrap_err();
    let text = String::from_utf8(lines.0.lock().clone()).unwrap();
    let text = text.lines().filter(|line| line.contains("gRPC API Called")).collect::<Vec<_>>().join("\n");
    (sidecar, text)
}

#[tokio::test]
async fn every_call_has_a_line_when_that_is_wanted() {
    let (_, text) = calls(Some(true)).await;
    let [first, second] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    for part in ["/dapr.proto.runtime.v1.Dapr/GetMetadata", "a-client/1", "code=0"] {
        assert!(first.contains(part), "{part} is not in {first}");
    }
    assert!(second.contains("GetSecret") && second.contains("code=3"), "{second}");
    assert_eq!(calls(Some(false)).await.1, "");
}

#[tokio::test]
async fn every_call_is_counted_by_method_and_status() {
    let (sidecar, _) = calls(None).await;
    let text = sidecar.runtime.metrics().text();
    let count = |method: &str, status: &str| {
        let line = text.lines().find(|line| {
            line.starts_with("dapr_grpc_io_server_completed_rpcs")
                && line.contains(method)
                && line.contains(status)
        });
        line.and_then(|line| line.rsplit(' ').next()).map(str::to_owned)
    };
    assert_eq!(count("/GetMetadata\"", "\"OK\"").as_deref(), Some("1"), "{text}");
    assert_eq!(count("/GetSecret\"", "\"InvalidArgument\"").as_deref(), Some("1"), "{text}");
}
