//! The cost of a request, in rows read.

use super::TestApi;

impl TestApi {
    /// How many rows of the growing tables are read by requests to an instance of its own: connections report their
    /// statistics when they close. The caller has to be logged in before.
    pub async fn rows_read_by(&self, act: impl AsyncFnOnce(&Self)) -> i64 {
        let others = "select count(*) from pg_stat_activity where datname = current_database()";
        let before = self.rows_read().await;
        let connections: i64 = sqlx::query_scalar(others).fetch_one(&mut *self.sql().await).await.expect("a count");
        let instance = self.second_instance();
        act(&instance).await;
        drop(instance);
        self.until(&format!("({others}) <= {connections}")).await;
        self.rows_read().await - before
    }

    async fn rows_read(&self) -> i64 {
        sqlx::query_scalar(
            "select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint
             from pg_stat_user_tables
             where relname in ('bookings', 'appointment_table', 'all_clients_table', 'therapist_appointments_cache',
                               'therapist_clients_summary', 'appointments_cache_rows', 'clients_summary_rows',
                               'client_session_notes', 'payments', 'refund_cancellation_table')",
        )
        .fetch_one(&mut *self.sql().await)
        .await
        .expect("figures")
    }
}
