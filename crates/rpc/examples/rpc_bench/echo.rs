//! The server behind the proxy: each request gets the same answer under its number, each heartbeat its own.

use std::rc::Rc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

use crate::frames::Frames;

/// Read at once, at most.
const BUFFER: usize = 256 << 10;

/// Serves a loopback port until the process ends.
pub(crate) async fn serve(frames: Frames, port: u16) -> Result<(), String> {
    let frames = Rc::new(frames);
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| format!("port {port} cannot be listened on: {error}"))?;
    loop {
        let (stream, _) = listener.accept().await.map_err(|error| error.to_string())?;
        let frames = frames.clone();
        // A client that goes away ends its connection, nothing else.
        spawn_local(async move { converse(stream, &frames).await.ok() });
    }
}

async fn converse(mut stream: TcpStream, frames: &Frames) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut input, mut held, mut output) = (vec![0; BUFFER], 0, Vec::new());
    loop {
        let count = stream.read(&mut input[held..]).await?;
        if count == 0 {
            return Ok(());
        }
        held += count;
        let mut at = 0;
        while let Some(seen) = frames.see(&input[at..held]) {
            frames.answer(&seen, &mut output);
            at += seen.len;
        }
        input.copy_within(at..held, 0);
        held -= at;
        stream.write_all(&output).await?;
        output.clear();
    }
}
