//! The role that therapists' requests run under ([`crate::db::rls`]): created where the login may create roles, else an
//! error names the statement.
//!
//! - A role belongs to the cluster and not to the database, so it is made beside the migrations: many databases share it,
//!   several are migrated at the same moment, and a dump that is restored elsewhere comes without it.
//! - It must be able to do nothing by itself: no superuser, no way past row security, no member of another role (the
//!   owner's members are past row security too), no owner of anything. A role with more rights is reported and not
//!   changed, since somebody gave it those rights.
//! - The connecting login has to be allowed to `set role` to it, which PostgreSQL 16 distinguishes from being a member.
//! - Policies and grants that name the role are lost where a dump is restored before it exists, and somebody may have
//!   changed them. So a digest of them is stored, and where it differs, `migrations/policies.sql` is run again.

use std::time::Duration;

use sqlx::PgConnection;

use super::{
    ddl::attempt,
    set::{MIGRATIONS, RunError},
    status::Error,
};
use crate::db::rls::ROLE;

/// How often a step is tried that another database's migration was in the way of.
const ATTEMPTS: u32 = 50;

/// The statements that an administrator of the cluster runs to put the role right; empty when all is well.
pub async fn lacking(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let mut lacking: Vec<String> = sqlx::query_scalar(LACKING).bind(ROLE).fetch_all(&mut *conn).await?;
    let sequences = sequences_out_of_reach(conn).await?;
    lacking.extend(
        sequences
            .into_iter()
            .map(|Sequence { name, whose: _, asking }| format!("grant usage on sequence {name} to {ROLE}, {asking}")),
    );
    Ok(lacking)
}

/// A sequence that numbers notes on an adopted database, free-standing and another role's.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Sequence {
    /// Its name, as SQL.
    pub name: String,
    /// Its owner, as SQL.
    pub whose: String,
    /// The connecting role, as SQL.
    pub asking: String,
}

/// The sequences that number the notes therapists add, and that cannot be granted to them from here, nor were.
pub(crate) async fn sequences_out_of_reach(conn: &mut PgConnection) -> sqlx::Result<Vec<Sequence>> {
    sqlx::query_as(SEQUENCES).bind(ROLE).fetch_all(conn).await
}

/// Makes the role and the right to set it, where they are missing.
///
/// # Errors
/// [`Error::Role`], with the statements for the administrator, where that cannot be done from here.
pub(crate) async fn ensure_role(conn: &mut PgConnection) -> Result<(), Error> {
    for _ in 0..ATTEMPTS {
        let lacking = lacking(conn).await?;
        let granting = format!("grant {ROLE} to ");
        let ours = |statement: &&String| statement.starts_with("create role") || statement.starts_with(&granting);
        let Some(statement) = lacking.iter().find(ours).filter(|_| lacking.iter().all(|one| ours(&one))) else {
            return if lacking.is_empty() { Ok(()) } else { Err(Error::Role(lacking)) };
        };
        if let Err(refusal) = attempt(conn, statement).await? {
            // Somebody else has just made it, or is about to. XX000: "tuple concurrently updated".
            if !matches!(refusal.code().as_deref(), Some("23505" | "42710" | "XX000")) {
                return Err(Error::Role(lacking));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    Err(Error::Role(lacking(conn).await?))
}

/// Whether the policies and grants that name the role are those that the migration made.
pub(crate) async fn is_whole(conn: &mut PgConnection) -> sqlx::Result<bool> {
    let whole: Option<bool> =
        sqlx::query_scalar("select value = internal.rls_digest() from internal.facts where name = 'rls'")
            .fetch_optional(conn)
            .await?;
    Ok(whole == Some(true))
}

/// Makes the policies and grants again, unless they are whole.
pub(crate) async fn complete(conn: &mut PgConnection) -> Result<(), RunError> {
    if !is_whole(conn).await? {
        MIGRATIONS.run_policies(conn).await?;
    }
    Ok(())
}

/// In this order: statements that are run from here where the rights permit, then those that never are. The right to
/// set the role is checked for the session's own role, as `set role` does.
const LACKING: &str = "
    with therapist as (
        select oid, rolname, rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication or rolcanlogin
            as powerful
        from pg_catalog.pg_roles
        where rolname = $1
    ), server as (
        select current_setting('server_version_num')::integer >= 160000 as tells_set,
               (select rolsuper from pg_catalog.pg_roles where rolname = session_user) as super
    ), steps (place, statement) as (
        select 1, format('create role %I nologin', $1)
        where not exists (select from therapist)
        union all
        select 2, format('grant %I to %I%s', $1, session_user,
                         case when tells_set then ' with inherit false, set true' else '' end)
        from server
        where not coalesce(
            (select super or pg_has_role(session_user, therapist.oid, case when tells_set then 'SET' else 'MEMBER' end)
             from therapist),
            false
        )
        union all
        select 3, format('alter role %I nologin nosuperuser nobypassrls nocreaterole nocreatedb noreplication', rolname)
        from therapist
        where powerful
        union all
        select 4, format('revoke %I from %I', pg_get_userbyid(m.roleid), rolname)
        from therapist
        join pg_catalog.pg_auth_members m on m.member = therapist.oid
        union all
        select 5, format('reassign owned by %I to %I', rolname, current_user)
        from therapist
        where exists (
            select
            from pg_catalog.pg_shdepend d
            where d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
              and d.refobjid = therapist.oid
              and d.deptype = 'o'
              and d.dbid in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
        )
        union all
        select 6, format('grant usage on schema public to %I', rolname)
        from therapist
        join pg_catalog.pg_namespace n on n.nspname = 'public'
        where not has_schema_privilege(therapist.oid, n.oid, 'usage')
          and not pg_has_role(n.nspowner, 'usage')
          and not has_schema_privilege(n.oid, 'usage with grant option')
        union all
        -- A login that takes another role's part, and inherits nothing of it: it could name no therapist.
        select 7, format('grant select on internal.facts to %I', session_user)
        where not has_table_privilege(session_user, to_regclass('internal.facts'), 'select')
    )
    select statement
    from steps
    order by place, statement";

/// A sequence can be granted by its owner, and by a role that may grant it on. Where the owner of a sequence has granted it to
/// both roles himself, nothing is left to do.
const SEQUENCES: &str = "
    select distinct
        format('%I.%I', n.nspname, s.relname) as name,
        quote_ident(pg_get_userbyid(s.relowner)) as whose,
        quote_ident(current_user) as asking
    from pg_catalog.pg_attrdef a
    join pg_catalog.pg_depend d
        on d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
        and d.objid = a.oid
        and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    join pg_catalog.pg_class s on s.oid = d.refobjid and s.relkind = 'S'
    join pg_catalog.pg_namespace n on n.oid = s.relnamespace
    where a.adrelid in (to_regclass('public.client_session_notes'), to_regclass('public.client_additional_notes'))
      and not pg_has_role(s.relowner, 'usage')
      and not has_sequence_privilege(s.oid, 'usage with grant option')
      and not (
          has_sequence_privilege(s.oid, 'usage')
          and coalesce(
              (select has_sequence_privilege(r.oid, s.oid, 'usage') from pg_catalog.pg_roles r where r.rolname = $1),
              false
          )
      )
    order by 1";
