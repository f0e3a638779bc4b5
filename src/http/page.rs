//! Keyset pagination: a page ends with the key of its last row, the next one starts after it.
//!
//! Cursors stay true while rows come and go, and cost the same on page ten thousand as on page one. They are sealed,
//! since keys hold names, and bound to their list and its order: a cursor of another list does not open.
//!
//! A list's statement stands once, and is run [pruned](crate::db::pruned), with the key as text:
//!
//! ```sql
//! where true
//!   and (b.start, b.id) < ($3::text::timestamp, $4) -- by start
//! order by
//!     b.start desc, -- by start
//!     b.id desc -- by any
//! limit $5
//! ```
//!
//! The same statement counts the list for `include=total`.

use std::sync::OnceLock;

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use crate::{
    db::pruned::Sort,
    domain::time::Timestamp,
    error::{Error, Result},
};

/// The default number of rows of a page.
pub(crate) const DEFAULT_LIMIT: u16 = 50;
/// The most rows a page holds.
const MAX_LIMIT: u16 = 200;

/// The query parameters of every list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// How many rows at most (1 to 200).
    #[serde(default, deserialize_with = "limit")]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50, example = 50)]
    pub(crate) limit: Option<u16>,
    /// Where to go on: `page.next` or `page.prev` of an earlier answer under the same order.
    #[param(min_length = 1, example = "AbYv0q3X")]
    pub(crate) cursor: Option<String>,
    /// `total`: also count the rows of the list; more than 10,000 are counted only where that is quick.
    #[param(inline)]
    pub(crate) include: Option<Include>,
}

/// Values that a list may include beside its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(title = "Include")]
pub enum Include {
    /// `page.total`: how many rows the list holds.
    Total,
}

fn limit<'de, D: Deserializer<'de>>(input: D) -> Result<Option<u16>, D::Error> {
    let fault = || serde::de::Error::custom(format_args!("must be from 1 to {MAX_LIMIT}"));
    let number = Option::<u64>::deserialize(input).map_err(|_| fault())?;
    number
        .map(|number| match u16::try_from(number) {
            Ok(limit @ 1..=MAX_LIMIT) => Ok(limit),
            _ => Err(fault()),
        })
        .transpose()
}

/// An order in which a list can be read: a closed set of words, each of them ascending or descending (`-field`).
pub trait Order: DeserializeOwned + Copy + Default + Send {
    /// The word as in the URL.
    fn word(self) -> &'static str;

    /// Whether the largest key comes first.
    fn is_descending(self) -> bool {
        self.word().starts_with('-')
    }
}

/// Declares an [`Order`]: `orders! { /// … pub BookingOrder: Start = "booking_start_at", … }`, the default first.
macro_rules! orders {
    ($(#[$doc:meta])* $name:ident: $first:ident = $first_word:literal, $($order:ident = $word:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ::serde::Deserialize)]
        pub(crate) enum $name {
            #[default]
            #[serde(rename = $first_word)]
            #[doc = concat!("`", $first_word, "`")]
            $first,
            $(
                #[serde(rename = $word)]
                #[doc = concat!("`", $word, "`")]
                $order,
            )+
        }

        // By hand, since utoipa does not see a renaming that a macro passes on.
        impl ::utoipa::PartialSchema for $name {
            fn schema() -> ::utoipa::openapi::RefOr<::utoipa::openapi::Schema> {
                ::utoipa::openapi::ObjectBuilder::new()
                    .schema_type(::utoipa::openapi::schema::Type::String)
                    .enum_values(Some([$first_word, $($word),+]))
                    .default(Some($first_word.into()))
                    .title(Some(stringify!($name)))
                    .into()
            }
        }

        impl ::utoipa::ToSchema for $name {}

        impl $crate::http::page::Order for $name {
            fn word(self) -> &'static str {
                match self {
                    Self::$first => $first_word,
                    $(Self::$order => $word,)+
                }
            }
        }
    };
}
pub(crate) use orders;

/// Where a row stands in its list: its sort key as PostgreSQL writes it, and its id, which breaks ties.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Key {
    /// The sort key.
    pub sort: String,
    /// The id.
    pub id: String,
}

/// A list that can be read page by page, forwards and backwards.
pub trait List: Send + Sync + 'static {
    /// A row, as it is answered.
    type Row: Serialize + ToSchema + Send + 'static;
    /// The orders it can be read in.
    type Order: Order;

    /// Whether it may leave as CSV too: the lists of the clinical record may not.
    const AS_CSV: bool = true;

    /// Reads the rows after a position, in its direction; or, for a position that counts, none. One statement.
    fn rows(
        &self,
        db: &mut PgConnection,
        order: Self::Order,
        position: &Position,
    ) -> impl Future<Output = Result<Vec<Self::Row>>> + Send;

    /// How many rows there are, where figures know it.
    fn known_total(&self, _: &mut PgConnection) -> impl Future<Output = Result<Option<i64>>> + Send {
        async { Ok(None) }
    }

    /// The first row in the default order; the only one of a list of one.
    fn first(&self, db: &mut PgConnection) -> impl Future<Output = Result<Option<Self::Row>>> + Send {
        async {
            let order = Self::Order::default();
            let position = Position { from: None, descending: order.is_descending(), limit: 1, count: None };
            Ok(self.rows(db, order, &position).await?.pop())
        }
    }

    /// A row as it leaves as CSV: without what opens something to whoever has it.
    fn exported(row: Self::Row) -> Self::Row {
        row
    }

    /// When the rows were found, of a list that a background task keeps.
    fn as_of(&self) -> Option<Timestamp> {
        None
    }

    /// Where a row stands.
    fn key(row: &Self::Row) -> Key;
}

/// The start, the direction and the length of a read.
#[derive(Debug, Clone)]
pub struct Position {
    /// The key after which the page starts; none: at the end where the direction starts.
    pub from: Option<Key>,
    /// Whether to read towards smaller keys.
    pub descending: bool,
    /// How many rows to read.
    pub limit: i64,
    /// Set where the rows are counted, up to the limit, and not read: takes how many there are.
    pub count: Option<OnceLock<i64>>,
}

impl Position {
    /// The order in which the rows are read.
    pub fn sorted(&self, order: impl Order) -> Sort<'_> {
        Sort { by: order.word().trim_start_matches('-'), descending: self.descending, count: self.count.as_ref() }
    }

    /// The sort key after which the page starts.
    pub fn sort(&self) -> Option<&str> {
        self.from.as_ref().map(|key| key.sort.as_str())
    }

    /// The id after which the page starts.
    pub fn id(&self) -> Option<&str> {
        self.from.as_ref().map(|key| key.id.as_str())
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows, in order.
    pub(crate) data: Vec<T>,
    /// Where this page stands.
    pub(crate) page: PageInfo,
}

/// Where a page stands in its list.
#[derive(Debug, Serialize, ToSchema)]
pub struct PageInfo {
    /// How many rows at most.
    #[schema(example = 50, minimum = 1, maximum = 200)]
    pub(crate) limit: u16,
    /// The cursor of the next page; null on the last.
    pub(crate) next: Option<String>,
    /// The cursor of the page before; null on the first.
    pub(crate) prev: Option<String>,
    /// How many rows the list holds; only with `include=total`. At most 10,000, unless figures know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 3000, nullable = false)]
    pub(crate) total: Option<i64>,
    /// True where there are more rows than `total`; else it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) total_is_more: Option<bool>,
    /// When the rows were found, of a list that is kept and not found anew for each request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::domain::time::Instant>, nullable = false)]
    pub(crate) as_of: Option<Timestamp>,
}

/// The most rows that are counted one by one.
const MOST_COUNTED: i64 = 10_000;

/// Counts the rows of a list; with whether there are more.
pub(super) async fn total<L: List>(list: &L, db: &mut PgConnection) -> Result<(i64, Option<bool>)> {
    if let Some(known) = list.known_total(db).await? {
        return Ok((known, None));
    }
    let rows = count(list, db, MOST_COUNTED + 1).await?;
    Ok((rows.min(MOST_COUNTED), (rows > MOST_COUNTED).then_some(true)))
}

/// Counts the rows of a list one by one, up to `most`.
pub(crate) async fn count<L: List>(list: &L, db: &mut PgConnection, most: i64) -> Result<i64> {
    let position = Position { from: None, descending: true, limit: most, count: Some(OnceLock::new()) };
    list.rows(db, L::Order::default(), &position).await?;
    let counted = position.count.and_then(OnceLock::into_inner);
    counted.ok_or_else(|| Error::internal("a list that was not counted"))
}
