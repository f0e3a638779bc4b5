//! Functions that run as the owner check the caller's rights themselves.

use super::{T1_ACCOUNT, log_in, practice, run, t1, tried};

const REFUSED: &str = "42501";

#[tokio::test]
async fn nobody_writes_a_trail_in_another_name() {
    let (api, mut owner) = practice().await;
    let mut conn = t1(&api, &mut owner).await;
    let write = |account: &str| {
        format!(
            r#"select internal.write_trail(jsonb_build_object('account', {account}, 'at', now()) ||
                   '{{"role": "therapist", "request": "r", "route": "x", "at_text": "x", "outcome": "done",
                     "action": "login", "sentence": "x", "entries": [{{"action": "login", "detail": {{}}}}]}}')::text"#
        )
    };
    assert_eq!(tried(&mut conn, &write(&T1_ACCOUNT.to_string())).await, Ok(String::new()));
    for another in ["12", "1", "null"] {
        assert_eq!(tried(&mut conn, &write(another)).await, Err(REFUSED.to_owned()), "{another}");
    }
}

#[tokio::test]
async fn an_account_that_awaits_confirmation_is_refused_whatever_role_it_says_it_has() {
    let (api, mut owner) = practice().await;
    run(
        &mut owner,
        "insert into internal.account_changes (user_id, kind, changed_by, changed_at, therapist_id, needs_review)
         values (11, 'password_reset', 1, now(), 'T1', true)",
    )
    .await;
    let mut conn = t1(&api, &mut owner).await;
    for role in ["therapist", "admin", "nobody"] {
        let write = format!(
            r#"select internal.write_trail(jsonb_build_object('account', {T1_ACCOUNT}, 'at', now()) ||
                   '{{"role": "{role}", "request": "r", "route": "x", "at_text": "x", "outcome": "done",
                     "entries": [{{"action": "session_notes_read", "detail": {{}}}}]}}')::text"#
        );
        assert_eq!(tried(&mut conn, &write).await, Err("SSAWC".to_owned()), "{role}");
    }
}

#[tokio::test]
async fn a_therapist_tells_of_their_own_sessions_only() {
    let (api, mut owner) = practice().await;
    let mut conn = t1(&api, &mut owner).await;
    let notify_those = |kind: &str, about: &str, account: &str, whom: &str, accounts: &str| {
        format!(
            "select internal.notify('{kind}', 't', 'm', '{about}', now()::timestamp, {account}, true, false, '{whom}',
                                    '{accounts}', 'x')::text"
        )
    };
    let notify = |kind: &str, about: &str, account: &str, whom: &str| notify_those(kind, about, account, whom, "{}");
    assert_eq!(tried(&mut conn, &notify("no_show", "B1", "11", "{}")).await, Ok(String::new()));
    assert_eq!(tried(&mut conn, &notify("no_show", "B1", "11", "{T1}")).await, Ok(String::new()));
    for wrong in [
        notify("break_glass", "B1", "11", "{}"),
        notify("no_show", "B2", "11", "{}"),
        notify("no_show", "nothing", "11", "{}"),
        notify("no_show", "B1", "12", "{}"),
        notify("no_show", "B1", "11", "{T2}"),
        notify_those("no_show", "B1", "11", "{}", "{12}"),
    ] {
        assert_eq!(tried(&mut conn, &wrong).await, Err(REFUSED.to_owned()), "{wrong}");
    }
}

#[tokio::test]
async fn a_therapist_deletes_what_is_their_own() {
    let (api, mut owner) = practice().await;
    let mut conn = t1(&api, &mut owner).await;
    let another = tried(&mut conn, "select notification_type from internal.delete_notification(2, 12)").await;
    assert_eq!(another, Err(REFUSED.to_owned()), "a notification of another account");
    run(
        &mut conn,
        "select internal.delete_notification(1, 11), internal.delete_notification(2, 11);
         select internal.delete_additional_note(n) from unnest(array[1, 2, 3, 6]) n;
         select internal.forget_draft(b) from unnest(array['B1', 'B2', 'B4', 'B5']) b;
         commit",
    )
    .await;
    for (left, ids) in [
        ("select string_agg(notification_id::text, ' ' order by 1) from notifications", "2 3"),
        ("select string_agg(note_id::text, ' ' order by 1) from client_additional_notes", "2 3 5 6"),
        ("select string_agg(note_id::text, ' ' order by 1) from internal.session_notes", "1 2 4 5"),
    ] {
        let found: String = sqlx::query_scalar(left).fetch_one(&mut owner).await.unwrap();
        assert_eq!(found, ids, "{left}");
    }
}

#[tokio::test]
async fn only_the_owner_lets_caches_follow() {
    let (api, mut owner) = practice().await;
    let mut conn = t1(&api, &mut owner).await;
    for owners in [
        "select internal.recount_clients('{C2}')::text",
        "select internal.refresh_client_facts('{C2}', now()::timestamp)::text",
        "select internal.add_booking_sums(1)::text",
        "select internal.follow_changes(now()::timestamp)::text",
        "select internal.follow_changes(now()::timestamp, 10)::text",
        "select internal.follow_facts()::text",
        "select internal.refresh_booking_facts('{B1}')::text",
        "select sum(paid)::text from internal.booking_facts",
        "select string_agg(search, '') from internal.booking_facts",
        "select count(*)::text from internal.client_facts",
        "select count(*)::text from internal.booking_changes",
        "select count(*)::text from internal.client_changes",
        "insert into internal.booking_changes (booking_id) values (null) returning 'added'",
    ] {
        assert_eq!(tried(&mut conn, owners).await, Err(REFUSED.to_owned()), "{owners}: is for the owner alone");
    }
}

/// Roles are read the way logins read them, and an unknown therapist's id is not stored as a key.
#[tokio::test]
async fn accounts_of_other_programs_are_told_and_kept_in_the_trail() {
    let (api, mut conn) = practice().await;
    run(
        &mut conn,
        "alter table users drop constraint users_therapist_id_fkey;
         insert into users (id, username, password, name, role, therapist_id) values
             (2, 'second', 'x', 'Second', E'Admin\n', null), (13, 'ila', 'x', 'Ila Sen', E'therapist\t', 'T3'),
             (14, 'host', 'x', 'Host', 'therapist', '58605')",
    )
    .await;
    let mut asking = t1(&api, &mut conn).await;
    run(
        &mut asking,
        "select internal.notify('sos_ticket', 't', 'm', 'B1', now()::timestamp, 11, false, true, '{}', '{}', 'x'); commit",
    )
    .await;
    let told: Vec<i32> = sqlx::query_scalar(
        "select user_id from notifications where related_id = 'B1' and user_role = 'admin' order by 1",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    assert_eq!(told, [1, 2]);
    for account in [13, 14] {
        run(
            &mut conn,
            &format!(
                r#"select internal.write_trail(jsonb_build_object('account', {account}, 'at', now()) ||
                       '{{"role": "therapist", "request": "r", "route": "x", "at_text": "x", "outcome": "done",
                         "action": "login", "sentence": "x", "entries": [{{"action": "login", "detail": {{}}}}]}}')"#
            ),
        )
        .await;
    }
    let kept: Vec<(Option<String>, Option<String>)> =
        sqlx::query_as("select therapist_id, therapist_name from audit_logs order by log_id desc limit 2")
            .fetch_all(&mut conn)
            .await
            .unwrap();
    let kept: Vec<_> = kept.iter().map(|(id, name)| (id.as_deref(), name.as_deref())).collect();
    assert_eq!(kept, [(None, Some("Host")), (Some("T3"), Some("Ila Sen"))]);
}

#[tokio::test]
async fn sessions_of_others_are_told_of_clients_now_assigned() {
    let (api, mut owner) = practice().await;
    let mut conn = t1(&api, &mut owner).await;
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
}

#[tokio::test]
async fn the_risk_before_is_told_of_what_a_therapist_may_read() {
    let (api, mut conn) = practice().await;
    // C3 is T1's now: high by B3, with T2; B4 is a draft. C4 is T2's: high by B6, with T2, and by B8, with T1.
    run(
        &mut conn,
        "insert into bookings (booking_id, therapist_id, booking_start_at, booking_status) values
             ('B6', 'T2', '2026-01-02', 'confirmed'), ('B7', 'T1', '2026-01-07', 'confirmed'),
             ('B8', 'T1', '2026-01-06', 'confirmed'), ('B9', 'T1', '2026-01-08', 'confirmed');
         insert into appointment_table (session_id, client_id) values
             ('B6', 'C4'), ('B7', 'C3'), ('B8', 'C4'), ('B9', 'C4');
         insert into client_session_notes (note_id, booking_id, current_risk_level) values (8, 'B6', 'high'), (9, 'B8', 'High')",
    )
    .await;
    let before =
        |client: &str, booking: &str| format!("select internal.was_high_before('{client}', '{booking}')::text");
    run(&mut conn, "begin").await;
    assert_eq!(tried(&mut conn, &before("C4", "B5")).await.as_deref(), Ok("true"), "as the practice knows");
    run(&mut conn, "rollback").await;
    let mut conn = t1(&api, &mut conn).await;
    for (client, booking, high, why) in [
        ("C3", "B4", "false", "not their session"),
        ("C3", "B7", "true", "an earlier note of a client now assigned"),
        ("C4", "B5", "false", "another's note of a client who is not"),
        ("C4", "B9", "true", "their own note"),
        ("C1", "B7", "false", "not this client's session"),
    ] {
        assert_eq!(tried(&mut conn, &before(client, booking)).await.as_deref(), Ok(high), "{why}");
    }
}

#[tokio::test]
async fn a_therapist_finds_only_their_own_log_and_clients_at_high_risk() {
    let (api, mut owner) = practice().await;
    run(
        &mut owner,
        "insert into bookings (booking_id, therapist_id, booking_status) values ('B6', 'T1', 'confirmed'), ('B7', 'T2', 'confirmed');
         insert into appointment_table (session_id, client_id) values ('B6', 'C1'), ('B7', 'C2');
         insert into client_session_notes (note_id, booking_id, current_risk_level) values (8, 'B6', 'high'), (9, 'B7', 'high')",
    )
    .await;
    let mut conn = t1(&api, &mut owner).await;
    for (query, found) in [
        (
            "select coalesce(string_agg(c, ' ' order by c), '') from internal.clients_once_at_high_risk() c
          where not exists (select from all_clients_table k where k.client_id = c and k.therapist_id = 'T1')",
            "",
        ),
        ("select count(*)::text from internal.clients_once_at_high_risk() c where c = 'C2'", "0"),
        ("select string_agg(l::text, ' ' order by l) from internal.own_audit_logs(null, null) l", "1"),
        ("select count(*)::text from internal.own_audit_logs(null, '2000-01-01') l", "0"),
    ] {
        assert_eq!(tried(&mut conn, query).await.as_deref(), Ok(found), "{query}");
    }
}

#[tokio::test]
async fn an_earlier_note_is_one_of_the_booking_it_is_asked_by() {
    let (api, mut owner) = practice().await;
    let mut conn = t1(&api, &mut owner).await;
    for (note, booking, earlier) in [
        (3, "B3", "true"),
        (4, "B4", "false"),
        (2, "B2", "false"),
        (2, "B3", "false"),
        (6, "B3", "false"),
        (4711, "B3", "false"),
    ] {
        let asked = format!("select internal.is_earlier_note({note}, '{booking}')::text");
        assert_eq!(tried(&mut conn, &asked).await.as_deref(), Ok(earlier), "{asked}");
    }
}

#[tokio::test]
async fn who_names_nobody_is_refused() {
    let (api, mut owner) = practice().await;
    let mut conn = log_in(&api, &mut owner).await;
    run(&mut conn, "begin").await;
    for call in [
        "select count(*)::text from internal.sessions_of_client('C1')",
        "select count(*)::text from internal.session_of_note('B1')",
        "select internal.was_high_before('C1', 'B1')::text",
        "select internal.clients_once_at_high_risk()",
        "select internal.own_audit_logs(null, null)::text",
        "select internal.account_name(1)",
        "select internal.therapist_name('T1')",
        "select internal.notify('no_show', 't', 'm', 'B1', now()::timestamp, null, true, false, '{}', '{}', 'x')::text",
        "select internal.is_earlier_note(3, 'B3')::text",
        "select internal.delete_additional_note(1)::text",
        "select notification_type from internal.delete_notification(1, 11)",
        "select internal.forget_draft('B1')::text",
    ] {
        assert_eq!(tried(&mut conn, call).await, Err(REFUSED.to_owned()), "{call}");
    }
}
