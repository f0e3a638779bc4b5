//! `safestories serve`: migrate, serve, and end in order.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::Args;
use ipnet::IpNet;
use tokio_util::sync::CancellationToken;

use super::DatabaseUrl;
use crate::{
    api,
    platform::{
        app::{App, Parts, Seals},
        embedded::{Embedded, Options},
        live::{self, EndedSessions},
        migrations,
        password::Passwords,
        postgres::Db,
        secret::Secrets,
        time::{Clock, Zone},
    },
};

/// How many connections the server keeps to PostgreSQL.
const CONNECTIONS: u32 = 8;

/// The settings of the server. Flags win over the environment.
#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    database: DatabaseUrl,
    /// Where to listen.
    #[arg(long, env = "SAFESTORIES_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where the private PostgreSQL and its secrets live, if no database is named.
    #[arg(long, env = "SAFESTORIES_DATA_DIR", default_value = "./.safestories")]
    data_dir: PathBuf,
    /// What access tokens are signed with: comma-separated `kid:secret` pairs, the first signs.
    #[arg(long, env = "SAFESTORIES_JWT_SECRET", hide_env_values = true)]
    jwt_secret: Option<String>,
    /// Addresses and ranges of proxies whose forwarded addresses count.
    #[arg(long, env = "SAFESTORIES_TRUSTED_PROXIES", value_delimiter = ',')]
    trusted_proxies: Vec<IpNet>,
    /// The practice's time zone.
    #[arg(long, env = "SAFESTORIES_TIME_ZONE", default_value = "Asia/Kolkata")]
    time_zone: Zone,
}

/// Serves until it is told to stop.
pub(super) async fn run(settings: Serve) -> anyhow::Result<ExitCode> {
    let mut embedded = None;
    let url = match &settings.database.database_url {
        Some(url) => url.clone(),
        None => {
            let options = Options { home: settings.data_dir.clone(), durable: true, wait: false };
            let server =
                tokio::task::spawn_blocking(move || Embedded::start(&options, &|line| eprintln!("{line}"))).await??;
            let url = server.url("safestories");
            embedded = Some(server);
            url
        }
    };
    let direct = settings.database.direct_database_url.clone();
    migrations::apply(direct.as_deref().unwrap_or(&url)).await?;
    let secrets: Secrets = settings
        .jwt_secret
        .as_deref()
        .unwrap_or("demo:0123456789abcdefghijklmnopqrstuvwxyz")
        .parse()?;
    let app = App::new(Parts {
        db: Db::new(&url, direct.as_deref(), CONNECTIONS)?,
        clock: Clock::System,
        zone: settings.time_zone,
        seals: Seals::derive(&secrets),
        secrets,
        ended: EndedSessions::default(),
        passwords: Passwords::default(),
        trusted_proxies: settings.trusted_proxies,
    });
    let stop = CancellationToken::new();
    let listener = tokio::net::TcpListener::bind(settings.listen).await?;
    let listening = tokio::spawn(live::listen(app.clone(), stop.clone()));
    let service = api::router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(async {
            tokio::signal::ctrl_c().await.ok();
        })
        .await?;
    stop.cancel();
    listening.await?;
    app.db.close().await;
    drop(embedded);
    Ok(ExitCode::SUCCESS)
}
