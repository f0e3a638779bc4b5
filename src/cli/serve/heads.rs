//! The deadline of a request's head, which runs from its first byte.
//!
//! hyper has one deadline for both, the next request and its head. A proxy keeps idle connections for a minute, whereas the head of
//! a request arrives at once.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

/// A connection that fails where a head is not complete in time.
#[derive(Debug)]
pub(super) struct TimedHeads<S> {
    stream: S,
    within: Duration,
    /// Running while a head is being read.
    deadline: Option<Pin<Box<Sleep>>>,
    answering: Answering,
}

/// Whether a request is being answered: what is read then is no head.
#[derive(Clone, Debug, Default)]
pub(super) struct Answering(Arc<AtomicBool>);

/// An answer that is being made.
pub(super) struct Answer(Answering);

impl Answering {
    /// The head is complete.
    pub(super) fn start(&self) -> Answer {
        self.0.store(true, Ordering::Relaxed);
        Answer(self.clone())
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Relaxed);
    }
}

/// Gives every head of a connection so long.
pub(super) fn timed<S>(stream: S, within: Duration) -> (TimedHeads<S>, Answering) {
    let answering = Answering::default();
    (TimedHeads { stream, within, deadline: None, answering: answering.clone() }, answering)
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedHeads<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let answering = self.answering.0.load(Ordering::Relaxed);
        if answering {
            self.deadline = None;
        }
        if self.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready()) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if !answering && self.deadline.is_none() && buf.filled().len() > before {
            self.deadline = Some(Box::pin(tokio::time::sleep(self.within)));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedHeads<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        // It is the answer: the head was complete.
        self.deadline = None;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.deadline = None;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
