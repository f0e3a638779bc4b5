//! The private PostgreSQL that `cargo run` and `cargo test` start, so that nobody has to set one up.
//!
//! Rules that hold here:
//!
//! - Nothing is left behind. The server ends with this process however that ends, `kill -9` included: a
//!   small shell holds the read end of a pipe from us and stops the server when the pipe closes
//!   (`server.rs`). The parent-death signal of Linux is no way: it fires when the *thread* that started the
//!   child ends, which under tokio happens at any time.
//! - A kill at any moment is recovered from. A cluster is made beside its place and renamed into it when
//!   it is complete, roles included (`cluster.rs`); so are downloaded programs (`download.rs`).
//! - PostgreSQL refuses to run as root. Started by root, it runs as the owner of the folder, or as
//!   `postgres` or `nobody` where that is root (`account.rs`); so root and an ordinary user can share a folder.
//! - It listens on a unix socket only, in a folder with mode 0700, lets in the owner of that folder and us (`cluster.rs`), and gets
//!   none of our environment.
//! - The application is an ordinary role: row-level security and privileges mean nothing to a superuser.
//! - Everything blocks and needs no runtime: call it inside `spawn_blocking`.

mod account;
mod cluster;
mod download;
mod error;
mod find;
mod home;
mod leftover;
mod programs;
mod server;
mod socket;
#[cfg(test)]
mod tests;
mod wait_for;

use std::path::{Path, PathBuf};

pub use self::error::EmbeddedError;
use self::{find::Search, home::Home, programs::Programs, server::Server, socket::Socket};

/// The role and the database of the application.
const APPLICATION: &str = "safestories";
/// The role that owns the cluster.
const SUPERUSER: &str = "postgres";

/// Where and how the private server runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of the data, the log and downloaded programs; made where missing. Another one is used
    /// (see [`Embedded::home`]) where root starts a server whose user cannot reach this one.
    pub home: PathBuf,
    /// False gives up safety against power cuts for speed: right for tests, wrong for data.
    pub durable: bool,
    /// Wait until another instance on this folder has ended, instead of failing.
    pub wait: bool,
}

/// A running private server; it stops when this value is dropped or the process ends in any way.
#[derive(Debug)]
pub struct Embedded {
    // Dropped in this order: the server has to be gone before the folder is free for others.
    server: Option<Server>,
    socket: Socket,
    programs: Programs,
    durable: bool,
    home: Home,
}

impl Embedded {
    /// Starts the server on the folder of `options` and waits until it takes connections. The first start
    /// makes the cluster, and fetches the programs where the machine has none.
    ///
    /// `progress` gets one line at the start of each step that may take longer than a second.
    ///
    /// # Errors
    /// See [`EmbeddedError`]; each one is a sentence for the person at the terminal.
    pub fn start(options: &Options, progress: &dyn Fn(&str)) -> Result<Self, EmbeddedError> {
        Self::start_with(&Search::this_machine(), options, progress)
    }

    fn start_with(search: &Search, options: &Options, progress: &dyn Fn(&str)) -> Result<Self, EmbeddedError> {
        let home = Home::claim(&options.home, options.wait, progress)?;
        let programs = find::find(search, &home, progress)?;
        cluster::prepare(&programs, &home, options.durable, progress)?;
        cluster::admit_owner(&home)?;
        let socket = Socket::in_reach_of(&home)?;
        let server = Server::launch(&programs, &home, &socket, options.durable, progress)?;
        Ok(Self { server: Some(server), socket, programs, durable: options.durable, home })
    }

    /// Whether an instance runs on the folder of `options` at this moment.
    pub fn is_running(options: &Options) -> bool {
        Home::is_claimed(&options.home)
    }

    /// Whether a server was ever started on the folder of `options`. Makes nothing.
    pub fn has_data(options: &Options) -> bool {
        Home::has_data(&options.home)
    }

    /// How the application connects to `database`: as a role that may log in and make databases and
    /// roles, but is no superuser and is bound by row-level security. At first there is one database,
    /// named like the role, `safestories`.
    pub fn url(&self, database: &str) -> String {
        self.socket.url(APPLICATION, database)
    }

    /// The superuser's connection, for changes that the application's role may not make.
    pub fn superuser_url(&self, database: &str) -> String {
        self.socket.url(SUPERUSER, database)
    }

    /// The folder actually used.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Stops the server: connections are cut, open transactions rolled back. Waits until it is gone.
    ///
    /// # Errors
    /// [`EmbeddedError::Ended`] where the server had already ended by itself or ends badly.
    pub fn stop(mut self) -> Result<(), EmbeddedError> {
        self.halt()
    }

    /// Stops the server like [`stop`](Self::stop), but keeps folder and address, for
    /// [`resume`](Self::resume). Does nothing while it is halted.
    ///
    /// # Errors
    /// As of [`stop`](Self::stop).
    pub fn halt(&mut self) -> Result<(), EmbeddedError> {
        self.server.take().map_or(Ok(()), Server::stop)
    }

    /// Starts the server again, at the same address; does nothing where it is running.
    ///
    /// # Errors
    /// Those of [`start`](Self::start) that concern a made cluster.
    pub fn resume(&mut self) -> Result<(), EmbeddedError> {
        if self.server.is_none() {
            let server = Server::launch(&self.programs, &self.home, &self.socket, self.durable, &|_: &str| {})?;
            self.server = Some(server);
        }
        Ok(())
    }
}
