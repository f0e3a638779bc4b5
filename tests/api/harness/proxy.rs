//! A proxy in front of PostgreSQL whose connections freeze: nothing arrives any more, though nothing is closed.

use std::path::PathBuf;

use sqlx::postgres::PgConnectOptions;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    task::JoinHandle,
};

/// A proxy; it ends when dropped.
pub struct Proxy {
    /// The address of the database, by way of the proxy.
    pub url: String,
    /// How often it was frozen: a connection lives until the next time.
    frozen: watch::Sender<u32>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// In front of a database.
    pub async fn before(database: &str) -> Self {
        let address: PgConnectOptions = database.parse().expect("an address");
        let socket = address.get_socket().expect("a socket").join(".s.PGSQL.5432");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let url = format!(
            "postgres://{}@{}/{}",
            address.get_username(),
            listener.local_addr().expect("an address"),
            address.get_database().expect("a database"),
        );
        let frozen = watch::Sender::new(0);
        let task = tokio::spawn(accept(listener, socket, frozen.clone()));
        Self { url, frozen, task }
    }

    /// Freezes all connections there are. New ones work.
    pub fn freeze(&self) {
        self.frozen.send_modify(|times| *times += 1);
    }
}

async fn accept(listener: TcpListener, socket: PathBuf, frozen: watch::Sender<u32>) {
    loop {
        let (client, _) = listener.accept().await.expect("a connection");
        tokio::spawn(forward(client, socket.clone(), frozen.subscribe()));
    }
}

async fn forward(mut client: TcpStream, socket: PathBuf, mut frozen: watch::Receiver<u32>) {
    let mut server = UnixStream::connect(socket).await.expect("PostgreSQL");
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        Ok(()) = frozen.changed() => std::future::pending().await,
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}
