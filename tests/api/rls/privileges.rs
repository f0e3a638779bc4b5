//! Everything that the login of therapists' requests may do, against `privileges.txt`: table by table, column by column,
//! function by function. A right that is not in the file was opened by accident; one that is missing was closed by accident.

use super::{login, practice};

/// What it has by itself, through its group, and as everybody has; of functions and operators of PostgreSQL's own nothing.
const PRIVILEGES: &str = "
    with relations as (
        select c.oid, format('%s.%s', n.nspname, c.relname) as name, c.relkind
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('public', 'internal')
          and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    )
    select 'database ' || lower(verb)
    from unnest(array['CONNECT', 'CREATE', 'TEMPORARY']) verb
    where has_database_privilege($1, current_database(), verb)
    union all
    select format('schema %s %s', nspname, lower(verb))
    from pg_namespace
    cross join unnest(array['USAGE', 'CREATE']) verb
    where nspname not in ('pg_catalog', 'information_schema')
      and has_schema_privilege($1, oid, verb)
    union all
    select format('%s %s', r.name, lower(verb))
    from relations r
    cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) verb
    where r.relkind <> 'S'
      and has_table_privilege($1, r.oid, verb)
    union all
    select format('%s %s (%s)', r.name, lower(verb), string_agg(a.attname, ', ' order by a.attnum < 0, a.attnum))
    from relations r
    cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) verb
    join pg_attribute a on a.attrelid = r.oid and not a.attisdropped
    where r.relkind <> 'S'
      and has_column_privilege($1, r.oid, a.attnum, verb)
    group by r.name, verb
    union all
    select format('%s %s', r.name, lower(verb))
    from relations r
    cross join unnest(array['USAGE', 'SELECT', 'UPDATE']) verb
    where r.relkind = 'S'
      and has_sequence_privilege($1, r.oid, verb)
    union all
    select format('execute %s%s', p.oid::regprocedure, case when p.prosecdef then ', as the owner' else '' end)
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('public', 'internal')
      and p.prorettype <> 'trigger'::regtype
      and has_function_privilege($1, p.oid, 'execute')
      and not exists (
          select
          from pg_depend d
          where d.classid = 'pg_proc'::regclass
            and d.objid = p.oid
            and d.deptype = 'e'
      )
    order by 1";

#[tokio::test]
async fn the_login_has_the_privileges_that_are_written_down() {
    let (_api, mut owner) = practice().await;
    let login = login(&mut owner).await;
    let mut found: Vec<String> = sqlx::query_scalar(PRIVILEGES).bind(&login).fetch_all(&mut owner).await.unwrap();
    found.sort();
    let written = include_str!("privileges.txt");
    let found = found.join("\n") + "\n";
    if found != written {
        let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/privileges.txt");
        std::fs::write(path, &found).unwrap();
        let added = found.lines().filter(|line| !written.lines().any(|known| known == *line));
        let gone = written.lines().filter(|line| !found.lines().any(|known| known == *line));
        let unlike: Vec<String> =
            added.map(|line| format!("+ {line}")).chain(gone.map(|line| format!("- {line}"))).collect();
        panic!("tests/api/rls/privileges.txt differs from {path}:\n{}", unlike.join("\n"));
    }
}
