//! The rights that the connecting role needs to migrate. They are checked first, so that the error is a sentence with
//! the statement that helps, and not the failure of some statement in the middle.

use sqlx::PgConnection;

use super::{ddl::TABLES, role};

/// The rights that the role lacks to create the tables and the schema `internal`, and to grant therapists the
/// sequences; none on most databases it owns.
pub(crate) async fn lacking(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let mut lacking: Vec<String> = sqlx::query_scalar(
        "select format(
                    'the role %s may not create anything in the %2$s: `grant create on %2$s to %3$s`',
                    current_user, object, quote_ident(current_user)
                )
         from (
             values ('database ' || quote_ident(current_database()),
                     has_database_privilege(current_database(), 'create')),
                    ('schema public',
                     coalesce(has_schema_privilege(to_regnamespace('public'), 'create'), false))
         ) needed (object, allowed)
         where not allowed",
    )
    .fetch_all(&mut *conn)
    .await?;
    for role::Sequence { name, whose, asking } in role::sequences_out_of_reach(conn).await? {
        lacking.push(format!(
            "the sequence {name}, which numbers notes, belongs to {whose}: as that role, \
             `grant usage on sequence {name} to {asking} with grant option`"
        ));
    }
    Ok(lacking)
}

/// The statements that keep others from creating anything in `public`; none where only the owner, a group of the owner's alone,
/// superusers and those who administer the database may. A function that somebody makes there can be called by the owner's statements, in place of one
/// of PostgreSQL's of the same name: that of the nearer argument types is taken, whatever the search path.
pub(crate) async fn creators(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "select distinct format('revoke create on schema public from %s',
                                case when acl.grantee = 0 then 'public' else acl.grantee::regrole::text end)
         from pg_catalog.pg_namespace n
         cross join aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) acl
         left join pg_catalog.pg_roles r on r.oid = acl.grantee
         cross join (select datdba from pg_catalog.pg_database where datname = current_database()) this
         where n.nspname = 'public'
           and acl.privilege_type = 'CREATE'
           and not coalesce(
               r.rolsuper
                   or r.rolname = 'pg_database_owner'
                   or r.oid = this.datdba
                   or pg_has_role(r.oid, current_user, 'member')
                   -- A group of the owner's. With other members, or a login of its own, it is others.
                   or pg_has_role(current_user, r.oid, 'member')
                       and not r.rolcanlogin
                       and not exists (
                           select
                           from pg_catalog.pg_auth_members m
                           where m.roleid = r.oid
                             and not pg_has_role(m.member, current_user, 'member')
                       ),
               false
           )
         order by 1",
    )
    .fetch_all(conn)
    .await
}

/// Functions and operators in `public` that have the name of one of PostgreSQL's, and functions there that run with their
/// owner's rights for everybody; none of an extension.
pub(crate) async fn suspect_functions(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "select format('the %s of %s %s', what, whose::regrole, fault)
         from (
             select 'function ' || p.oid::regprocedure, p.proowner, p.oid, 'pg_proc'::regclass, fault
             from pg_catalog.pg_proc p
             cross join lateral (
                 select 'has the name of one of PostgreSQL''s: statements may call it instead'
                 where exists (
                     select
                     from pg_catalog.pg_proc c
                     where c.pronamespace = 'pg_catalog'::regnamespace
                       and c.proname = p.proname
                 )
                 union all
                 select 'runs with its owner''s rights for everybody, therapists'' requests too: '
                     || 'revoke execute on it from public'
                 where p.prosecdef
                   -- Those of triggers cannot be called.
                   and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
                   and exists (
                       select
                       from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) acl
                       where acl.grantee = 0
                   )
             ) faulty (fault)
             where p.pronamespace = to_regnamespace('public')
             union all
             select 'operator ' || o.oid::regoperator, o.oprowner, o.oid, 'pg_operator'::regclass,
                    'has the name of one of PostgreSQL''s: statements may call it instead'
             from pg_catalog.pg_operator o
             where o.oprnamespace = to_regnamespace('public')
               and exists (
                   select
                   from pg_catalog.pg_operator c
                   where c.oprnamespace = 'pg_catalog'::regnamespace
                     and c.oprname = o.oprname
               )
         ) suspect (what, whose, oid, kind, fault)
         where not exists (
             select
             from pg_catalog.pg_depend d
             where d.classid = suspect.kind
               and d.objid = suspect.oid
               and d.deptype = 'e'
         )
         order by 1",
    )
    .fetch_all(conn)
    .await
}

/// Relations with the names of the tables that are no plain tables or belong to someone else.
pub(crate) async fn out_of_reach(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "select case
                    when relkind <> 'r' then format('%s is not a plain table', relname)
                    when relpersistence <> 'p' then format(
                        'table %1$s is emptied after a crash: `alter table public.%1$s set logged`', relname
                    )
                    else format(
                        'table %1$s belongs to %2$s: as that role, `alter table public.%1$s owner to %3$s`',
                        relname, pg_get_userbyid(relowner), quote_ident(current_user)
                    )
                end
         from pg_catalog.pg_class
         join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
         where nspname = 'public'
           and relname = any ($1)
           and relkind in ('r', 'p', 'v', 'm', 'f')
           and (relkind <> 'r' or relpersistence <> 'p' or not pg_has_role(relowner, 'usage'))
         order by 1",
    )
    .bind(TABLES.as_slice())
    .fetch_all(conn)
    .await
}
