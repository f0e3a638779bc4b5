//! Row-level security in the catalogue: no table or function is open by accident.

use safestories::db::migrate;
use sqlx::PgConnection;

use super::{is_whole, login, practice, run, t1};
use crate::harness::TestApi;

async fn texts(conn: &mut PgConnection, sql: &'static str) -> Vec<String> {
    sqlx::query_scalar(sql).fetch_all(conn).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

#[tokio::test]
async fn what_was_granted_is_behind_a_policy_for_its_verb() {
    let (_api, mut conn) = practice().await;
    let open = texts(
        &mut conn,
        "select format('%s %s', verb, pg_class.oid::regclass)
         from pg_class
         join pg_namespace on pg_namespace.oid = relnamespace
         cross join (values ('select', 'r'), ('insert', 'a'), ('update', 'w'), ('delete', 'd')) verbs (verb, letter)
         where nspname in ('public', 'internal')
           and relkind in ('r', 'p')
           and (has_table_privilege('safestories_therapist', pg_class.oid, verb)
                or verb <> 'delete' and has_any_column_privilege('safestories_therapist', pg_class.oid, verb))
           and not (relrowsecurity and exists (
               select
               from pg_policy
               where polrelid = pg_class.oid
                 and polcmd::text in (letter, '*')
                 and not polpermissive
                 and polroles = array['safestories_therapist'::regrole::oid]
           ))
         union all
         select format('select %s, which is no table', pg_class.oid::regclass)
         from pg_class
         join pg_namespace on pg_namespace.oid = relnamespace
         where nspname in ('public', 'internal')
           and relkind in ('v', 'm', 'f')
           and has_any_column_privilege('safestories_therapist', pg_class.oid, 'select')",
    )
    .await;
    assert_eq!(open, [] as [&str; 0]);
}

#[tokio::test]
async fn all_twenty_tables_are_secured_and_none_is_forced_upon_its_owner() {
    let (_api, mut conn) = practice().await;
    let unlike = texts(
        &mut conn,
        "select relname::text
         from pg_class
         join pg_namespace on pg_namespace.oid = relnamespace
         where nspname = 'public'
           and relkind = 'r'
           and (not relrowsecurity or relforcerowsecurity or row_security_active(pg_class.oid))",
    )
    .await;
    assert_eq!(unlike, [] as [&str; 0]);
}

#[tokio::test]
async fn the_role_is_nothing_by_itself() {
    let (_api, mut conn) = practice().await;
    let powers = texts(
        &mut conn,
        "select 'power'
         from pg_roles
         where rolname in ('safestories_therapist', 'safestories_guest', (select login from internal.therapist_login))
           and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication
                or rolcanlogin and rolname = 'safestories_therapist')
         union all
         select 'member of ' || roleid::regrole
         from pg_auth_members
         where member in (
             select oid
             from pg_roles
             where rolname in ('safestories_therapist', 'safestories_guest', (select login from internal.therapist_login))
         )
         union all
         select 'owner of ' || classid::regclass
         from pg_shdepend
         where refobjid in (
             select oid
             from pg_roles
             where rolname in ('safestories_therapist', 'safestories_guest', (select login from internal.therapist_login))
         )
           and deptype = 'o'",
    )
    .await;
    assert_eq!(powers, ["member of safestories_therapist"], "the login is one of the group");
}

#[tokio::test]
async fn what_runs_as_the_owner_is_known_and_cannot_be_redirected() {
    let (_api, mut conn) = practice().await;
    let definers = texts(
        &mut conn,
        "select proname || case
                    when not coalesce('search_path=pg_catalog, pg_temp' = any (proconfig), false) then ': redirectable'
                    when prorettype = 'trigger'::regtype then ' (trigger)'
                    when exists (select from aclexplode(coalesce(proacl, acldefault('f', proowner))) where grantee = 0)
                        then ': open to all'
                    else ''
                end
         from pg_proc
         join pg_namespace on pg_namespace.oid = pronamespace
         where nspname in ('public', 'internal')
           and prosecdef
           and not exists (
               select
               from pg_depend
               where classid = 'pg_proc'::regclass
                 and objid = pg_proc.oid
                 and deptype = 'e'
           )
         order by 1",
    )
    .await;
    assert_eq!(
        definers,
        [
            "account_name",
            "bookings_found",
            "clients_once_at_high_risk",
            "count_calendar_revision (trigger)",
            "delete_additional_note",
            "delete_notification",
            "end_sessions_of_user (trigger)",
            "forget_draft",
            "is_earlier_note",
            "is_erased",
            "is_own_booking",
            "is_own_client",
            "is_sealed",
            "is_seen_note",
            "keep_signed_note (trigger)",
            "keep_signed_notes (trigger)",
            "lapsed_bookings",
            "linked_therapist",
            "notify",
            "opened_link",
            "own_audit_logs",
            "own_therapist_unless_owner",
            "publish_bookings (trigger)",
            "publish_checkpoints (trigger)",
            "publish_client_records (trigger)",
            "publish_clients (trigger)",
            "publish_notes (trigger)",
            "publish_payments (trigger)",
            "publish_refunds (trigger)",
            "publish_requests (trigger)",
            "publish_signatures (trigger)",
            "session_of_note",
            "sessions_of_client",
            "tell_of_rows (trigger)",
            "therapist_name",
            "track_all (trigger)",
            "track_appointments (trigger)",
            "track_bookings (trigger)",
            "track_client_records (trigger)",
            "track_clients (trigger)",
            "track_note_states (trigger)",
            "track_payments (trigger)",
            "track_refunds (trigger)",
            "track_requests (trigger)",
            "track_session_notes (trigger)",
            "track_therapists (trigger)",
            "was_high_before",
            "was_own_note",
            "write_trail",
        ]
    );
}

/// A body of text is understood when the function runs, along the search path of that moment.
#[tokio::test]
async fn functions_do_not_look_along_the_path_of_whoever_calls_them() {
    let (_api, mut conn) = practice().await;
    let redirectable = texts(
        &mut conn,
        "select p.oid::regprocedure::text
         from pg_proc p
         join pg_language l on l.oid = p.prolang
         where p.pronamespace in ('public'::regnamespace, 'internal'::regnamespace)
           and (l.lanname = 'plpgsql' or l.lanname = 'sql' and p.prosqlbody is null)
           and not exists (select from unnest(p.proconfig) setting where setting ^@ 'search_path=')
           and not exists (
               select
               from pg_depend d
               where d.classid = 'pg_proc'::regclass
                 and d.objid = p.oid
                 and d.deptype = 'e'
           )
         order by 1",
    )
    .await;
    assert_eq!(redirectable, [] as [&str; 0]);
}

/// The digest of row-level security is there for this.
#[tokio::test]
async fn whatever_is_opened_later_is_noticed_and_closed_again() {
    let (api, mut conn) = practice().await;
    let to_the_login = format!("grant select on public.payments to {}", login(&mut conn).await);
    for opening in [
        &*to_the_login,
        "alter policy safestories_reads on public.bookings using (true)",
        "alter policy safestories_adds on internal.session_notes with check (true)",
        "alter policy safestories_removes on public.payments to public",
        "drop policy safestories_changes on public.bookings",
        "alter table public.payments disable row level security",
        "grant select on internal.erasure_certificates to public",
        "grant select (client_id) on internal.erasure_certificates to safestories_therapist",
        "grant delete on public.bookings to safestories_therapist",
        "grant usage on sequence public.payments_payment_id_seq to safestories_therapist",
        "grant execute on function internal.recount_clients(text[]) to safestories_therapist",
        "grant execute on function internal.account_name(integer) to public",
        "revoke execute on function internal.account_name(integer) from safestories_therapist",
        "revoke usage on schema internal from safestories_therapist",
    ] {
        assert!(is_whole(api.database()).await, "before {opening}");
        run(&mut conn, opening).await;
        assert!(!is_whole(api.database()).await, "{opening}");
        migrate::apply(api.database()).await.expect(opening);
    }
    assert!(is_whole(api.database()).await);
    let open = texts(
        &mut conn,
        "select 'everybody' where has_table_privilege('safestories_therapist', 'internal.erasure_certificates', 'select')
         union all
         select 'removes' where has_table_privilege('safestories_therapist', 'public.bookings', 'delete')
         union all
         select 'counts' where has_function_privilege('safestories_therapist', 'internal.recount_clients(text[])', 'execute')",
    )
    .await;
    assert_eq!(open, [] as [&str; 0]);
    // Objects of other programs are not covered by row-level security.
    run(&mut conn, "create table their_own (id integer); grant select on their_own to public").await;
    assert!(is_whole(api.database()).await);
}

/// A policy without an index would be asked of every row.
#[tokio::test]
async fn policies_are_conditions_that_an_index_is_entered_by() {
    let api = TestApi::new().await;
    let mut conn = api.app.db.direct().await.unwrap();
    run(&mut conn, super::PRACTICE).await;
    run(
        &mut conn,
        "insert into bookings (booking_id, therapist_id, booking_start_at)
         select 'X' || n, 'T' || n % 3 + 1, timestamp '2020-01-01' + n * interval '1 hour' from generate_series(1, 5000) n;
         analyze bookings",
    )
    .await;
    let mut conn = t1(&api, &mut conn).await;
    let plan = texts(
        &mut conn,
        "explain select booking_id
         from bookings
         where booking_id is not null
         order by coalesce(booking_start_at, '-infinity') desc, booking_id desc
         limit 51",
    )
    .await
    .join("\n");
    assert!(plan.contains("using bookings_by_therapist_start"), "{plan}");
    assert!(plan.contains("Index Cond: (((therapist_id)::text = $0)"), "{plan}");
}
