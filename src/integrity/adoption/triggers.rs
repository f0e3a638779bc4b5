//! Objects that act on the twenty tables by themselves: triggers, rules, row security, keys with actions.
//!
//! Such objects can undo or double the server's changes, so nobody should adopt them unaware. They are listed first;
//! only an explicit choice accepts them or switches them off.

use sqlx::PgConnection;

use super::catalogue::Catalogue;
use crate::db::migrate::TABLES;

/// One thing that acts by itself.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Active {
    /// Its kind, name and table.
    pub what: String,
    /// The statement that switches it off; none where that is not ours to do.
    pub off: Option<String>,
}

/// All that are in force in `public`.
pub(super) async fn read(conn: &mut PgConnection, wanted: &Catalogue) -> sqlx::Result<Vec<Active>> {
    let mut all: Vec<Active> = sqlx::query_as(ON_TABLES).bind(TABLES.as_slice()).fetch_all(&mut *conn).await?;
    let keys: Vec<(String, String, String)> =
        sqlx::query_as(KEYS_WITH_ACTIONS).bind(TABLES.as_slice()).fetch_all(conn).await?;
    all.extend(keys.into_iter().map(|(what, arrow, drop)| Active {
        what,
        // One of our twenty is made anew without its action. Any other key is for its owner to drop.
        off: wanted.foreign_keys.iter().any(|key| key.arrow() == arrow).then_some(drop),
    }));
    Ok(all)
}

const ON_TABLES: &str = "
    with ours as (
        select pg_class.oid, relname, relrowsecurity, relforcerowsecurity
        from pg_class
        join pg_namespace on pg_namespace.oid = relnamespace
        where nspname = 'public' and relname = any ($1) and relkind = 'r'
    )
    select format('trigger %s on %s: %s', tgname, relname, pg_get_triggerdef(pg_trigger.oid)) as what,
           format('alter table public.%I disable trigger %I', relname, tgname) as off
    from ours
    join pg_trigger on tgrelid = ours.oid
    join pg_proc on pg_proc.oid = tgfoid
    where not tgisinternal and tgenabled <> 'D' and pronamespace is distinct from to_regnamespace('internal')
    union all
    select format('rule %s on %s: %s', rulename, relname, regexp_replace(pg_get_ruledef(pg_rewrite.oid), '[[:space:]]+', ' ', 'g')),
           format('alter table public.%I disable rule %I', relname, rulename)
    from ours
    join pg_rewrite on ev_class = ours.oid
    where ev_enabled <> 'D'
    union all
    select format('row security on %s', relname) || coalesce(': ' || policies.names, ''),
           concat_ws('; ',
               format('alter table public.%1$I disable row level security, no force row level security', relname),
               policies.dropped)
    from ours
    cross join lateral (
        select string_agg(polname, ', ' order by polname) as names,
               string_agg(format('drop policy %I on public.%I', polname, relname), '; ') as dropped
        from pg_policy
        where polrelid = ours.oid
          and polname !~ '^safestories_'
    ) policies
    where relforcerowsecurity
       -- Those that sleep wake up when the server secures rows.
       or policies.names is not null
       -- Ours let everybody else pass; it is no more than that they do not where theirs came first.
       or relrowsecurity
          and not exists (
              select
              from pg_policy
              where polrelid = ours.oid
                and polname = 'safestories_others'
                and polroles = '{0}'
          )
    order by 1";

const KEYS_WITH_ACTIONS: &str = "
    select format('foreign key %s on %s: %s', conname, conrelid::regclass, pg_get_constraintdef(pg_constraint.oid)),
           case
               when cardinality(conkey) = 1 and t.relnamespace = r.relnamespace
               then format('%s.%s → %s.%s', t.relname, a.attname, r.relname, ra.attname)
               else 'not one of ours'
           end,
           format('alter table %s drop constraint %I', conrelid::regclass, conname)
    from pg_constraint
    join pg_class t on t.oid = conrelid
    join pg_class r on r.oid = confrelid
    join pg_namespace on pg_namespace.oid = r.relnamespace
    join pg_attribute a on a.attrelid = conrelid and a.attnum = conkey[1]
    join pg_attribute ra on ra.attrelid = confrelid and ra.attnum = confkey[1]
    where nspname = 'public'
      and r.relname = any ($1)
      and contype = 'f'
      and conparentid = 0
      and (confdeltype not in ('a', 'r') or confupdtype not in ('a', 'r'))
    order by 1";
