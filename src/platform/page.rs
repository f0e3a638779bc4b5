//! Keyset pagination: a page ends with the key of its last row, the next one starts after it.
//!
//! Cursors stay true while rows come and go, and cost the same on page ten thousand as on page one. They are sealed,
//! since keys hold names, and bound to their list and its order: a cursor of another list does not open.
//!
//! A list's statement is written twice, once in each direction ([`Position::descending`]), with the key as text:
//!
//! ```sql
//! where ($3::text is null or (coalesce(start, '-infinity'), id) < ($3::timestamp, $4)) order by … desc limit $5
//! ```

use axum::{
    extract::{FromRequestParts, OriginalUri},
    http::{HeaderValue, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};

use super::{
    app::App,
    caller::Scope,
    csv::{self, Form},
    error::{Error, Result},
    extract::{Json, Pairs},
    work::UnitOfWork,
};

/// How many rows a page holds if nothing is said.
const DEFAULT_LIMIT: u16 = 50;
/// The most rows a page holds.
const MAX_LIMIT: u16 = 200;

/// The query parameters of every list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// How many rows at most (1 to 200).
    #[serde(default, deserialize_with = "limit")]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50, example = 50)]
    limit: Option<u16>,
    /// Where to go on: `page.next` or `page.prev` of an earlier answer under the same order.
    #[param(min_length = 1, example = "AbYv0q3X")]
    cursor: Option<String>,
    /// `total`: also count all rows of the list (costs a count).
    #[param(inline)]
    include: Option<Include>,
}

/// What a list may include beside its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
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
                    .into()
            }
        }

        impl ::utoipa::ToSchema for $name {}

        impl $crate::platform::page::Order for $name {
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

#[derive(Serialize, Deserialize)]
struct Cursor {
    #[serde(rename = "k")]
    key: Key,
    /// Whether the page wanted lies before the key.
    #[serde(rename = "b")]
    backwards: bool,
}

/// A list that can be read page by page, forwards and backwards: what a list's handler hands to [`ListRequest::answer`].
pub trait List: Send + Sync + 'static {
    /// A row, as it is answered.
    type Row: Serialize + ToSchema + Send + 'static;
    /// The orders it can be read in.
    type Order: Order;

    /// Whether it may leave as CSV too: the lists of the clinical record may not.
    const AS_CSV: bool = true;

    /// Reads the rows beyond a position, in its direction. One statement.
    fn rows(
        &self,
        db: &mut PgConnection,
        order: Self::Order,
        position: &Position,
    ) -> impl Future<Output = Result<Vec<Self::Row>>> + Send;

    /// Counts all rows.
    fn total(&self, db: &mut PgConnection) -> impl Future<Output = Result<i64>> + Send;

    /// Where a row stands.
    fn key(row: &Self::Row) -> Key;
}

/// Where reading starts, in which direction, and how far it goes.
#[derive(Debug, Clone)]
pub struct Position {
    /// The row to start beyond; none: at the end that the direction starts from.
    pub from: Option<Key>,
    /// Whether to read towards smaller keys.
    pub descending: bool,
    /// How many rows to read.
    pub limit: i64,
}

impl Position {
    /// The sort key to start beyond.
    #[must_use]
    pub fn sort(&self) -> Option<&str> {
        self.from.as_ref().map(|key| key.sort.as_str())
    }

    /// The id to start beyond.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.from.as_ref().map(|key| key.id.as_str())
    }
}

/// What a list's handler takes: the filter `F` and the page in order `O`, read from one query string.
#[derive(Debug)]
pub struct Listing<F, O> {
    /// What to list.
    pub filter: F,
    /// Which page of it.
    pub request: ListRequest<O>,
}

/// The filter of a list that has none.
#[derive(Debug, Deserialize)]
pub struct NoFilter {}

/// A request for one page of a list, or for the whole of it as CSV.
#[derive(Debug)]
pub struct ListRequest<O> {
    order: O,
    with_total: bool,
    limit: u16,
    from: Option<Key>,
    backwards: bool,
    form: Form,
    uri: Uri,
    app: App,
    scope: Scope,
}

/// The order, as a parameter of its own.
#[derive(Deserialize)]
struct OrderParam<O> {
    #[serde(default)]
    sort: O,
}

impl<F: DeserializeOwned, O: Order> FromRequestParts<App> for Listing<F, O> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        // The router strips prefixes from nested requests; links need the whole path.
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
        let mut pairs = Pairs::parse(uri.query().unwrap_or_default())?;
        let filter = pairs.read()?;
        let OrderParam { sort: order } = pairs.read::<OrderParam<O>>()?;
        let params: PageParams = pairs.read()?;
        pairs.finish()?;
        let mut request = ListRequest {
            order,
            with_total: params.include.is_some(),
            limit: params.limit.unwrap_or(DEFAULT_LIMIT),
            from: None,
            backwards: false,
            form: Form::wanted(&parts.headers),
            uri: uri.clone(),
            app: app.clone(),
            scope: Scope::of_route(parts),
        };
        if let Some(cursor) = params.cursor {
            let cursor = request
                .open(&cursor)
                .ok_or_else(|| Error::query("cursor", "is not a cursor of this list in this order"))?;
            request.from = Some(cursor.key);
            request.backwards = cursor.backwards;
        }
        Ok(Self { filter, request })
    }
}

impl<O: Order> ListRequest<O> {
    /// Answers with the page, or with the whole list as CSV where the client accepts that.
    ///
    /// # Errors
    ///
    /// If the list cannot be read, too many lists are being streamed, or this one is not told as CSV.
    pub async fn answer<L: List<Order = O>>(self, list: L) -> Result<Response> {
        match self.form {
            Form::Csv | Form::CsvOrJson if L::AS_CSV => {
                return csv::stream(&self.app, &self.scope, list, self.order).await;
            }
            _ => self.ensure_json()?,
        }
        let mut db = self.app.db.read(&self.scope).await?;
        let (rows, total) = self.read(&mut db, &list).await?;
        db.answered();
        Ok(self.page(rows, total, L::key))
    }

    /// Fails where nothing but CSV is accepted. For the lists that are never told as CSV and put the read on record first:
    /// what is not answered was not read.
    ///
    /// # Errors
    ///
    /// [`Error::NotAcceptable`].
    pub fn ensure_json(&self) -> Result<()> {
        if self.form == Form::Csv { Err(Error::NotAcceptable("application/json")) } else { Ok(()) }
    }

    /// Answers with the page once `record` has put on record what it shows, in the transaction that reads it. What shows
    /// nothing leaves nothing.
    ///
    /// # Errors
    ///
    /// If the list cannot be read, only CSV is accepted, or nothing can be recorded.
    pub async fn answer_on_record<L: List<Order = O>>(
        self,
        mut uow: UnitOfWork,
        list: L,
        record: impl FnOnce(&mut UnitOfWork, &[L::Row]),
    ) -> Result<Response> {
        self.ensure_json()?;
        let (rows, total) = self.read(uow.db(), &list).await?;
        let shown = &rows[..rows.len().min(self.limit.into())];
        if !shown.is_empty() {
            record(&mut uow, shown);
            uow.commit().await?;
        }
        Ok(self.page(rows, total, L::key))
    }

    /// The rows of the page, and one more where there are more; how many there are of all, if that was asked.
    async fn read<L: List<Order = O>>(&self, db: &mut PgConnection, list: &L) -> Result<(Vec<L::Row>, Option<i64>)> {
        let position = Position {
            from: self.from.clone(),
            descending: self.order.is_descending() != self.backwards,
            limit: i64::from(self.limit) + 1,
        };
        let rows = list.rows(db, self.order, &position).await?;
        let total = if self.with_total { Some(list.total(db).await?) } else { None };
        Ok((rows, total))
    }

    /// Cuts `rows` to the asked size, puts them in order, and notes where the neighbouring pages start.
    fn page<T: Serialize>(self, mut rows: Vec<T>, total: Option<i64>, key: impl Fn(&T) -> Key) -> Response {
        let more = rows.len() > usize::from(self.limit);
        rows.truncate(self.limit.into());
        if self.backwards {
            rows.reverse();
        }
        let (after, before) = if self.backwards { (true, more) } else { (more, self.from.is_some()) };
        let cursor = |row: Option<&T>, wanted: bool, backwards: bool| {
            row.filter(|_| wanted).map(|row| self.close(&Cursor { key: key(row), backwards }))
        };
        let next = cursor(rows.last(), after, false);
        let prev = cursor(rows.first(), before, true);
        let link = self.links(next.as_deref(), prev.as_deref());
        let page = PageInfo { limit: self.limit, next, prev, total };
        let mut response = Json(Page { data: rows, page }).into_response();
        response.headers_mut().extend(link.map(|link| (header::LINK, link)));
        response
    }

    /// What a cursor is bound to.
    fn context(&self) -> String {
        format!("{} {}", self.uri.path(), self.order.word())
    }

    fn close(&self, cursor: &Cursor) -> String {
        let json = serde_json::to_vec(cursor).unwrap_or_default();
        BASE64.encode(self.app.seals.cursors.seal(&self.context(), &json))
    }

    fn open(&self, cursor: &str) -> Option<Cursor> {
        let sealed = BASE64.decode(cursor).ok()?;
        serde_json::from_slice(&self.app.seals.cursors.open(&self.context(), &sealed)?).ok()
    }

    /// The `Link` header (RFC 8288): this request under other cursors.
    fn links(&self, next: Option<&str>, prev: Option<&str>) -> Option<HeaderValue> {
        let query = self.uri.query().unwrap_or_default().as_bytes();
        let kept: Vec<_> = form_urlencoded::parse(query).filter(|(name, _)| name != "cursor").collect();
        let link = |cursor: Option<&str>, rel: &str| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(&kept);
            query.extend_pairs(cursor.map(|cursor| ("cursor", cursor)));
            format!("<{}?{}>; rel=\"{rel}\"", self.uri.path(), query.finish())
        };
        let neighbours = [prev.map(|cursor| link(Some(cursor), "prev")), next.map(|cursor| link(Some(cursor), "next"))];
        let links: Vec<String> = std::iter::once(link(None, "first")).chain(neighbours.into_iter().flatten()).collect();
        HeaderValue::try_from(links.join(", ")).ok()
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows, in order.
    data: Vec<T>,
    /// Where this page stands.
    page: PageInfo,
}

/// Where a page stands in its list.
#[derive(Debug, Serialize, ToSchema)]
pub struct PageInfo {
    /// How many rows at most.
    #[schema(example = 50, minimum = 1, maximum = 200)]
    limit: u16,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
    /// The cursor of the page before; null on the first.
    prev: Option<String>,
    /// How many rows the list holds; only with `include=total`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 3000, nullable = false)]
    total: Option<i64>,
}
