//! The bookings of one client.

use serde_json::Value;

use super::{BOOKINGS, ids};
use crate::{
    fixtures::{booking, client, therapist},
    harness::TestApi,
};

#[tokio::test]
async fn a_clients_bookings_are_those_of_the_list_under_its_filter() {
    let api = TestApi::new().await;
    api.given_all([therapist("T1"), therapist("T2"), client("C1"), client("C2")]).await;
    let rows = [
        booking("T1", "2026-02-05T10:30:00Z").of_client("C1"),
        booking("T2", "2026-02-01T10:30:00Z").of_client("C1").with("booking_status", "canceled"),
        booking("T1", "2026-01-05T10:30:00Z").of_client("C1").with("booking_start_at", Value::Null),
        booking("T1", "2026-02-06T10:30:00Z").of_client("C2"),
    ];
    let keys = api.given_all(rows).await;
    let path = "/api/v1/admin/clients/C1/bookings";
    for query in ["", "state=cancelled", "tab=upcoming", "from=2026-02-05", "sort=booking_start_at", "include=total"] {
        let of_client = api.admin().get(&format!("{path}?{query}")).await.ok();
        let of_all = api.admin().get(&format!("{BOOKINGS}?client_id=C1&{query}")).await.ok();
        assert_eq!(of_client["data"], of_all["data"], "{query}");
        assert_eq!(of_client["page"]["total"], of_all["page"]["total"], "{query}");
    }
    assert_eq!(ids(&api.admin().get(path).await.data()), [&keys[0], &keys[1], &keys[2]]);
    api.admin().get(&format!("{path}?client_id=C2")).await.is_invalid(&["client_id"]);

    let own = api.therapist("T1").get("/api/v1/therapist/clients/C1/bookings").await.data();
    assert_eq!(ids(&own), [&keys[0], &keys[2]]);
    assert!(own.iter().all(|row| row["invitee_payment_amount"].is_null()));
    let none = api.therapist("T2").get("/api/v1/therapist/clients/C2/bookings").await;
    none.is_problem(404, "not-found");
}
