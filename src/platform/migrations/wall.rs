//! The role that therapists' requests run under ([`crate::platform::wall`]): made where that may be done from here, and
//! asked for where not.
//!
//! - A role belongs to the cluster and not to the database, so it is made beside the migrations: many databases share it,
//!   several are migrated at the same moment, and a dump that is restored elsewhere comes without it.
//! - It must be able to do nothing by itself: no superuser, no way past row security, no member of another role (the
//!   owner's members are past row security too), no owner of anything. One that is more is not put right from here, since
//!   somebody made it so.
//! - Whoever connects has to be allowed to `set role` to it, which PostgreSQL 16 distinguishes from being a member.
//! - Policies and grants that name the role are lost where a dump is restored before it exists. They are made again, by the
//!   procedure that the migration made them with.

use std::time::Duration;

use sqlx::PgConnection;

use super::{ddl::attempt, status::Error};
use crate::platform::wall::ROLE;

/// How often a step is tried that another database's migration was in the way of.
const ATTEMPTS: u32 = 50;

/// What the role lacks, as the statements that an administrator of the cluster runs; empty when all is well.
///
/// # Errors
/// If the catalogue cannot be read.
pub async fn lacking(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let lacking: Vec<String> = sqlx::query_scalar(LACKING).bind(ROLE).fetch_all(conn).await?;
    Ok(lacking)
}

/// Makes the role and the right to set it, where they are missing.
///
/// # Errors
/// [`Error::Wall`], with the statements for the administrator, where that cannot be done from here.
pub(super) async fn ensure_role(conn: &mut PgConnection) -> Result<(), Error> {
    for _ in 0..ATTEMPTS {
        let lacking = lacking(conn).await?;
        let ours = |statement: &&String| statement.starts_with("create role") || statement.starts_with("grant");
        let Some(statement) = lacking.iter().find(ours).filter(|_| lacking.iter().all(|one| ours(&one))) else {
            return if lacking.is_empty() { Ok(()) } else { Err(Error::Wall(lacking)) };
        };
        if let Err(refusal) = attempt(conn, statement).await? {
            // Somebody else has just made it, or is about to. XX000: "tuple concurrently updated".
            if !matches!(refusal.code().as_deref(), Some("23505" | "42710" | "XX000")) {
                return Err(Error::Wall(lacking));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    Err(Error::Wall(lacking(conn).await?))
}

/// Whether the policies and grants that name the role are those that the migration made.
///
/// # Errors
/// If the database refuses.
pub(super) async fn is_whole(conn: &mut PgConnection) -> sqlx::Result<bool> {
    let whole: Option<bool> =
        sqlx::query_scalar("select value = internal.wall_extent() from internal.facts where name = 'wall'")
            .fetch_optional(conn)
            .await?;
    Ok(whole == Some(true))
}

/// Makes the policies and grants again.
///
/// # Errors
/// If the database refuses.
pub(super) async fn build(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::raw_sql("call internal.build_wall()").execute(conn).await.map(drop)
}

/// In this order: what is done from here where it may be; what never is. The right to set the role is asked of the
/// session's own role, as `set role` does.
const LACKING: &str = "
    with wall as (
        select oid, rolname, rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication or rolcanlogin
            as powerful
        from pg_catalog.pg_roles
        where rolname = $1
    ), server as (
        select current_setting('server_version_num')::integer >= 160000 as tells_set,
               (select rolsuper from pg_catalog.pg_roles where rolname = session_user) as super
    ), steps (place, statement) as (
        select 1, format('create role %I nologin', $1)
        where not exists (select from wall)
        union all
        select 2, format('grant %I to %I%s', $1, session_user,
                         case when tells_set then ' with inherit false, set true' else '' end)
        from server
        where not coalesce(
            (select super or pg_has_role(session_user, wall.oid, case when tells_set then 'SET' else 'MEMBER' end)
             from wall),
            false
        )
        union all
        select 3, format('alter role %I nologin nosuperuser nobypassrls nocreaterole nocreatedb noreplication', rolname)
        from wall
        where powerful
        union all
        select 4, format('revoke %I from %I', pg_get_userbyid(m.roleid), rolname)
        from wall
        join pg_catalog.pg_auth_members m on m.member = wall.oid
        union all
        select 5, format('reassign owned by %I to %I', rolname, current_user)
        from wall
        where exists (
            select
            from pg_catalog.pg_shdepend d
            where d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
              and d.refobjid = wall.oid
              and d.deptype = 'o'
              and d.dbid in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
        )
    )
    select statement
    from steps
    order by place, statement";
