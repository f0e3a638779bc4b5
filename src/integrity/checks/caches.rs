//! Derived rows that differ from a recomputation.

use sqlx::PgConnection;

use crate::{
    app::unit_of_work::UnitOfWork,
    dashboards::cache,
    db::repair::RepairedRows,
    error::Result,
    integrity::check::{Findings, Look, Sample, checks},
};

checks! {
    "cache_drift" = Warning, "Derived rows that have drifted from their sources" {
        rule: "`therapist_dashboard_stats`, `therapist_clients_summary`, `therapist_appointments_cache`, `all_clients_table.no_of_sessions`, `appointment_table` (but for its client and its therapist's name) and the facts of bookings and clients and their sums (`internal.booking_facts`, `internal.booking_sums`, `internal.therapist_weeks`, `internal.client_facts`, `internal.therapist_client_facts`) equal a full recomputation. They follow every write, of other programs within a second; what writes into them by itself, or past the triggers, makes them drift. What the clock alone changes (upcoming sessions) does not count.",
        find: drifted,
        remedy: "All of them are written anew from their sources, as `POST /api/v1/admin/caches/rebuild` does.",
        repair: rebuild,
    }
}

async fn drifted(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let drift = cache::drift(db, look.now).await?;
    let tables = [
        ("therapist_dashboard_stats", drift.dashboard_stats),
        ("therapist_clients_summary", drift.clients_summary),
        ("therapist_appointments_cache", drift.appointments_cache),
        ("all_clients_table", drift.client_sessions),
        ("appointment_table", drift.appointments),
        ("internal.booking_facts", drift.booking_facts),
        ("internal.booking_sums", drift.booking_sums),
        ("internal.client_facts", drift.client_facts),
    ];
    let sample = |(table, rows): (&str, i64)| Sample {
        table: table.to_owned(),
        id: "*".to_owned(),
        about: format!("{rows} rows are too many, missing, or hold other values"),
    };
    let samples = tables.into_iter().filter(|(_, rows)| *rows > 0).map(sample).take(look.samples).collect();
    Ok(Findings { count: drift.rows(), samples })
}

async fn rebuild(uow: &mut UnitOfWork) -> Result<RepairedRows> {
    let now = uow.now();
    let drifted = cache::drift(uow.db(), now).await?.rows();
    if drifted == 0 {
        return Ok(RepairedRows::default());
    }
    cache::rebuild(uow.db(), now).await?;
    Ok(RepairedRows { rows: drifted, ids: Vec::new() })
}
