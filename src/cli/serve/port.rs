//! The address to listen on: bound before any other work, listened on when everything is ready.
//!
//! So a port in use is reported at once and leaves nothing behind, and until the server is ready clients are refused
//! instead of kept waiting.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
};

use anyhow::anyhow;
use tokio::net::{TcpListener, TcpSocket};

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A claimed address.
pub(super) struct Port {
    socket: TcpSocket,
    address: SocketAddr,
}

/// Why an address was not claimed.
pub(super) enum Refused {
    /// Somebody listens there.
    Taken(SocketAddr),
    /// Anything else, as a sentence.
    Other(anyhow::Error),
}

impl Port {
    /// Claims the address.
    pub fn claim(address: SocketAddr) -> Result<Self, Refused> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
        let bound = socket.and_then(|socket| {
            // Or the connections of a former run would keep the address for a minute.
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            Ok(socket)
        });
        match bound {
            Ok(socket) => Ok(Self { socket, address }),
            Err(error) => Err(Refused::of(error, address)),
        }
    }

    /// Takes connections from now on.
    pub fn listen(self) -> anyhow::Result<TcpListener> {
        self.socket.listen(BACKLOG).map_err(|error| Refused::of(error, self.address).into())
    }
}

impl Refused {
    fn of(error: io::Error, address: SocketAddr) -> Self {
        if error.kind() == ErrorKind::AddrInUse {
            return Self::Taken(address);
        }
        Self::Other(anyhow!(error).context(format!("cannot listen on {address}")))
    }
}

impl From<Refused> for anyhow::Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Taken(address) => {
                anyhow!("{address} is in use by another program: stop it, or choose another address with --listen")
            }
            Refused::Other(error) => error,
        }
    }
}
