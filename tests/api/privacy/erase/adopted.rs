//! Rows of other programs that only resemble the client's.

use serde_json::json;

use super::{EMAIL, NAME, PHONE, erase, practice, run, value, with_passwords};
use crate::{
    fixtures::{client, therapist},
    harness::TestApi,
};

#[tokio::test]
async fn of_the_caches_of_other_programs_only_the_clients_rows_go() {
    let api = TestApi::new().await;
    with_passwords(&api).await;
    api.given(therapist("T1")).await;
    api.given_all([
        client("C1").with("client_name", NAME).with("phone_number", PHONE).with("email_id", EMAIL),
        client("C8").with("client_name", NAME),
    ])
    .await;
    run(
        &api,
        "insert into therapist_clients_summary (id, therapist_id, client_name, client_phone)
         values (1, 'T1', 'Zubin Qureshi', '98123 00077'), (2, 'T1', 'Nadia Mistry', '98123 00077'),
                (3, 'T1', 'Zubin Qureshi', '98123 00070'), (4, 'T1', 'Zubin Qureshi', null);
         insert into therapist_appointments_cache (id, therapist_id, client_name, contact_info)
         values (1, 'T1', 'Zubin Qureshi', 'ZUBIN.q@example.org'), (2, 'T1', 'Nadia Mistry', 'zubin.q@example.org'),
                (3, 'T1', null, null)",
    )
    .await;
    let done = erase(&api, "C1").await.created();
    for table in ["therapist_clients_summary", "therapist_appointments_cache"] {
        assert_eq!(done["tables"]["destroyed"][table], 1, "{done}");
    }
    let left = "select jsonb_build_array((select jsonb_agg(id order by id) from therapist_clients_summary),
                                         (select jsonb_agg(id order by id) from therapist_appointments_cache))";
    assert_eq!(value(&api, left).await, json!([[2, 3, 4], [2, 3]]));
}

#[tokio::test]
async fn an_adopted_session_noted_twice_keeps_the_other_clients_row() {
    let (api, id) = practice().await;
    api.given(client("C9").with("client_name", "Nadia Mistry")).await;
    run(
        &api,
        "alter table appointment_table drop constraint appointment_table_pkey cascade;
         insert into appointment_table (session_id, client_id, client_name, contact_info)
         values ('90001', 'C9', 'Nadia Mistry', 'nadia@example.org');
         insert into audit_logs (therapist_name, action_type, action_description, client_name)
         values ('Front desk', 'x', 'Called Nadia Mistry', 'Nadia Mistry')",
    )
    .await;
    erase(&api, &id).await.is(201);
    let theirs = "select to_jsonb(a) - 'session_timings' from appointment_table a where client_id = 'C9'";
    let kept = value(&api, theirs).await;
    assert_eq!((&kept["client_name"], &kept["contact_info"]), (&json!("Nadia Mistry"), &json!("nadia@example.org")));
    let logged = "select count(*) from audit_logs where action_type = 'x' and client_name = 'Nadia Mistry'";
    assert_eq!(value(&api, logged).await, json!(1));
}
