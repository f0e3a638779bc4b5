//! Statements that are checked whole and run pruned.
//!
//! The statement of a list stands once, with every condition and every order that a request may ask for: sqlx checks all of it
//! when it is compiled. PostgreSQL plans and runs what a request uses, so that each combination has one good plan:
//!
//! - A condition (a line that begins with `and`, and the lines below it until its brackets are closed) is left out if an argument of it is `None`.
//! - A line that ends in `-- with $N`, and the lines below it until its brackets are closed, is left out if that argument is `None`.
//! - A line that ends in `-- by WORD` belongs to the order of that name; one that ends in `-- by any` to all of them. Both are
//!   written for the descending order: in the ascending one `<` reads `>`, and `desc` reads `asc`.
//! - An `i64`, which is a limit, is written into the statement: PostgreSQL takes a tenth of all rows for an unknown one.
//! - A statement with a line that ends in `-- planned anew` is not kept: how much such a condition selects depends on what is
//!   asked for.
//! - What was made of a statement is kept, by what the request uses, so that it is made once.
//! - The same statement counts what it finds, without its orders and keys: the brackets that a line ending in `-- counted` opens,
//!   or all of it.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{
    future::{self, BoxFuture, FutureExt as _},
    stream::{self, BoxStream, StreamExt as _},
};
use sqlx::{
    AssertSqlSafe, Describe, Either, Execute, Executor, PgConnection, Postgres, Row as _, SqlStr,
    postgres::{PgArguments, PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};
use uuid::Uuid;

use crate::domain::time::Timestamp;

/// The order that a statement is read in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sort<'c> {
    /// Its name, without a direction.
    pub by: &'static str,
    /// Whether the largest key comes first.
    pub descending: bool,
    /// Set where the rows are counted and not read: takes how many there are.
    pub count: Option<&'c OnceLock<i64>>,
}

/// What an argument does in a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// Leaves out the conditions that bind it.
    Absent,
    /// Is bound.
    Bound,
    /// Is written into the statement.
    Written(i64),
}

/// A value that a pruned statement takes.
pub trait Argument {
    /// What it does there.
    fn used(&self) -> Use {
        Use::Bound
    }
}

impl<T> Argument for Option<T> {
    fn used(&self) -> Use {
        if self.is_some() { Use::Bound } else { Use::Absent }
    }
}

impl Argument for i64 {
    fn used(&self) -> Use {
        Use::Written(*self)
    }
}

impl Argument for Timestamp {}
impl Argument for DateTime<Utc> {}
impl Argument for TimeDelta {}
impl Argument for Uuid {}
impl Argument for &str {}
impl Argument for i32 {}
impl Argument for bool {}
impl Argument for &[&str] {}

/// Runs a checked statement pruned: `pruned!(fetch_all(db, sort), query_as!(Row), ["select …"], argument, argument => Type)`.
macro_rules! pruned {
    (
        $fetch:ident($db:expr, $sort:expr), $macro:ident!($($row:ty)?), [$($sql:literal)+]
        $(, $argument:expr $(=> $type:ty)?)* $(,)?
    ) => {{
        static FORMS: $crate::db::pruned::Forms = $crate::db::pruned::Forms::none();
        let uses = vec![$($crate::db::pruned::Argument::used(&$argument)),*];
        // On the heap: rows have many columns, and operations read some on their way.
        Box::pin(
            sqlx::$macro!($($row,)? "" $(+ $sql)+, $($argument $(as $type)?),*)
                .$fetch($crate::db::pruned::Pruned::new($db, &FORMS, $sort, uses)),
        )
        .await
    }};
}
pub(crate) use pruned;

/// How many forms of a statement are kept: a client may ask for every length of a page.
const MOST_FORMS: usize = 64;

/// The forms of one statement that were run, by what was used of it.
#[derive(Debug)]
pub struct Forms(Mutex<BTreeMap<Asked, Form>>);

/// What a request uses of a statement: its arguments, the order and its direction, and whether it counts.
type Asked = (Vec<Use>, &'static str, bool, bool);

/// A statement as it runs, and whether it is kept prepared.
type Form = (Arc<str>, bool);

impl Forms {
    /// Of a statement that has not been run.
    pub const fn none() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    fn query(
        &self,
        whole: &SqlStr,
        uses: Vec<Use>,
        sort: Sort<'_>,
        arguments: PgArguments,
    ) -> sqlx::query::Query<'static, Postgres, PgArguments> {
        let (sql, is_kept) = self.of(whole.as_str(), uses, sort);
        sqlx::query_with(AssertSqlSafe(sql), arguments).persistent(is_kept)
    }

    fn of(&self, whole: &str, uses: Vec<Use>, sort: Sort<'_>) -> Form {
        let asked = (uses, sort.by, sort.descending, sort.count.is_some());
        let mut forms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(form) = forms.get(&asked) {
            return form.clone();
        }
        if forms.len() >= MOST_FORMS {
            forms.clear();
        }
        let (sql, is_kept) = prune(whole, &asked.0, sort);
        forms.entry(asked).or_insert((sql.into(), is_kept)).clone()
    }
}

/// A connection that prunes what it runs.
#[derive(Debug)]
pub struct Pruned<'c> {
    db: &'c mut PgConnection,
    forms: &'static Forms,
    sort: Sort<'c>,
    uses: Vec<Use>,
}

impl<'c> Pruned<'c> {
    /// For one statement, with its forms; `uses` in the order of its arguments.
    pub fn new(db: &'c mut PgConnection, forms: &'static Forms, sort: Sort<'c>, uses: Vec<Use>) -> Self {
        Self { db, forms, sort, uses }
    }
}

impl<'c> Executor<'c> for Pruned<'c> {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, mut query: E) -> BoxStream<'e, sqlx::Result<Either<PgQueryResult, PgRow>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let query = match arguments(&mut query) {
            Ok(arguments) => self.forms.query(&query.sql(), self.uses, self.sort, arguments),
            Err(error) => return stream::once(async { Err(error) }).boxed(),
        };
        let Some(count) = self.sort.count else { return self.db.fetch_many(query) };
        stream::once(async move {
            let rows = self.db.fetch_one(query).await?.try_get(0)?;
            count.get_or_init(|| rows);
            Ok(Either::Left(PgQueryResult::default()))
        })
        .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, mut query: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        match arguments(&mut query) {
            Ok(arguments) => self.db.fetch_optional(self.forms.query(&query.sql(), self.uses, self.sort, arguments)),
            Err(error) => future::ready(Err(error)).boxed(),
        }
    }

    fn prepare_with<'e>(self, sql: SqlStr, types: &'e [PgTypeInfo]) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'c: 'e,
    {
        self.db.prepare_with(sql, types)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<Postgres>>>
    where
        'c: 'e,
    {
        self.db.describe(sql)
    }
}

fn arguments<'q>(query: &mut impl Execute<'q, Postgres>) -> sqlx::Result<PgArguments> {
    Ok(query.take_arguments().map_err(sqlx::Error::Encode)?.unwrap_or_default())
}

/// The statement as it runs, and whether it is kept prepared.
fn prune(whole: &str, uses: &[Use], sort: Sort<'_>) -> (String, bool) {
    let lines: Vec<Line<'_>> = whole.lines().map(Line::parse).filter(|line| !line.code.is_empty()).collect();
    let mut pruned = String::with_capacity(whole.len());
    let mut is_kept = true;
    let mut rest = lines.as_slice();
    if sort.count.is_some() {
        pruned.push_str("select count(*) from (\n");
        rest = counted(rest);
    }
    while let [line, below @ ..] = rest {
        rest = below;
        if line.is_condition() || line.with.is_some() {
            let mut open = line.opens();
            let is_part = |below: &&Line<'_>| {
                let is_part = open > 0;
                open += below.opens();
                is_part
            };
            let rest_of_it = below.iter().take_while(is_part).count();
            let mut whole = std::iter::once(line).chain(&below[..rest_of_it]);
            let is_absent = match line.with {
                Some(number) => usage(uses, Some(number)) == Some(Use::Absent),
                None => whole.any(|line| line.binds_absent(uses)),
            };
            if is_absent || !line.belongs_to(sort) {
                rest = &below[rest_of_it..];
                continue;
            }
        }
        if !line.belongs_to(sort) {
            continue;
        }
        is_kept &= !line.is_planned_anew;
        line.write(&mut pruned, uses, sort);
    }
    if sort.count.is_some() {
        pruned.push_str(") counted\n");
    }
    (pruned, is_kept)
}

/// The lines of a statement that are counted.
fn counted<'s, 'a>(lines: &'s [Line<'a>]) -> &'s [Line<'a>] {
    let Some(start) = lines.iter().position(|line| line.is_counted) else { return lines };
    let below = &lines[start + 1..];
    let mut open = lines[start].opens();
    let is_within = |line: &&Line<'_>| {
        open += line.opens();
        open > 0
    };
    &below[..below.iter().take_while(is_within).count()]
}

/// A line of a statement.
#[derive(Debug)]
struct Line<'a> {
    code: &'a str,
    /// The order it belongs to.
    order: Option<&'a str>,
    /// The argument it depends on.
    with: Option<usize>,
    is_planned_anew: bool,
    is_counted: bool,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Self {
        let (code, mark) = line.split_once(" -- ").unwrap_or((line, ""));
        Self {
            code: code.trim(),
            order: mark.strip_prefix("by "),
            with: mark.strip_prefix("with $").and_then(|number| number.parse().ok()),
            is_planned_anew: mark == "planned anew",
            is_counted: mark == "counted",
        }
    }

    /// Whether it is part of what is read in an order; what is counted has none.
    fn belongs_to(&self, sort: Sort<'_>) -> bool {
        match self.order {
            Some(by) => sort.count.is_none() && (by == "any" || by == sort.by),
            None => sort.count.is_none() || self.code != "order by",
        }
    }

    fn is_condition(&self) -> bool {
        self.code.starts_with("and ")
    }

    /// How many brackets more it opens than it closes.
    fn opens(&self) -> i32 {
        self.code.bytes().map(|byte| i32::from(byte == b'(') - i32::from(byte == b')')).sum()
    }

    /// The parts between its parameters, and the number of the one after each.
    fn parameters(&self) -> impl Iterator<Item = (&'a str, Option<usize>)> {
        let mut parts = self.code.split('$');
        let first = parts.next().map(|code| (code, None));
        first.into_iter().chain(parts.map(|part| {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            (&part[digits..], part[..digits].parse().ok())
        }))
    }

    fn binds_absent(&self, uses: &[Use]) -> bool {
        self.parameters().any(|(_, number)| usage(uses, number) == Some(Use::Absent))
    }

    fn write(&self, sql: &mut String, uses: &[Use], sort: Sort<'_>) {
        let turned = self.order.is_some() && !sort.descending;
        for (code, number) in self.parameters() {
            // Writing into a string does not fail.
            let _ = match (usage(uses, number), number) {
                (Some(Use::Written(value)), _) => write!(sql, "{value}"),
                (_, Some(number)) => write!(sql, "${number}"),
                (_, None) => Ok(()),
            };
            if turned {
                sql.push_str(&code.replace('<', ">").replace(" desc", " asc"));
            } else {
                sql.push_str(code);
            }
        }
        sql.push('\n');
    }
}

/// What the argument of a number does.
fn usage(uses: &[Use], number: Option<usize>) -> Option<Use> {
    uses.get(number?.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "
        select b.id,
               (true
                   and exists (select from c where c.id = $1)
               ) as seen,
               concat(
                   b.at, -- by at
                   b.name, -- by name
                   ''
               ) as key
        from b
        where true
          and b.at >= $2
          and (
              b.name like $3 -- planned anew
              or b.mail like $1
          )
          and (b.at, b.id) < ($4, $5) -- by at
          and (b.name, b.id) < ($4, $5) -- by name
        order by
            b.at desc, -- by at
            b.name desc, -- by name
            b.id desc -- by any
        limit $6";

    fn pruned(uses: [Use; 6], by: &'static str, descending: bool) -> (String, bool) {
        let (sql, is_kept) = prune(LIST, &uses, Sort { by, descending, count: None });
        (sql.split_whitespace().collect::<Vec<_>>().join(" "), is_kept)
    }

    #[test]
    fn what_is_not_asked_for_is_left_out() {
        use Use::{Absent, Written};
        let (sql, is_kept) = pruned([Absent, Absent, Absent, Absent, Absent, Written(51)], "at", true);
        assert_eq!(
            sql,
            "select b.id, (true ) as seen, concat( b.at, '' ) as key from b where true order by b.at desc, b.id desc limit 51"
        );
        assert!(is_kept);
    }

    #[test]
    fn what_is_asked_for_stays_and_turns_with_the_direction() {
        use Use::{Bound, Written};
        let (sql, is_kept) = pruned([Bound, Bound, Bound, Bound, Bound, Written(6)], "name", false);
        assert_eq!(
            sql,
            "select b.id, (true and exists (select from c where c.id = $1) ) as seen, concat( b.name, '' ) as key from b where \
             true and b.at >= $2 and ( b.name like $3 or b.mail like $1 ) and (b.name, b.id) > ($4, $5) order by b.name asc, \
             b.id asc limit 6"
        );
        assert!(!is_kept);
    }

    #[test]
    fn a_form_is_made_once_and_not_too_many_are_kept() {
        let forms = Forms::none();
        let form = |limit| forms.of("select 1\nlimit $1", vec![Use::Written(limit)], Sort::default()).0;
        let first = form(1);
        assert_eq!(&*first, "select 1\nlimit 1\n");
        assert!(Arc::ptr_eq(&first, &form(1)));
        for limit in 2..1000 {
            assert_eq!(*form(limit), format!("select 1\nlimit {limit}\n"));
        }
        assert!(forms.0.lock().unwrap().len() <= MOST_FORMS);
    }

    #[test]
    fn a_part_is_left_out_with_its_argument() {
        let union = "select 1\nunion all ( -- with $1\nselect 2\nwhere $1 and $2\n)\nlimit $2";
        let pruned = |uses: [Use; 2]| prune(union, &uses, Sort::default()).0.replace('\n', " ");
        assert_eq!(pruned([Use::Absent, Use::Bound]), "select 1 limit $2 ");
        assert_eq!(pruned([Use::Bound, Use::Absent]), "select 1 union all ( select 2 where $1 and $2 ) limit $2 ");
    }

    #[test]
    fn what_is_counted_has_no_order() {
        use Use::{Absent, Bound, Written};
        let count = OnceLock::new();
        let sort = Sort { by: "name", descending: true, count: Some(&count) };
        let counted = |statement: &str| {
            let (sql, _) = prune(statement, &[Absent, Bound, Absent, Absent, Absent, Written(11)], sort);
            sql.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            counted(LIST),
            "select count(*) from ( select b.id, (true ) as seen, concat( '' ) as key from b where true and b.at >= $2 limit 11 \
             ) counted"
        );
        let within = format!("select w.*\nfrom ( -- counted\n{LIST}\n) f\njoin wide w on w.id = f.id");
        assert_eq!(counted(&within), counted(LIST));
    }
}
