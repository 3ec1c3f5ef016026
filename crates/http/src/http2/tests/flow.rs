//! Windows: bodies far larger than they are, and senders that wait for them.

use std::task::Poll;

use super::*;

/// Sends back what comes, piece by piece, with the trailers.
async fn echo(_: RequestHead, length: Length, mut stream: ServerStream) {
    stream.send_head(response(200, &[]), length).unwrap();
    while let Some(frame) = stream.frame().await.unwrap() {
        match frame {
            Frame::Data(data) => {
                let last = stream.is_received();
                stream.send_data(data, last);
            }
            Frame::Trailers(trailers) => stream.send_end(Some(trailers)).unwrap(),
        }
        poll_fn(|cx| stream.poll_flush(cx)).await.unwrap();
    }
    stream.send_end(None).unwrap();
}

#[tokio::test]
async fn a_big_body_passes_tiny_windows_both_ways() {
    let (theirs, io) = pair();
    serve(Stream::Unix(theirs), ServerOptions { stream_window: 100, ..options() }, echo);
    let mut connection = client(io).await;
    let body = bytes(300_000);
    for trailers in [None, Some(trailer())] {
        let wanted = trailers.iter().flat_map(texts).collect::<Vec<_>>();
        let mut stream = connection.send_head(request(Method::POST, &[]), Length::Unknown).unwrap();
        let (head, length) = head(&mut stream).await.unwrap();
        assert_eq!((head.status, length), (StatusCode::OK, Length::Unknown));
        stream.send_data(body.clone(), trailers.is_none());
        if trailers.is_some() {
            stream.send_end(trailers);
        }
        let mut got = Vec::new();
        let mut sum = Vec::new();
        // One task does both, as an exchange does.
        soon(poll_fn(|cx| {
            let _ = stream.poll_flush(cx);
            while let Poll::Ready(frame) = stream.poll_recv(cx) {
                match frame.unwrap() {
                    Some(Frame::Data(data)) => got.extend_from_slice(&data),
                    Some(Frame::Trailers(trailers)) => sum = texts(&trailers),
                    None => return Poll::Ready(()),
                }
            }
            Poll::Pending
        }))
        .await;
        assert!(got == body, "{} bytes", got.len());
        assert_eq!(sum, wanted);
        assert!(stream.is_received() && stream.has_room());
    }
}

/// A bare client that has asked for a response and grants `window` bytes of it.
async fn asked(window: u32) -> (ServerStream, h2::RecvStream, JoinHandle<()>) {
    let (peer, io) = pair();
    let (tell, told) = tokio::sync::oneshot::channel();
    let tell = parking_lot::Mutex::new(Some(tell));
    let serving = serve(io, options(), move |_, _, mut stream| {
        stream.send_head(response(200, &[]), Length::Unknown).unwrap();
        let _ = tell.lock().take().unwrap().send(stream);
        async {}
    });
    let mut send = bare_client(peer, h2::client::Builder::new().initial_window_size(window)).await;
    let get = http::Request::get("http://h:1/").body(()).unwrap();
    let (answer, _) = send.send_request(get, true).unwrap();
    let body = soon(answer).await.unwrap().into_body();
    (soon(told).await.unwrap(), body, serving)
}

#[tokio::test]
async fn data_and_the_trailers_after_it_wait_for_the_window() {
    let (mut stream, mut body, _serving) = asked(10).await;
    stream.send_data(Bytes::from_static(b"0123456789abcdef"), false);
    assert!(!stream.has_room());
    stream.send_end(Some(trailer())).unwrap();
    let mut flushed = tokio::spawn(async move {
        poll_fn(|cx| stream.poll_flush(cx)).await.unwrap();
        stream
    });
    let first = soon(body.data()).await.unwrap().unwrap();
    assert_eq!(first, "0123456789");
    // The client has looked for more, and the window is shut.
    assert!(poll_fn(|cx| Poll::Ready(body.poll_data(cx).is_pending())).await);
    tokio::select! {
        biased;
        _ = &mut flushed => panic!("six bytes had no window to go to"),
        () = async { for _ in 0..100 { tokio::task::yield_now().await } } => {}
    }
    body.flow_control().release_capacity(10).unwrap();
    assert_eq!(soon(body.data()).await.unwrap().unwrap(), "abcdef");
    assert!(soon(flushed).await.unwrap().has_room());
    assert!(soon(body.data()).await.is_none());
    let trailers = soon(body.trailers()).await.unwrap().unwrap();
    assert_eq!(trailers.get("x-sum").unwrap(), "1");
}

#[tokio::test]
async fn an_end_without_trailers_leaves_with_the_last_piece() {
    let (mut stream, mut body, _serving) = asked(10).await;
    stream.send_data(Bytes::from_static(b"0123456789abcdef"), false);
    stream.send_end(None).unwrap();
    let flushed = tokio::spawn(async move { poll_fn(|cx| stream.poll_flush(cx)).await });
    let mut got = Vec::new();
    while let Some(data) = soon(body.data()).await {
        let data = data.unwrap();
        got.extend_from_slice(&data);
        body.flow_control().release_capacity(data.len()).unwrap();
    }
    assert_eq!(got, b"0123456789abcdef");
    assert!(body.is_end_stream());
    soon(flushed).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_waiting_sender_hears_of_a_reset() {
    let (mut stream, mut body, _serving) = asked(10).await;
    stream.send_data(Bytes::from_static(b"0123456789abcdef"), false);
    stream.send_end(Some(trailer())).unwrap();
    let flushed = tokio::spawn(async move { poll_fn(|cx| stream.poll_flush(cx)).await });
    soon(body.data()).await.unwrap().unwrap();
    drop(body);
    let error = soon(flushed).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), mecha_base::Kind::ClientGone);
}

#[tokio::test]
async fn a_reader_that_stops_stops_the_sender() {
    let (theirs, io) = pair();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    serve(Stream::Unix(theirs), options(), move |_, _, stream| {
        tell.send(stream).unwrap();
        async {}
    });
    let mut connection = client(io).await;
    let mut stream = connection.send_head(request(Method::POST, &[]), Length::Unknown).unwrap();
    stream.send_data(bytes(1 << 20), true);
    let mut reading = soon(told.recv()).await.unwrap();
    for _ in 0..1000 {
        assert!(poll_fn(|cx| Poll::Ready(stream.poll_flush(cx).is_pending())).await);
        tokio::task::yield_now().await;
    }
    assert!(!stream.has_room());
    let sending = tokio::spawn(async move {
        poll_fn(|cx| stream.poll_flush(cx)).await;
        stream
    });
    let (got, _) = reading.body().await.unwrap();
    assert!(got == bytes(1 << 20), "{} bytes", got.len());
    assert!(soon(sending).await.unwrap().has_room());
}

#[tokio::test]
async fn streams_that_stand_still_leave_the_connection_to_the_others() {
    let (mut connection, mut server) = bare_server(&h2::server::Builder::new()).await;
    let mut still = Vec::new();
    for _ in 0..50 {
        let mut stream = connection.send_head(request(Method::GET, &[]), Length::Empty).unwrap();
        let (_, mut respond) = accept(&mut server).await;
        let mut body = respond.send_response(http::Response::new(()), false).unwrap();
        body.send_data(bytes(256 << 10), true).unwrap();
        // Its head is read, its body is not.
        let head = async {
            let head = poll_fn(|cx| stream.poll_head(cx)).await;
            head.unwrap();
        };
        soon(async {
            tokio::select! { () = head => {}, _ = server.accept() => panic!("no other request") }
        })
        .await;
        still.push(stream);
    }
    let mut stream = connection.send_head(request(Method::GET, &[]), Length::Empty).unwrap();
    let (_, mut respond) = accept(&mut server).await;
    let mut body = respond.send_response(http::Response::new(()), false).unwrap();
    body.send_data(bytes(256 << 10), true).unwrap();
    drive(server);
    head(&mut stream).await.unwrap();
    assert_eq!(stream.body().await.unwrap().0.len(), 256 << 10);
    for stream in &mut still {
        assert_eq!(stream.body().await.unwrap().0.len(), 256 << 10);
    }
}

#[tokio::test]
async fn a_stream_beyond_the_servers_limit_waits_with_its_body() {
    let (theirs, io) = pair();
    serve(Stream::Unix(theirs), ServerOptions { max_concurrent_streams: 1, ..options() }, echo);
    let connection = client(io).await;
    soon(async {
        while connection.max_streams() != 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = connection.clone().send_head(request(Method::POST, &[]), Length::Unknown).unwrap();
        stream.send_data(bytes(200_000), true);
        streams.push(tokio::spawn(async move {
            let (mut got, mut heard) = (0, false);
            poll_fn(|cx| {
                let _ = stream.poll_flush(cx);
                if !heard && let Poll::Ready(head) = stream.poll_head(cx) {
                    head.unwrap();
                    heard = true;
                }
                while heard && let Poll::Ready(frame) = stream.poll_recv(cx) {
                    match frame.unwrap() {
                        Some(Frame::Data(data)) => got += data.len(),
                        Some(Frame::Trailers(_)) => {}
                        None => return Poll::Ready(()),
                    }
                }
                Poll::Pending
            })
            .await;
            got
        }));
    }
    for stream in streams {
        assert_eq!(soon(stream).await.unwrap(), 200_000);
    }
}
