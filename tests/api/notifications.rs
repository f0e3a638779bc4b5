//! The recipients of notifications.

mod own;
pub mod stream;

use safestories::{
    audit::context::Actor,
    domain::{ids::UserId, status::UserRole},
    notifications::{Notice, NotificationKind, Recipient, notify},
};

use crate::{
    fixtures::{therapist, user},
    harness::TestApi,
};

/// Admins `a` (who acts), `b` and `c`; therapists' users `t`, `u`; users who cannot log in.
async fn people(api: &TestApi) -> UserId {
    api.given(therapist("T1")).await;
    api.given(therapist("T2")).await;
    let actor = api.given(user("a", "admin")).await;
    api.given(user("b", " Admin")).await;
    api.given(user("c", "ADMIN").with("therapist_id", "T1")).await;
    api.given(user("t", "Therapist").with("therapist_id", "T1")).await;
    api.given(user("u", "therapist").with("therapist_id", "T2")).await;
    api.given(user("r", "receptionist").with("therapist_id", "T1")).await;
    for (name, role) in [("x", "admin"), ("y", "therapist")] {
        let id = api.given(user(name, role).with("therapist_id", "T1")).await;
        sqlx::query("insert into internal.accounts (user_id, disabled_at) values ($1::integer, now())")
            .bind(id.parse::<i32>().expect("an id"))
            .execute(&mut *api.sql().await)
            .await
            .expect("an account");
    }
    UserId(actor.parse().expect("an id"))
}

/// The recipients, when `actor` does something.
async fn told(to: &[Recipient]) -> Vec<(String, String)> {
    let api = TestApi::new().await;
    let user_id = people(&api).await;
    let notice = Notice {
        kind: NotificationKind::NewBooking,
        title: &"é".repeat(300),
        message: "A session was booked.",
        related_id: Some(&"1".repeat(60)),
        to,
    };
    api.work(async |uow| {
        uow.act_as(Actor { user_id, role: UserRole::Admin, session_id: None });
        notify(uow, notice).await
    })
    .await
    .expect("notifications");
    sqlx::query_as(
        "select u.username, n.user_role
         from notifications n
         join users u on u.id = n.user_id
         where n.notification_type = 'new_booking'
           and not n.is_read
           and length(n.title) = 255
           and length(n.related_id) = 50
           and n.created_at = '2026-02-04 10:00:00'
         order by 1",
    )
    .fetch_all(&mut *api.sql().await)
    .await
    .expect("notifications")
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, role)| ((*name).to_owned(), (*role).to_owned())).collect()
}

#[tokio::test]
async fn admins_are_told_but_not_the_one_who_did_it_nor_who_cannot_log_in() {
    assert_eq!(told(&[Recipient::Admins]).await, pairs(&[("b", "admin"), ("c", "admin")]));
}

#[tokio::test]
async fn every_admin_includes_the_one_who_did_it() {
    let expected = pairs(&[("a", "admin"), ("b", "admin"), ("c", "admin")]);
    assert_eq!(told(&[Recipient::EveryAdmin, Recipient::Admins]).await, expected);
}

#[tokio::test]
async fn a_therapists_users_are_told_beside_the_admins() {
    let expected = pairs(&[("b", "admin"), ("c", "admin"), ("t", "therapist")]);
    assert_eq!(told(&[Recipient::Admins, Recipient::Therapist("T1".into())]).await, expected);
}

#[tokio::test]
async fn a_notice_to_nobody_writes_nothing() {
    assert_eq!(told(&[Recipient::Therapist("T9".into())]).await, []);
    assert_eq!(told(&[]).await, []);
}
