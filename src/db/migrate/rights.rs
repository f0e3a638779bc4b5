//! The rights that the connecting role needs to migrate. They are checked first, so that the error is a sentence with
//! the statement that helps, and not the failure of some statement in the middle.

use sqlx::PgConnection;

use super::{role, tables::TABLES};

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
