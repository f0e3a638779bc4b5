//! Compares the caches with a recomputation.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::{domain::time::Timestamp, error::Result};

/// How many rows differ from a recomputation: too many, missing, or with other values. Ids and the times of writing are
/// not compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drift {
    /// Rows of `therapist_dashboard_stats`, but for the columns that depend on the clock.
    pub dashboard_stats: i64,
    /// Rows of `therapist_clients_summary`.
    pub clients_summary: i64,
    /// Rows of `therapist_appointments_cache`.
    pub appointments_cache: i64,
    /// Clients with another `no_of_sessions`.
    pub client_sessions: i64,
    /// Rows of `appointment_table` that repeat other values than their booking has.
    pub appointments: i64,
    /// Rows of `internal.booking_facts`.
    pub booking_facts: i64,
    /// Rows of `internal.booking_sums` and `internal.therapist_weeks`.
    pub booking_sums: i64,
    /// Rows of `internal.client_facts` and `internal.therapist_client_facts`.
    pub client_facts: i64,
    /// Therapists with another `upcoming_bookings` or `sessions_booked`. The clock alone makes these, until the
    /// therapist's next booking is written.
    pub upcoming: i64,
}

impl Drift {
    /// Rows that no clock explains.
    pub fn rows(self) -> i64 {
        self.dashboard_stats
            + self.clients_summary
            + self.appointments_cache
            + self.client_sessions
            + self.appointments
            + self.booking_facts
            + self.booking_sums
            + self.client_facts
    }
}

/// Compares the caches with a recomputation at an instant. Reads everything.
pub async fn drift(db: &mut PgConnection, now: DateTime<Utc>) -> Result<Drift> {
    let drift = sqlx::query_as!(
        Drift,
        r#"with figures as materialized (
               select * from internal.therapist_figures($1)
           )
           select (
                      select count(*)
                      from (select * from figures where length(therapist_id) <= 50) f
                      full join therapist_dashboard_stats s on s.therapist_id = f.therapist_id
                      where (s.total_sessions, s.confirmed_sessions, s.cancelled_sessions, s.no_shows)
                            is distinct from (f.total, f.confirmed, f.cancelled, f.no_shows)
                        and (s.id is not null or f.total > 0)
                  ) as "dashboard_stats!",
                  (
                      select count(*)
                      from internal.clients_summary() d
                      full join (
                          select s.*, l.client_id
                          from therapist_clients_summary s
                          left join internal.clients_summary_rows l on l.id = s.id
                      ) s on s.client_id = d.client_id and s.therapist_id = d.therapist_id
                      where (s.client_name, s.client_email, s.client_phone, s.total_sessions, s.last_session_date)
                            is distinct from (d.client_name, d.client_email, d.client_phone, d.sessions, d.last_session)
                         or s.id is null
                         or d.client_id is null
                  ) as "clients_summary!",
                  (
                      select count(*)
                      from internal.appointments_cache() d
                      full join (
                          select c.*, l.booking_id
                          from therapist_appointments_cache c
                          left join internal.appointments_cache_rows l on l.id = c.id
                      ) c on c.booking_id = d.booking_id
                      where (c.therapist_id, c.session_timings, c.session_name, c.client_name, c.contact_info, c.mode,
                             c.booking_date, c.booking_status)
                            is distinct from (d.therapist_id, d.session_timings, d.session_name, d.client_name,
                                              d.contact_info, d.mode, d.booking_date, d.booking_status)
                  ) as "appointments_cache!",
                  (
                      select count(*)
                      from internal.client_figures() d
                      join all_clients_table c on c.client_id = d.client_id
                      where c.no_of_sessions is distinct from d.sessions
                  ) as "client_sessions!",
                  (select count(*) from internal.drifted_appointments()) as "appointments!",
                  (select count(*) from internal.drifted_facts()) as "booking_facts!",
                  (select count(*) from internal.drifted_booking_sums())
                      + (select count(*) from internal.drifted_therapist_weeks()) as "booking_sums!",
                  internal.drifted_client_facts() as "client_facts!",
                  (
                      select count(*)
                      from figures f
                      join therapists t on t.therapist_id = f.therapist_id
                      left join therapist_dashboard_stats s on s.therapist_id = f.therapist_id
                      where t.sessions_booked is distinct from f.upcoming
                         or s.id is not null and s.upcoming_bookings is distinct from f.upcoming
                  ) as "upcoming!""#,
        Timestamp::from(now) as Timestamp,
    )
    .fetch_one(db)
    .await?;
    Ok(drift)
}
