//! Looking up names.

use std::{
    fmt::{self, Debug, Formatter},
    io,
    net::IpAddr,
    sync::Arc,
};

use futures_util::future::BoxFuture;

type Found = BoxFuture<'static, io::Result<Vec<IpAddr>>>;

/// How the addresses of a name are found; cheap to clone.
#[derive(Clone)]
pub struct Lookup(Arc<dyn Fn(String) -> Found + Send + Sync>);

impl Lookup {
    /// As the system does.
    pub fn system() -> Self {
        Self::by(|name| {
            Box::pin(async move {
                let found = tokio::net::lookup_host((name, 0)).await?;
                Ok(found.map(|address| address.ip()).collect())
            })
        })
    }

    /// In another way, for tests.
    pub fn by(find: impl Fn(String) -> Found + Send + Sync + 'static) -> Self {
        Self(Arc::new(find))
    }

    pub(super) fn find(&self, name: String) -> Found {
        (self.0)(name)
    }
}

impl Debug for Lookup {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Lookup")
    }
}
