//! What PostgreSQL says about the twenty tables in one schema: columns, unique rules, foreign keys.
//!
//! The wanted state and the found one are read by the same queries, so that both are in PostgreSQL's own spelling. They
//! must be read with an empty `search_path`, which makes that spelling independent of the role.

use sqlx::PgConnection;

use crate::db::migrate::TABLES;

/// The twenty tables as they stand in one schema.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    pub tables: Vec<String>,
    pub columns: Vec<Column>,
    pub uniques: Vec<Unique>,
    pub foreign_keys: Vec<ForeignKey>,
}

/// A column of one of the tables.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Column {
    pub table: String,
    pub name: String,
    /// The type as it is declared: `character varying(255)`.
    pub declared: String,
    /// The type without its length; `text` for both text and varchar, which are read and written alike.
    pub family: String,
    /// The length, scale or precision as PostgreSQL packs it; -1 where there is none.
    pub modifier: i32,
    pub not_null: bool,
    pub default: Option<String>,
    /// `generated always as (…)`.
    pub computed: bool,
    pub identity: bool,
}

impl Column {
    /// Whether PostgreSQL numbers the rows by itself.
    pub fn is_serial(&self) -> bool {
        self.identity || self.default.as_deref().is_some_and(|default| default.starts_with("nextval("))
    }
}

/// A rule that makes rows unique: a primary key, a constraint, or a plain index. Partial, deferrable and invalid ones do
/// not count: no foreign key can rest on them.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Unique {
    pub table: String,
    pub name: String,
    pub primary: bool,
    /// A constraint; else an index only.
    pub constraint: bool,
    /// Columns and expressions as SQL, sorted.
    pub on: Vec<String>,
}

impl Unique {
    /// Whether both make the same rows unique. `lower(x)` is spelled with a cast where x is a varchar.
    pub fn same_rule(&self, other: &Self) -> bool {
        let bare = |on: &[String]| on.iter().map(|column| column.replace("::text", "")).collect::<Vec<_>>();
        self.table == other.table && bare(&self.on) == bare(&other.on)
    }
}

/// A foreign key of one column between two tables of the schema.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct ForeignKey {
    pub table: String,
    pub name: String,
    pub column: String,
    pub target: String,
    pub target_column: String,
    pub validated: bool,
}

impl ForeignKey {
    pub fn same_rule(&self, other: &Self) -> bool {
        (&self.table, &self.column, &self.target, &self.target_column)
            == (&other.table, &other.column, &other.target, &other.target_column)
    }

    /// `payments.booking_id → bookings.booking_id`
    pub fn arrow(&self) -> String {
        format!("{}.{} → {}.{}", self.table, self.column, self.target, self.target_column)
    }
}

impl Catalogue {
    pub async fn read(conn: &mut PgConnection, schema: &str) -> sqlx::Result<Self> {
        Ok(Self {
            tables: sqlx::query_scalar(TABLES_IN).bind(schema).bind(TABLES.as_slice()).fetch_all(&mut *conn).await?,
            columns: sqlx::query_as(COLUMNS).bind(schema).bind(TABLES.as_slice()).fetch_all(&mut *conn).await?,
            uniques: sqlx::query_as(UNIQUES).bind(schema).bind(TABLES.as_slice()).fetch_all(&mut *conn).await?,
            foreign_keys: sqlx::query_as(FOREIGN_KEYS).bind(schema).bind(TABLES.as_slice()).fetch_all(conn).await?,
        })
    }

    pub fn has_table(&self, table: &str) -> bool {
        self.tables.iter().any(|name| name == table)
    }

    pub fn column(&self, table: &str, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.table == table && column.name == name)
    }

    /// The rule that makes this single column unique.
    pub fn unique_on(&self, table: &str, column: &str) -> Option<&Unique> {
        self.uniques.iter().find(|unique| unique.table == table && unique.on == [column])
    }
}

const TABLES_IN: &str = "
    select relname::text
    from pg_class
    join pg_namespace on pg_namespace.oid = relnamespace
    where nspname = $1
      and relname = any ($2)
      and relkind = 'r'
    order by relname";

const COLUMNS: &str = "
    select relname::text as \"table\",
           attname::text as name,
           format_type(atttypid, atttypmod) as declared,
           case typname
               when 'varchar' then 'text'
               when '_varchar' then 'text[]'
               else format_type(atttypid, null)
           end as family,
           atttypmod as modifier,
           attnotnull as not_null,
           case when attgenerated = '' then pg_get_expr(adbin, adrelid) end as default,
           attgenerated <> '' as computed,
           attidentity <> '' as identity
    from pg_attribute
    join pg_class on pg_class.oid = attrelid
    join pg_namespace on pg_namespace.oid = relnamespace
    join pg_type on pg_type.oid = atttypid
    left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where nspname = $1
      and relname = any ($2)
      and relkind = 'r'
      and attnum > 0
      and not attisdropped
    order by relname, attnum";

const UNIQUES: &str = "
    select t.relname::text as \"table\",
           i.relname::text as name,
           indisprimary as primary,
           exists (select from pg_constraint where conindid = indexrelid and contype in ('p', 'u')) as constraint,
           array(
               select pg_get_indexdef(indexrelid, position, true)
               from generate_series(1, indnkeyatts) position
               order by 1
           ) as on
    from pg_index
    join pg_class t on t.oid = indrelid
    join pg_class i on i.oid = indexrelid
    join pg_namespace on pg_namespace.oid = t.relnamespace
    where nspname = $1
      and t.relname = any ($2)
      and indisunique
      and indisvalid
      and indimmediate
      and indpred is null
    order by 1, 2";

const FOREIGN_KEYS: &str = "
    select t.relname::text as \"table\",
           conname::text as name,
           a.attname::text as column,
           r.relname::text as target,
           ra.attname::text as target_column,
           convalidated as validated
    from pg_constraint
    join pg_class t on t.oid = conrelid
    join pg_class r on r.oid = confrelid
    join pg_namespace on pg_namespace.oid = t.relnamespace and pg_namespace.oid = r.relnamespace
    join pg_attribute a on a.attrelid = conrelid and a.attnum = conkey[1]
    join pg_attribute ra on ra.attrelid = confrelid and ra.attnum = confkey[1]
    where nspname = $1
      and t.relname = any ($2)
      and r.relname = any ($2)
      and contype = 'f'
      and cardinality(conkey) = 1
    order by 1, 2";
