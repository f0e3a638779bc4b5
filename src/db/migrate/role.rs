//! The login of therapists' requests and its group ([`crate::db::rls`]): made where that may be done from here, and asked for
//! where not.
//!
//! - Roles belong to the cluster and not to the database, so they are made beside the migrations. Databases share the group,
//!   several are migrated at the same moment, and a dump that is restored elsewhere comes without roles. Each database has a
//!   login of its own, whose name and password it holds; an administrator may have made it instead, and given its address.
//! - Both must be able to do nothing by themselves: no superuser, no way past row security, no member of other roles (the
//!   owner's members are past row security too), no owner of anything, no temporary tables. One that is more is not put
//!   right from here, since somebody made it so.
//! - The group of those who open booking links has no login: the owner becomes a member, and takes the role for a transaction.
//! - Policies and grants that name the group are lost where a dump is restored before it exists, and somebody may have changed
//!   them. A digest of them is kept: they are made again where it differs, by `migrations/policies.sql`.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};

use super::{
    ddl::attempt,
    set::{MIGRATIONS, RunError},
    status::Error,
};
use crate::db::rls::{GUESTS, ROLE};

/// How often a step is tried that another database's migration was in the way of.
const ATTEMPTS: u32 = 50;
/// It stands for a password in the statements that are printed.
const PASSWORD: &str = "'…'";

/// A login of therapists' requests.
#[derive(Debug)]
pub(crate) struct Login {
    name: String,
    /// None where an administrator made it.
    password: Option<String>,
}

/// The statements that an administrator of the cluster runs to put the roles right; empty when all is well.
pub(crate) async fn lacking(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let name = match recorded(conn).await? {
        Some(login) => login.name,
        None => wanted_name(conn).await?,
    };
    Ok(statements(lacking_of(conn, &name, false).await?))
}

/// A statement that puts the roles right.
#[derive(Debug, sqlx::FromRow)]
struct Step {
    /// Whether it may be run from here; for a login, where its password is known.
    from_here: bool,
    statement: String,
}

async fn lacking_of(conn: &mut PgConnection, login: &str, has_password: bool) -> sqlx::Result<Vec<Step>> {
    let mut lacking: Vec<Step> =
        sqlx::query_as(LACKING).bind(ROLE).bind(login).bind(has_password).bind(GUESTS).fetch_all(&mut *conn).await?;
    let sequences = sequences_out_of_reach(conn).await?;
    lacking.extend(sequences.into_iter().map(|Sequence { name, whose: _, asking }| Step {
        from_here: false,
        statement: format!("grant usage on sequence {name} to {ROLE}, {asking}"),
    }));
    Ok(lacking)
}

fn statements(steps: Vec<Step>) -> Vec<String> {
    steps.into_iter().map(|step| step.statement).collect()
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

/// The login that the database holds.
async fn recorded(conn: &mut PgConnection) -> sqlx::Result<Option<Login>> {
    let exists: bool =
        sqlx::query_scalar("select to_regclass('internal.therapist_login') is not null").fetch_one(&mut *conn).await?;
    if !exists {
        return Ok(None);
    }
    let row: Option<(String, Option<String>)> =
        sqlx::query_as("select login, password from internal.therapist_login where login is not null")
            .fetch_optional(conn)
            .await?;
    Ok(row.map(|(name, password)| Login { name, password }))
}

/// The name of a login that is still to be made: the database's, or a hash of it where that is too long.
async fn wanted_name(conn: &mut PgConnection) -> sqlx::Result<String> {
    sqlx::query_scalar(
        "select $1 || '_' || case when octet_length(name) + octet_length($1) < 63 then name else left(md5(name), 16) end
         from (select current_database()::text as name) this",
    )
    .bind(ROLE)
    .fetch_one(conn)
    .await
}

/// Makes the roles and the membership, where they are missing. `given` is a login that an administrator made.
///
/// # Errors
/// [`Error::Role`], with the statements for the administrator, where that cannot be done from here.
pub(crate) async fn ensure_roles(conn: &mut PgConnection, given: Option<&str>) -> Result<Login, Error> {
    let login = match given {
        Some(name) => Login { name: name.to_owned(), password: None },
        None => match recorded(conn).await?.filter(|login| login.password.is_some()) {
            Some(login) => login,
            None => new_login(conn).await?,
        },
    };
    let mut lacking = Vec::new();
    for _ in 0..ATTEMPTS {
        lacking = lacking_of(conn, &login.name, login.password.is_some()).await?;
        let Some(step) = lacking.first() else { return Ok(login) };
        if !lacking.iter().all(|step| step.from_here) {
            break;
        }
        let password = format!("'{}'", login.password.as_deref().unwrap_or_default());
        let mut tx = conn.begin().await?;
        let attempted = attempt(&mut tx, &step.statement.replace(PASSWORD, &password)).await?;
        tx.commit().await?;
        if let Err(refusal) = attempted {
            // Somebody else has just made it, or is about to. XX000: "tuple concurrently updated".
            if !matches!(refusal.code().as_deref(), Some("23505" | "42710" | "XX000")) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    Err(Error::Role(statements(lacking)))
}

/// Keeps the login in the migrated database.
pub(crate) async fn record(conn: &mut PgConnection, login: &Login) -> sqlx::Result<()> {
    sqlx::query(
        "update internal.therapist_login
         set login = $1, password = $2
         where (login, password) is distinct from ($1, $2)",
    )
    .bind(&login.name)
    .bind(&login.password)
    .execute(conn)
    .await
    .map(drop)
}

/// A login that is still to be made. Its name is a longer one where there is a role of that name: it may be another database's.
async fn new_login(conn: &mut PgConnection) -> sqlx::Result<Login> {
    let (name, password) = sqlx::query_as(
        "select case
                    when exists (select from pg_catalog.pg_roles where rolname = $1)
                        then left($1, 50) || '_' || left(md5(gen_random_uuid()::text), 8)
                    else $1
                end,
                encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex')",
    )
    .bind(wanted_name(conn).await?)
    .fetch_one(conn)
    .await?;
    Ok(Login { name, password: Some(password) })
}

/// Whether the policies and grants that name the role are those that the migration made.
pub(crate) async fn is_whole(conn: &mut PgConnection) -> sqlx::Result<bool> {
    let whole: Option<bool> =
        sqlx::query_scalar("select value = internal.rls_digest() from internal.properties where name = 'rls'")
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

/// The steps in their order, with whether each is run from here.
const LACKING: &str = "
    with therapist as (
        select oid, rolname::text, rolname = $2::text as is_login,
               rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication
                   or rolcanlogin <> (rolname = $2) or not rolinherit as unlike
        from pg_catalog.pg_roles
        where rolname in ($1::text, $2::text, $4::text)
    ), server as (
        select current_setting('server_version_num')::integer >= 160000 as tells_set
    ), steps (place, from_here, statement) as (
        select 1, true, format('create role %I nologin', $1)
        where not exists (select from therapist where rolname = $1)
        union all
        select 2, $3::boolean, format('create role %I login password ''…''', $2)
        where not exists (select from therapist where is_login)
        union all
        select 3, true,
               format('grant %I to %I%s', $1, $2, case when tells_set then ' with inherit true, set false' else '' end)
        from server
        where not coalesce(
            (select pg_has_role(login.oid, grouped.oid, 'usage')
             from therapist login
             join therapist grouped on grouped.rolname = $1
             where login.is_login),
            false
        )
        union all
        select 4, false,
               format('alter role %I %s inherit nosuperuser nobypassrls nocreaterole nocreatedb noreplication', rolname,
                      case when is_login then 'login' else 'nologin' end)
        from therapist
        where unlike
        union all
        select 5, false, format('revoke %I from %I', pg_get_userbyid(m.roleid), rolname)
        from therapist
        join pg_catalog.pg_auth_members m on m.member = therapist.oid
        where not (is_login and pg_get_userbyid(m.roleid) = $1)
        union all
        select 6, false, format('reassign owned by %I to %I', rolname, current_user)
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
        select 7, false, format('grant usage on schema public to %I', rolname)
        from therapist
        join pg_catalog.pg_namespace n on n.nspname = 'public'
        where not is_login
          and not has_schema_privilege(therapist.oid, n.oid, 'usage')
          and not pg_has_role(n.nspowner, 'usage')
          and not has_schema_privilege(n.oid, 'usage with grant option')
        union all
        -- Everybody may have temporary tables, by default.
        select 8, true,
               format('revoke temporary on database %I from %s', current_database(),
                      case when acl.grantee = 0 then 'public' else acl.grantee::regrole::text end)
        from pg_catalog.pg_database d
        cross join aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) acl
        where d.datname = current_database()
          and acl.privilege_type = 'TEMPORARY'
          and (acl.grantee = 0 or acl.grantee in (select oid from therapist))
        union all
        select 9, false, format('revoke create on database %I from public, %I, %I, %I', current_database(), $1, $2, $4)
        where exists (select from therapist where has_database_privilege(oid, current_database(), 'create'))
        union all
        -- A role may change its own defaults.
        select distinct 10, false, format('alter role %I reset all', rolname)
        from therapist
        join pg_catalog.pg_db_role_setting s on s.setrole = therapist.oid
        union all
        select 11, true, format('create role %I nologin', $4)
        where not exists (select from therapist where rolname = $4)
        union all
        select 12, true,
               format('grant %I to %I%s', $4, current_user, case when tells_set then ' with inherit false, set true' else '' end)
        from server
        where not coalesce(
            (select pg_has_role(guests.oid, case when tells_set then 'set' else 'member' end)
             from therapist guests
             where guests.rolname = $4),
            false
        )
    )
    select from_here, statement
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
