//! Row-level security in an adopted database: the report on its roles, default privileges and accounts.

use safestories::{
    db::migrate::{self, Error},
    integrity::adoption::ForeignTriggers::Accept,
};
use sqlx::AssertSqlSafe;

use super::{adopted, assert_tells, legacy, obstacles};
use crate::harness::TestApi;

#[tokio::test]
async fn a_sequence_of_another_role_is_asked_for() {
    let (url, mut conn) = legacy(
        "create sequence numbers start 100;
         alter table client_session_notes alter note_id set default nextval('numbers')",
    )
    .await;
    let other = format!("other_{}", url.name());
    // Its owner, and nobody else, hands it on.
    let as_other = format!("grant {other} to current_user; set role {other}");
    let done = format!("; reset role; revoke {other} from current_user");
    let no_creator = format!("revoke create on schema public from {other}");
    sqlx::raw_sql(AssertSqlSafe(format!(
        "create role {other}; grant {other} to current_user; grant create, usage on schema public to {other};
         alter sequence numbers owner to {other}; grant select on bookings, payments to {other}; {as_other};
         grant usage on sequence numbers to safestories{done}; {no_creator}"
    )))
    .execute(&mut conn)
    .await
    .unwrap();
    let told = obstacles(&url, Some(Accept)).await;
    let [told] = &told[..] else { panic!("{told:?}") };
    let grant = "grant usage on sequence public.numbers to safestories with grant option";
    assert_eq!(
        *told,
        format!("the sequence public.numbers, which numbers notes, belongs to {other}: as that role, `{grant}`")
    );
    sqlx::raw_sql(AssertSqlSafe(format!("{as_other}; {grant}{done}"))).execute(&mut conn).await.unwrap();
    let report = adopted(&url, Some(Accept)).await;
    assert_tells(&report.theirs, &[&format!("the role {other} has rights on 2 of the tables: its `copy … from`")]);
    migrate::check_rls(&mut conn).await.expect("therapists may number notes");

    // A sequence that another role adds later lacks the grants; the error names the statement.
    let more = "create sequence more";
    let default = "alter table client_session_notes alter note_id set default nextval('more')";
    sqlx::raw_sql(AssertSqlSafe(format!(
        "grant create on schema public to {other}; {as_other}; {more}{done}; {default}; {no_creator}"
    )))
    .execute(&mut conn)
    .await
    .unwrap();
    let Err(Error::Role(statements)) = migrate::apply(&url).await else { panic!("a therapist cannot add a note") };
    assert_eq!(statements, ["grant usage on sequence public.more to safestories_therapist, safestories"]);
    sqlx::raw_sql(AssertSqlSafe(format!("{as_other}; {}{done}", statements[0]))).execute(&mut conn).await.unwrap();
    migrate::apply(&url).await.expect("all there");
    migrate::check_rls(&mut conn).await.expect("all there");
    sqlx::raw_sql(AssertSqlSafe(format!(
        "grant {other} to current_user; drop owned by {other} cascade; drop role {other}"
    )))
    .execute(&mut conn)
    .await
    .unwrap();
}

#[tokio::test]
async fn what_is_ours_is_not_opened_to_everybody_by_their_defaults() {
    let (url, mut conn) = legacy(
        "alter default privileges grant select on tables to public;
         alter default privileges grant usage on sequences to public;
         grant select on bookings to public",
    )
    .await;
    let report = adopted(&url, Some(Accept)).await;
    assert_tells(&report.theirs, &["everybody (PUBLIC) has rights on 1 of the tables"]);
    let open: Vec<String> = sqlx::query_scalar(
        "select oid::regclass::text
         from pg_class
         cross join aclexplode(relacl) acl
         where relnamespace = 'internal'::regnamespace
           and acl.grantee = 0",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    assert_eq!(open, [] as [&str; 0]);
    migrate::check_rls(&mut conn).await.expect("whole");
}

#[tokio::test]
async fn an_account_whose_therapist_does_not_exist_logs_in() {
    let (url, _) = legacy(
        "insert into users (username, password, name, role, therapist_id)
         values ('host', 'x', 'Host', E' Therapist\\n', '58605')",
    )
    .await;
    let report = adopted(&url, Some(Accept)).await;
    assert_tells(&report.data, &["users with a role other than admin or therapist (they cannot log in): 1"]);
    let api = TestApi::over(url);
    let known = api.sign_up("known", "therapist", Some("t1")).await;
    sqlx::query("update users set password = (select password from users where id = $1) where username = 'host'")
        .bind(known)
        .execute(&mut *api.sql().await)
        .await
        .unwrap();
    api.log_in("host").await;
    let kept: (Option<String>, Option<String>) =
        sqlx::query_as("select therapist_id, therapist_name from audit_logs where action_type = 'login'")
            .fetch_one(&mut *api.sql().await)
            .await
            .unwrap();
    assert_eq!(kept, (None, Some("Host".to_owned())));
}
