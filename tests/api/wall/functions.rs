//! What runs as the owner says itself what it does for whom.

use super::{AS_T1, T1_ACCOUNT, practice, run, tried};

const REFUSED: &str = "42501";

#[tokio::test]
async fn nobody_writes_a_trail_in_another_name() {
    let (_api, mut conn) = practice().await;
    run(&mut conn, "begin").await;
    run(&mut conn, AS_T1).await;
    let write = |account: &str| {
        format!(
            "select internal.write_trail({account}, 'login', 'x', null, null, 'x', now(), 'therapist', null, 'r', 'x',
                                         'done', null, '{{login}}', '{{null}}', '{{null}}', '{{null}}', array['{{}}'::jsonb])::text"
        )
    };
    assert_eq!(tried(&mut conn, &write(&T1_ACCOUNT.to_string())).await, Ok(String::new()));
    for another in ["12", "1", "null"] {
        assert_eq!(tried(&mut conn, &write(another)).await, Err(REFUSED.to_owned()), "{another}");
    }
}

#[tokio::test]
async fn a_therapist_tells_of_their_own_sessions_only() {
    let (_api, mut conn) = practice().await;
    run(&mut conn, "begin").await;
    run(&mut conn, AS_T1).await;
    let notify = |kind: &str, about: &str, account: &str, whom: &str| {
        format!(
            "select internal.notify('{kind}', 't', 'm', '{about}', now()::timestamp, {account}, true, false, '{whom}', 'x')::text"
        )
    };
    assert_eq!(tried(&mut conn, &notify("no_show", "B1", "11", "{}")).await, Ok(String::new()));
    assert_eq!(tried(&mut conn, &notify("no_show", "B1", "11", "{T1}")).await, Ok(String::new()));
    for wrong in [
        notify("break_glass", "B1", "11", "{}"),
        notify("no_show", "B2", "11", "{}"),
        notify("no_show", "nothing", "11", "{}"),
        notify("no_show", "B1", "12", "{}"),
        notify("no_show", "B1", "11", "{T2}"),
    ] {
        assert_eq!(tried(&mut conn, &wrong).await, Err(REFUSED.to_owned()), "{wrong}");
    }
}

#[tokio::test]
async fn caches_follow_ones_own_bookings_only() {
    let (_api, mut conn) = practice().await;
    run(&mut conn, "begin").await;
    run(&mut conn, AS_T1).await;
    let follow = |bookings: &str, before: &str| {
        format!(
            "select internal.follow_bookings('{bookings}', '{before}', '{{C1}}', '{{active}}', now()::timestamp)::text"
        )
    };
    assert_eq!(tried(&mut conn, &follow("{B1}", "{T1}")).await, Ok(String::new()));
    for wrong in [follow("{B2}", "{T1}"), follow("{B1}", "{T2}"), follow("{B1,B2}", "{T1}"), follow("{B1}", "{null}")] {
        assert_eq!(tried(&mut conn, &wrong).await, Err(REFUSED.to_owned()), "{wrong}");
    }
    let recount = tried(&mut conn, "select internal.recount_clients('{C2}')::text").await;
    assert_eq!(recount, Err(REFUSED.to_owned()), "is for the owner alone");
}

#[tokio::test]
async fn sessions_of_others_are_told_of_clients_now_assigned() {
    let (_api, mut conn) = practice().await;
    run(&mut conn, "begin").await;
    run(&mut conn, AS_T1).await;
    let sessions = "select string_agg(booking_id, ' ' order by booking_id) from internal.sessions_of_client";
    for (client, seen) in [("C1", "B1"), ("C2", ""), ("C3", "B3 B4"), ("C4", "B5"), ("nobody", "")] {
        assert_eq!(tried(&mut conn, &format!("{sessions}('{client}')")).await.as_deref(), Ok(seen), "{client}");
    }
    let session = "select concat_ws(' ', client_id, therapist_id) from internal.session_of_note";
    for (booking, seen) in
        [("B1", Some("C1 T1")), ("B2", None), ("B3", Some("C3 T2")), ("B5", Some("C4 T1")), ("x", None)]
    {
        let found = tried(&mut conn, &format!("select coalesce(({session}('{booking}')), '-')")).await;
        assert_eq!(found.as_deref(), Ok(seen.unwrap_or("-")), "{booking}");
    }
    let high = "select internal.was_high_before";
    assert_eq!(
        tried(&mut conn, &format!("{high}('C3', 'B4')::text")).await.as_deref(),
        Ok("false"),
        "not their session"
    );
}

#[tokio::test]
async fn who_names_nobody_is_refused() {
    let (_api, mut conn) = practice().await;
    run(&mut conn, "begin; set local role safestories_therapist").await;
    for call in [
        "select count(*)::text from internal.sessions_of_client('C1')",
        "select count(*)::text from internal.session_of_note('B1')",
        "select internal.was_high_before('C1', 'B1')::text",
        "select internal.account_name(1)",
        "select internal.therapist_name('T1')",
        "select internal.follow_bookings('{B1}', '{T1}', '{C1}', '{active}', now()::timestamp)::text",
        "select internal.notify('no_show', 't', 'm', 'B1', now()::timestamp, null, true, false, '{}', 'x')::text",
    ] {
        assert_eq!(tried(&mut conn, call).await, Err(REFUSED.to_owned()), "{call}");
    }
    let earlier = tried(&mut conn, "select internal.is_earlier_note(3, 'B3')::text").await;
    assert_eq!(earlier.as_deref(), Ok("false"));
}
