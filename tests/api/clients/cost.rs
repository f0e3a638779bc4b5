//! The cost of a therapist's lists grows with the therapist's own rows, not with the practice.

use super::{OWN, run};
use crate::{fixtures::therapist, harness::TestApi};

/// A therapist with a few clients, whose names sort after all others.
async fn practice() -> TestApi {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2")]).await;
    // By connections that end, so that their statistics are counted before.
    api.rows_read_by(async |instance| {
        run(
            instance,
            "insert into all_clients_table (client_id, client_name, phone_number, therapist_id)
             select 'c' || n, case when n > 4950 then 'Zara ' else 'Anna ' end || n, '+9190000' || lpad(n::text, 5, '0'),
                    case when n > 4950 then 'T1' else 'T2' end
             from generate_series(1, 5000) as n;
             insert into bookings
                 (booking_id, therapist_id, booking_status, booking_start_at, booking_duration, booking_mode, invitee_name)
             select 'b' || n, therapist_id, 'completed', timestamp '2026-02-01' - interval '1 hour' * n, 50,
                    'google_meet', client_name
             from all_clients_table
             cross join lateral (select substr(client_id, 2)::integer as n) as numbered;
             insert into appointment_table (session_id, client_id, therapist_id)
             select booking_id, 'c' || substr(booking_id, 2), therapist_id from bookings",
        )
        .await;
        instance.analyze().await;
    })
    .await;
    api
}

#[tokio::test]
async fn a_therapists_clients_are_found_without_looking_at_the_others() {
    let api = practice().await;
    let me = api.therapist("T1");
    me.authorization().await;
    for query in ["limit=50", "q=zara", "q=nobody", "sort=last_session_at", "sort=-last_session_at", "include=total"] {
        let read = api
            .rows_read_by(async |instance| {
                instance.therapist("T1").get(&format!("{OWN}?{query}")).await.ok();
            })
            .await;
        assert!((1..3_000).contains(&read), "{query} read {read} rows");
    }
}
