//! The host's end of an exchange when the host is the runtime of another application: what the exchange sees as a plain
//! HTTP request travels as messages of `CallLocalStream` (Dapr reference 2.4) on an HTTP/2 stream, and the answer's
//! messages become a response again. Both bodies stream, at the pace of their readers.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use bytestring::ByteString;
use mecha_base::{Error, Kind, Result};
use mecha_codec::dapr::{CALL_LOCAL_STREAM, ChunkEncoder, RequestChunk};
use mecha_http::dapr::{ResponseReader, request_to};
use mecha_http::http2::{ClientStream, cancel_reason_for};
use mecha_http::{Frame, Headers, Length, Method, RequestHead, ResponseHead, Version};

use crate::upstream::Http2Lease;

/// Fields that go with the call as well as inside it: by them the callee's runtime continues the trace.
const TRACE: [&str; 3] = ["traceparent", "tracestate", "baggage"];

/// One call and its answer.
pub(super) struct Invocation {
    stream: ClientStream,
    lease: Http2Lease,
    chunks: ChunkEncoder<RequestChunk>,
    reader: ResponseReader,
    /// The head of the HTTP/2 response is there.
    begun: bool,
    received: bool,
}

impl Invocation {
    /// Opens the stream. The head goes out with the first piece of the body, or by itself when that is not at hand.
    pub(super) fn begin(mut lease: Http2Lease, head: &RequestHead, length: Length) -> Result<Self> {
        if length == Length::Tunnel {
            let what = "a tunnel to an application can't be made by invocation";
            return Err(Error::downstream(Kind::BadRequest(501), what));
        }
        let mut chunks = ChunkEncoder::new(request_to(head)?);
        let mut stream = lease.connection.send_head(call_head(head), Length::Unknown)?;
        if length == Length::Empty
            && let Some(only) = chunks.head()
        {
            stream.send_data(only, true);
        }
        Ok(Invocation {
            stream,
            lease,
            chunks,
            reader: ResponseReader::default(),
            begun: false,
            received: false,
        })
    }

    pub(super) fn connection_id(&self) -> u64 {
        self.lease.id
    }

    pub(super) fn send_data(&mut self, data: Bytes, last: bool) {
        let messages = self.chunks.data(data);
        self.stream.send_data(messages, last);
    }

    pub(super) fn send_end(&mut self) {
        match self.chunks.head() {
            Some(head) => self.stream.send_data(head, true),
            None => self.stream.send_end(None),
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.stream.has_room()
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.stream.poll_flush(cx)
    }

    /// The head of the response. That the callee's runtime refused, or failed, is a response too; its fields say so
    /// ([`mecha_http::dapr::answer`]).
    pub(super) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(ResponseHead, Length)>> {
        // Nothing of the body was at hand: the head does not wait for it.
        if self.stream.has_room()
            && let Some(head) = self.chunks.head()
        {
            self.stream.send_data(head, false);
            let _ = self.stream.poll_flush(cx);
        }
        while !self.begun {
            let (head, length) = ready!(self.stream.poll_head(cx))?;
            if head.is_interim() {
                continue;
            }
            if let Some(failed) = self.reader.begin(&head) {
                return self.failed(failed);
            }
            if length == Length::Empty {
                let failed = self.reader.end_early(None)?;
                return self.failed(failed);
            }
            self.begun = true;
        }
        loop {
            if let Some(head) = self.reader.head()? {
                return Poll::Ready(Ok((head, Length::Unknown)));
            }
            match ready!(self.stream.poll_recv(cx))? {
                Some(Frame::Data(data)) => self.reader.push(data),
                Some(Frame::Trailers(trailers)) => {
                    let failed = self.reader.end_early(Some(&trailers))?;
                    return self.failed(failed);
                }
                None => {
                    let failed = self.reader.end_early(None)?;
                    return self.failed(failed);
                }
            }
        }
    }

    fn failed(&mut self, head: ResponseHead) -> Poll<Result<(ResponseHead, Length)>> {
        self.received = true;
        Poll::Ready(Ok((head, Length::Empty)))
    }

    pub(super) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame>>> {
        while !self.received {
            if let Some(data) = self.reader.data()? {
                return Poll::Ready(Ok(Some(Frame::Data(data))));
            }
            match ready!(self.stream.poll_recv(cx))? {
                Some(Frame::Data(data)) => self.reader.push(data),
                Some(Frame::Trailers(trailers)) => {
                    self.reader.end(Some(&trailers))?;
                    self.received = true;
                }
                None => {
                    self.reader.end(None)?;
                    self.received = true;
                }
            }
        }
        Poll::Ready(Ok(None))
    }

    pub(super) fn is_received(&self) -> bool {
        self.received
    }

    pub(super) fn cut(&mut self, error: &Error) {
        self.stream.reset(cancel_reason_for(error));
    }
}

/// The head of the call itself.
fn call_head(request: &RequestHead) -> RequestHead {
    let mut headers = Headers::new();
    let mut put = |name: &str, value: &[u8]| {
        // What came in as a field is one.
        let _ = headers.append(name, value);
    };
    put("content-type", b"application/grpc");
    put("te", b"trailers");
    for name in TRACE {
        if let Some(value) = request.headers.get(name) {
            put(name, value);
        }
    }
    RequestHead {
        version: Version::Http2,
        method: Method::POST,
        authority: request.authority.clone(),
        target: ByteString::from_static(CALL_LOCAL_STREAM),
        headers,
        rpc: None,
    }
}
