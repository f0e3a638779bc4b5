//! Other objects in `public` or on the twenty tables. They stay, and are reported so that nobody is surprised by them.

use sqlx::PgConnection;

use super::catalogue::Catalogue;
use crate::db::migrate::TABLES;

/// Sentences about everything that is neither one of the tables nor one of their wanted rules.
pub(super) async fn read(conn: &mut PgConnection, wanted: &Catalogue, found: &Catalogue) -> sqlx::Result<Vec<String>> {
    let mut theirs: Vec<String> =
        sqlx::query_scalar(BESIDE_TABLES).bind(TABLES.as_slice()).fetch_all(&mut *conn).await?;
    let rules: Vec<(String, String, String)> =
        sqlx::query_as(ON_TABLES).bind(TABLES.as_slice()).fetch_all(&mut *conn).await?;
    for (table, name, definition) in rules {
        let recognised = found.uniques.iter().any(|rule| {
            rule.table == table && rule.name == name && wanted.uniques.iter().any(|other| other.same_rule(rule))
        }) || found.foreign_keys.iter().any(|rule| {
            rule.table == table && rule.name == name && wanted.foreign_keys.iter().any(|other| other.same_rule(rule))
        });
        if !recognised {
            theirs.push(format!("{name} on {table}: {definition}"));
        }
    }
    theirs.append(&mut sqlx::query_scalar(ROLES).bind(TABLES.as_slice()).fetch_all(conn).await?);
    Ok(theirs)
}

const BESIDE_TABLES: &str = "
    select format('%s %s', case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
                                        when 'c' then 'type' else 'table' end, relname)
    from pg_class
    join pg_namespace on pg_namespace.oid = relnamespace
    where nspname = 'public'
      and relkind in ('r', 'p', 'f', 'v', 'm', 'S', 'c')
      and relname <> all ($1)
      and not exists (
          select from pg_depend
          where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype in ('a', 'i', 'e')
      )
    union all
    select format('function %s(%s) returns %s', proname, pg_get_function_identity_arguments(pg_proc.oid),
                  format_type(prorettype, null))
    from pg_proc
    join pg_namespace on pg_namespace.oid = pronamespace
    where nspname = 'public'
      and not exists (
          select from pg_depend where classid = 'pg_proc'::regclass and objid = pg_proc.oid and deptype = 'e'
      )
    union all
    select format('type %s', typname)
    from pg_type
    join pg_namespace on pg_namespace.oid = typnamespace
    where nspname = 'public' and typtype in ('d', 'e')
    order by 1";

const ON_TABLES: &str = "
    with ours as (
        select pg_class.oid, relname::text
        from pg_class
        join pg_namespace on pg_namespace.oid = relnamespace
        where nspname = 'public' and relname = any ($1) and relkind = 'r'
    )
    select relname, conname::text, pg_get_constraintdef(pg_constraint.oid)
    from ours
    join pg_constraint on conrelid = ours.oid
    where contype in ('c', 'x', 'p', 'u', 'f')
    union all
    select ours.relname, i.relname::text, pg_get_indexdef(indexrelid)
    from ours
    join pg_index on indrelid = ours.oid
    join pg_class i on i.oid = indexrelid
    where not exists (select from pg_constraint where conindid = indexrelid and contype in ('p', 'u', 'x'))
    union all
    select relname, tgname::text, 'a disabled trigger'
    from ours
    join pg_trigger on tgrelid = ours.oid
    where not tgisinternal and tgenabled = 'D'
    order by 1, 2";

/// Roles that row security keeps from `copy` and `pg_dump`, though the policies permit all that they were granted.
const ROLES: &str = "
    select format(
               '%s has rights on %s of the tables: its `copy … from` and pg_dump of them fail under row security, until it '
                   || 'is a member of %s or has BYPASSRLS',
               coalesce('the role ' || quote_ident(rolname), 'everybody (PUBLIC)'), count(distinct relname), min(owner)
           )
    from (
        select pg_roles.rolname, pg_class.relname, quote_ident(pg_get_userbyid(relowner)) as owner
        from pg_class
        join pg_namespace on pg_namespace.oid = relnamespace
        cross join aclexplode(relacl) acl
        left join pg_roles on pg_roles.oid = acl.grantee
        where nspname = 'public'
          and pg_class.relname = any ($1)
          and relkind = 'r'
          and (acl.grantee = 0
               or not (rolsuper or rolbypassrls or pg_has_role(pg_roles.oid, relowner, 'usage')))
    ) others
    group by rolname
    order by 1";
