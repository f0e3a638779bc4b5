//! The twenty tables in PostgreSQL's catalogue: columns, unique rules, foreign keys, indexes.
//!
//! The tables as they should be are [`Catalogue::wanted`]: `tables.json`, which `safestories dev prepare` reads off a database
//! with nothing but the migrations, by the queries that read the found ones. So both are in PostgreSQL's own spelling; with
//! an empty `search_path` it is independent of the role.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use sqlx::{Connection, PgConnection};

use crate::db::migrate::TABLES;

/// The tables as they should be, as [`describe`] writes them.
pub const WANTED: &str = include_str!("tables.json");

/// The twenty tables.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Catalogue {
    pub tables: Vec<String>,
    pub columns: Vec<Column>,
    pub uniques: Vec<Unique>,
    pub foreign_keys: Vec<ForeignKey>,
    pub indexes: Vec<Index>,
    /// The definition of `get_ist_timestamp()`, which a default calls.
    pub function: Option<String>,
}

/// A column of one of the tables.
#[derive(Debug, Clone, Serialize, Deserialize, sqlx::FromRow)]
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
#[derive(Debug, Clone, Serialize, Deserialize, sqlx::FromRow)]
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

/// An index that makes nothing unique.
#[derive(Debug, Clone, Serialize, Deserialize, sqlx::FromRow)]
pub(super) struct Index {
    pub table: String,
    pub name: String,
    pub definition: String,
}

/// A foreign key of one column between two of the tables.
#[derive(Debug, Clone, Serialize, Deserialize, sqlx::FromRow)]
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
    /// The tables as the migrations make them.
    pub fn wanted() -> &'static Self {
        static TABLES: LazyLock<Catalogue> =
            LazyLock::new(|| serde_json::from_str(WANTED).expect("what `safestories dev prepare` wrote"));
        &TABLES
    }

    /// The tables as they stand in `public`.
    pub async fn read(conn: &mut PgConnection) -> sqlx::Result<Self> {
        Ok(Self {
            tables: sqlx::query_scalar(TABLES_IN).bind(TABLES.as_slice()).fetch_all(&mut *conn).await?,
            columns: sqlx::query_as(COLUMNS).bind(TABLES.as_slice()).fetch_all(&mut *conn).await?,
            uniques: sqlx::query_as(UNIQUES).bind(TABLES.as_slice()).fetch_all(&mut *conn).await?,
            foreign_keys: sqlx::query_as(FOREIGN_KEYS).bind(TABLES.as_slice()).fetch_all(&mut *conn).await?,
            indexes: sqlx::query_as(INDEXES).bind(TABLES.as_slice()).fetch_all(&mut *conn).await?,
            function: sqlx::query_scalar(FUNCTION).fetch_one(conn).await?,
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

/// The tables of a migrated database as `tables.json` has them: one line for each thing.
pub async fn describe(conn: &mut PgConnection) -> sqlx::Result<String> {
    let mut tx = conn.begin().await?;
    sqlx::query("set local search_path to ''").execute(&mut *tx).await?;
    let json =
        serde_json::to_string(&Catalogue::read(&mut tx).await?).map_err(|error| sqlx::Error::Encode(error.into()))?;
    tx.rollback().await?;
    Ok(json.replace("},{", "},\n{").replace("[{", "[\n{") + "\n")
}

const TABLES_IN: &str = "
    select relname::text
    from pg_class
    join pg_namespace on pg_namespace.oid = relnamespace
    where nspname = 'public'
      and relname = any ($1)
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
    where nspname = 'public'
      and relname = any ($1)
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
    where nspname = 'public'
      and t.relname = any ($1)
      and indisunique
      and indisvalid
      and indimmediate
      and indpred is null
    order by 1, 2";

const INDEXES: &str = "
    select t.relname::text as \"table\", i.relname::text as name, pg_get_indexdef(indexrelid) as definition
    from pg_index
    join pg_class t on t.oid = indrelid
    join pg_class i on i.oid = indexrelid
    join pg_namespace on pg_namespace.oid = t.relnamespace
    where nspname = 'public'
      and t.relname = any ($1)
      and indisvalid
      and not indisunique
    order by 1, 2";

const FUNCTION: &str = "select pg_get_functiondef(to_regprocedure('public.get_ist_timestamp()'))";

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
    where nspname = 'public'
      and t.relname = any ($1)
      and r.relname = any ($1)
      and contype = 'f'
      and cardinality(conkey) = 1
    order by 1, 2";
