//! The API on a real socket, for tests about slow clients, broken connections and the like.

use std::net::SocketAddr;

use safestories::cli::serve::connections::{self, Patience};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::TestApi;

/// An instance that listens; it stops when dropped.
pub struct Served {
    /// Where.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl TestApi {
    /// Listens on a free port.
    pub async fn serve(&self) -> Served {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (router, app) = (self.router.clone(), self.app.clone());
        let patience = Patience { head: app.head_timeout, write: app.write_timeout };
        let task = tokio::spawn(async move { connections::serve(listener, router, patience, &app.stopping).await });
        Served { address, task }
    }
}

impl Served {
    /// A connection to it.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}
